//! The TOML of lock files, as far as it is needed: a list of tables named `package` (Cargo, Poetry, uv, PDM) or `packages`
//! (PEP 751), one after the other.
//!
//! A general parser holds the whole document, at some seventy times its size where it is densest. This one walks over the text,
//! skips every value that nobody asks for, and keeps one table at a time. See: TOML 1.0.0.

use crate::GapReason;
use crate::catalog::language::json::Unread;

/// A package of a lock file. Texts are as written: names and versions need no escapes.
#[derive(Debug, Default)]
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) source: Source,
    /// Poetry 1: `main` or `dev`.
    pub(super) category: &'a str,
    /// The list of groups, in brackets.
    groups: &'a str,
}

/// Where a package is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Not said.
    #[default]
    Unsaid,
    /// Somewhere else.
    Remote,
    /// A folder of the project.
    Local,
}

impl<'a> Table<'a> {
    /// Returns the groups that need the package; empty where the file does not say.
    pub(super) fn groups(&self) -> impl Iterator<Item = &'a str> {
        // Texts are every second piece between quotes.
        self.groups.split(['"', '\'']).skip(1).step_by(2)
    }

    fn set(&mut self, key: &str, value: &'a str) {
        match key {
            "name" => self.name = text(value),
            "version" => self.version = text(value),
            "category" => self.category = text(value),
            "groups" => self.groups = value,
            "source" => self.source = source(value),
            _ => {}
        }
    }
}

/// Whether a key of a source table says that the package is a folder of the project (uv).
fn is_local(key: &str) -> bool {
    matches!(key.trim(), "editable" | "virtual" | "directory")
}

fn source(value: &str) -> Source {
    // Keys stand outside of quotes, in every second piece, at its end: `{ git = "…", rev = "…" }`.
    let outside = value.split(['"', '\'']).step_by(2);
    let keys = outside.filter_map(|piece| piece.trim_end().strip_suffix('='));
    let mut names = keys.filter_map(|piece| piece.split(['{', ',']).next_back());
    if value.starts_with('{') && names.any(is_local) { Source::Local } else { Source::Remote }
}

fn text(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

/// Reads a lock file, one table after the other.
pub(super) fn read<'a>(document: &'a str, mut take: impl FnMut(&Table<'a>)) -> Result<(), Unread> {
    let mut cursor = Cursor { rest: document.trim_start_matches('\u{feff}') };
    let mut table: Option<Table<'a>> = None;
    let mut place = Place::Elsewhere;
    let read = loop {
        let item = match cursor.item() {
            Ok(Some(item)) => item,
            Ok(None) => break Ok(()),
            Err(unread) => break Err(unread),
        };
        match item {
            Item::List("package" | "packages") => {
                if let Some(table) = table.replace(Table::default()) {
                    take(&table);
                }
                place = Place::Package;
            }
            Item::Header("package.source" | "packages.source") => {
                place = Place::Source;
                if let Some(table) = &mut table {
                    table.source = Source::Remote;
                }
            }
            Item::List(_) | Item::Header(_) => place = Place::Elsewhere,
            Item::Value(key, value) => match (place, &mut table) {
                (Place::Package, Some(table)) => table.set(key, value),
                (Place::Source, Some(table)) if is_local(key) => table.source = Source::Local,
                _ => {}
            },
        }
    };
    if let Some(table) = table {
        take(&table);
    }
    read
}

/// Which table a value belongs to.
#[derive(Clone, Copy)]
enum Place {
    Package,
    Source,
    Elsewhere,
}

enum Item<'a> {
    /// `[[name]]`
    List(&'a str),
    /// `[name]`
    Header(&'a str),
    /// `key = value`
    Value(&'a str, &'a str),
}

struct Cursor<'a> {
    rest: &'a str,
}

fn malformed(detail: &str) -> Unread {
    Unread { reason: GapReason::Malformed, detail: detail.into() }
}

fn truncated() -> Unread {
    Unread { reason: GapReason::Truncated, detail: "a value has no end".into() }
}

impl<'a> Cursor<'a> {
    /// Returns the next item, or `None` at the end.
    fn item(&mut self) -> Result<Option<Item<'a>>, Unread> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                break;
            }
            self.line();
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.rest.starts_with('[') {
            let line = self.line().split('#').next().unwrap_or_default().trim();
            let list = line.strip_prefix("[[").and_then(|line| line.strip_suffix("]]"));
            let header = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
            return match (list, header) {
                (Some(name), _) => Ok(Some(Item::List(name.trim()))),
                (None, Some(name)) => Ok(Some(Item::Header(name.trim()))),
                (None, None) => Err(malformed("a table without an end to its name")),
            };
        }
        // Old `Cargo.lock` files have keys in quotes with an equals sign inside.
        let quoted = if self.rest.starts_with(['"', '\'']) { string_end(self.rest)? } else { 0 };
        let equals = self.rest[quoted..].find(['=', '\n']).map(|at| quoted + at);
        let Some(equals) = equals.filter(|&at| self.rest[at..].starts_with('=')) else {
            return Err(malformed("a key without a value"));
        };
        let key = self.rest[..equals].trim();
        self.rest = self.rest[equals + 1..].trim_start_matches([' ', '\t']);
        let end = value_end(self.rest)?;
        let value = self.rest[..end].trim_end();
        self.rest = &self.rest[end..];
        self.line();
        Ok(Some(Item::Value(key, value)))
    }

    /// Takes the rest of the line.
    fn line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        line
    }
}

/// Returns where the value at the start of `rest` ends.
fn value_end(rest: &str) -> Result<usize, Unread> {
    match rest.as_bytes().first() {
        Some(b'"' | b'\'') => string_end(rest),
        Some(b'[' | b'{') => brackets_end(rest),
        _ => Ok(rest.find(['\n', '#']).unwrap_or(rest.len())),
    }
}

/// Returns where the text at the start of `rest` ends: one of four forms.
fn string_end(rest: &str) -> Result<usize, Unread> {
    let bytes = rest.as_bytes();
    let quote = bytes[0];
    let triple = bytes.starts_with(&[quote; 3]);
    let mut at = if triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !triple => return Err(malformed("a line break within a text")),
            _ if byte == quote && !triple => return Ok(at + 1),
            _ if byte == quote && bytes[at..].starts_with(&[quote; 3]) => {
                // Up to two quotes may stand before the closing three.
                let more = bytes[at + 3..].iter().take(2).take_while(|b| **b == quote).count();
                return Ok(at + 3 + more);
            }
            _ => {}
        }
        at += 1;
    }
    Err(truncated())
}

/// Returns where the list or table at the start of `rest` ends. Depth is a count, so it needs no bound.
fn brackets_end(rest: &str) -> Result<usize, Unread> {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1; // The first byte opened a bracket, and the loop ends with its end.
                if depth == 0 {
                    return Ok(at + 1);
                }
            }
            b'"' | b'\'' => {
                at += string_end(&rest[at..])?;
                continue;
            }
            b'#' => at += memchr::memchr(b'\n', &bytes[at..]).ok_or_else(truncated)?,
            _ => {}
        }
        at += 1;
    }
    Err(truncated())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(document: &str) -> String {
        let mut shown = String::new();
        let read = read(document, |t| {
            let groups: Vec<_> = t.groups().collect();
            shown.push_str(&format!(
                "{} {} {:?} {} {groups:?};",
                t.name, t.version, t.source, t.category
            ));
        });
        if let Err(unread) = read {
            shown.push_str(&format!("{:?}", unread.reason));
        }
        shown
    }

    #[test]
    fn tables_are_read_and_the_rest_is_skipped() {
        for (document, want) in [
            (
                "x = 1 # [[package]]\n[[package]]\nname = \"a\" # c\nversion = '1'\ngroups = [\"main\", # ]\n 'dev']\n[package.dependencies]\nname = \"no\"\n",
                "a 1 Unsaid  [\"main\", \"dev\"];",
            ),
            ("[[package]]\nname=\"a\"\nsource = { editable = \".\" }\n", "a  Local  [];"),
            ("[[package]]\nname=\"a\"\nsource = { git = \"x,virtual=1\" }\n", "a  Remote  [];"),
            ("[[package]]\r\nname=\"a\"\r\nsource = \"registry+x\"\r\n", "a  Remote  [];"),
            (
                "[[package]]\nname=\"a\"\n[package.source]\ndirectory=\"x\"\n[[package]]\nname=\"b\"",
                "a  Local  [];b  Unsaid  [];",
            ),
            (
                "[metadata]\n\"checksum a=b\" = \"\"\"x\n[[package]]\n\"\"\"\"\n[[packages]]\nname = 'p'",
                "p  Unsaid  [];",
            ),
            ("a = '''x\n'''\nb = {c=[{}]}\n", ""),
            ("[[package]]\nname = \"a\\\"", "  Unsaid  [];Truncated"),
            ("[[package]]\nname = \"a\nb", "  Unsaid  [];Malformed"),
            ("a = [[[[", "Truncated"),
            ("a = [ # ]", "Truncated"),
            ("a = ]", ""),
            ("[a", "Malformed"),
            ("[", "Malformed"),
            ("a\n= 1", "Malformed"),
            ("'", "Truncated"),
            ("", ""),
        ] {
            assert_eq!(show(document), want, "{document}");
        }
    }
}
