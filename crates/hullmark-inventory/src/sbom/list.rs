//! Inventories for people and shells: a table of 80 columns, and package URLs, one a line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::package::PackageKind;
use crate::{Inventory, purl};

/// Widths of the columns kind, name, version, source and path; with the spaces between them 80.
const WIDTHS: [usize; 5] = [8, 22, 19, 12, 15];

/// Returns the package URLs of an inventory, one a line, sorted, without repetitions.
pub fn purls(inventory: &Inventory) -> String {
    let os = inventory.os.as_ref();
    let urls: BTreeSet<String> =
        inventory.packages.iter().map(|p| purl::of(p, os).to_string()).collect();
    urls.into_iter().map(|url| url + "\n").collect()
}

/// Returns a table of the packages, then the gaps, then the totals. No line is longer than 80 characters.
///
/// Names and versions come from the image: control characters are shown as `?`, so that they cannot steer a terminal.
pub fn table(inventory: &Inventory) -> String {
    let mut out = row(&["KIND", "NAME", "VERSION", "SOURCE", "PATH"]);
    let mut kinds: BTreeMap<PackageKind, usize> = BTreeMap::new();
    for package in &inventory.packages {
        *kinds.entry(package.kind).or_default() += 1;
        let source = package.source.as_ref().map_or("", |s| &s.name);
        let source = if source == package.name { "" } else { source };
        let kind = package.kind.as_str();
        out += &row(&[kind, &package.name, &package.version, source, &package.path]);
    }
    if !inventory.gaps.is_empty() {
        out += "\nGAPS\n";
    }
    for gap in &inventory.gaps {
        let path = if gap.path.is_empty() { String::new() } else { format!(" {}", gap.path) };
        let line = format!("{}{path}: {}", gap.reason.as_str(), gap.detail);
        writeln!(out, "{}", head(&printable(&line), 80)).expect("a string takes all text");
    }
    out += "\n";
    let total = format!(
        "{}, {}",
        plural(inventory.gaps.len(), "gap"),
        plural(inventory.packages.len(), "package")
    );
    let kinds = kinds.into_iter().map(|(kind, count)| format!("{count} {}", kind.as_str()));
    wrap(&mut out, std::iter::once(total).chain(kinds));
    out
}

/// Writes parts separated by commas; the second opens a list that the last one closes.
fn wrap(out: &mut String, parts: impl Iterator<Item = String>) {
    let parts: Vec<String> = parts.collect();
    let mut width = 0;
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        let open = if at == 1 { "(" } else { "" };
        let close = if is_last && at > 0 {
            ")"
        } else if at > 0 {
            ","
        } else {
            ""
        };
        let part = format!("{open}{part}{close}");
        let length = part.chars().count();
        if width > 0 && width + 1 + length > 80 {
            out.push('\n');
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(&part);
        width += length;
    }
    out.push('\n');
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn row(cells: &[&str; 5]) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        let cell = printable(cell);
        // A path says more at its end.
        let cell = if at == 4 { tail(&cell, width) } else { head(&cell, width) };
        write!(line, "{cell:width$} ").expect("a string takes all text");
    }
    line.trim_end().to_owned() + "\n"
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn head(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.into();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

fn tail(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.into();
    }
    std::iter::once('…').chain(text.chars().skip(count - width + 1)).collect()
}
