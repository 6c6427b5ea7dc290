//! The table: for people at a terminal, in as many columns as it has.

use std::collections::BTreeMap;

use hullmark_advisory::Severity;

use super::text::{ends, head, percent, plural, printable, wrap};
use super::view::{LayerCount, Row, Standing, Upgrade, View};
use super::{Options, selection};
use crate::Evidence;

/// Rows of a section that explains; the JSON document has all.
const SOME: usize = 5;
/// No cell is wider, however wide the terminal is.
const WIDEST: usize = 60;
/// An id that is cut cannot be looked up; real ones are not longer.
const ID: usize = 24;

const BOLD: &str = "1";
const DIM: &str = "2";

pub(super) fn render(evidence: &[Evidence], options: &Options) -> String {
    let width = if options.columns == 0 { 80 } else { options.columns.max(60) };
    let page = Page { width, color: options.color };
    let images: Vec<String> =
        evidence.iter().map(|e| page.image(&View::new(e, options), options)).collect();
    images.join("\n")
}

struct Page {
    width: usize,
    color: bool,
}

/// Findings that are shown as one line: one vulnerability in several packages that were built from one source.
pub(super) struct Group<'a> {
    pub(super) row: Row<'a>,
    pub(super) packages: usize,
}

impl Page {
    fn image(&self, view: &View<'_>, options: &Options) -> String {
        let mut out = self.header(view);
        out += &self.totals(view, options);
        let open = groups(view.of(Standing::Open));
        if !open.is_empty() {
            out += &self.findings(&open);
        }
        out += &self.undetermined(view);
        out += &self.suppressed(view);
        out += &self.upgrades(&view.upgrades());
        out += &self.layers(view);
        out += &self.gaps(view);
        out
    }

    fn header(&self, view: &View<'_>) -> String {
        let evidence = view.evidence;
        let subject = &evidence.subject;
        let name = head(&printable(&subject.name), self.width);
        let mut out = self.paint(BOLD, &name) + "\n";
        let mut words = Vec::new();
        if let Some(digest) = &subject.digest {
            words.push(format!("{}:{}", digest.algorithm().as_str(), digest.short()));
        }
        words.extend(subject.platform.as_ref().map(|p| printable(&p.to_string())));
        if let Some(os) = &evidence.inventory.os {
            words.extend(printable(&os_name(os)).split(' ').map(Into::into));
        }
        if !words.is_empty() {
            out += &wrap(&words, self.width, "");
        }
        let total = plural(evidence.inventory.packages.len(), "package");
        let kinds = view.kinds();
        let kinds: Vec<String> =
            kinds.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
        let line = match kinds.len() {
            0 => total,
            _ => format!("{total}: {}", kinds.join(", ")),
        };
        out += &self.lines(&line, "");
        out
    }

    fn totals(&self, view: &View<'_>, options: &Options) -> String {
        let totals = &view.totals;
        let all = totals.all();
        let mut out = String::from("\n");
        if all.total == 0 {
            out += "No open findings\n";
        } else {
            let parts = totals.by_severity().filter(|(_, count)| count.total > 0);
            let parts: Vec<String> =
                parts.map(|(s, c)| format!("{} {}/{}", s.as_str(), c.fixable, c.total)).collect();
            let line = format!(
                "{}, {} fixable (fixable/all: {})",
                plural(all.total, "open finding"),
                all.fixable,
                parts.join(", ")
            );
            out += &self.lines(&line, "  ");
        }
        let notes = [
            (totals.known_exploited, "known to be exploited (KEV)"),
            (totals.malware, "malicious (MAL)"),
            (totals.undetermined, "undetermined"),
            (totals.suppressed, "suppressed"),
        ];
        let mut notes: Vec<String> = notes
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if totals.gaps > 0 {
            notes.push(plural(totals.gaps, "gap"));
        }
        if !notes.is_empty() {
            out += &self.lines(&notes.join(", "), "  ");
        }
        if options.is_filtered() {
            let line = format!("Shown: {}; not shown: {}", selection(options), totals.hidden);
            out += &self.lines(&line, "  ");
        }
        out
    }

    fn findings(&self, groups: &[Group<'_>]) -> String {
        let cells: Vec<[String; 6]> = groups.iter().map(cells).collect();
        let titles = ["SEVERITY", "ID", "PACKAGE", "INSTALLED", "FIXED IN", "MARKS"];
        let titles = titles.map(String::from);
        let widths = fit(std::iter::once(&titles).chain(&cells), self.width);
        let mut out = String::from("\n") + &self.paint(DIM, &line(&titles, &widths)) + "\n";
        for (group, cells) in groups.iter().zip(&cells) {
            let text = line(cells, &widths);
            let severity = group.row.finding.severity.as_str().len();
            let (word, rest) = text.split_at(severity.min(text.len()));
            out += &self.paint(color(group.row.finding.severity), word);
            out += rest;
            out.push('\n');
        }
        out
    }

    fn undetermined(&self, view: &View<'_>) -> String {
        let lines = groups(view.of(Standing::Undetermined)).into_iter().map(|group| {
            let Row { finding, .. } = group.row;
            let package = package_and_version(&group);
            format!("{} {package}: {}", printable(&finding.id), printable(group.row.doubt()))
        });
        self.section("UNDETERMINED: neither found nor ruled out", lines.collect(), usize::MAX)
    }

    fn suppressed(&self, view: &View<'_>) -> String {
        let lines = groups(view.of(Standing::Suppressed)).into_iter().filter_map(|group| {
            let Row { finding, .. } = group.row;
            let suppression = finding.suppressed.as_ref()?;
            let package = package_and_version(&group);
            let (id, severity) = (printable(&finding.id), finding.severity.as_str());
            let until = match suppression.expires {
                Some(time) => format!(" until {}", super::day(time)),
                None => String::new(),
            };
            let (source, reason) = (printable(&suppression.source), printable(&suppression.reason));
            Some(format!("{severity} {id} {package}: {reason} ({source}){until}"))
        });
        self.section("SUPPRESSED", lines.collect(), usize::MAX)
    }

    fn upgrades(&self, upgrades: &[Upgrade<'_>]) -> String {
        let lines = upgrades.iter().map(|upgrade| {
            let to = ends(&printable(upgrade.to), 24);
            let name = head(&printable(upgrade.name), 28);
            let from = ends(&printable(upgrade.from), 24);
            format!("{name} {from} → {to} fixes {}", fixes(upgrade))
        });
        self.section("UPGRADES that fix most", lines.collect(), SOME)
    }

    fn layers(&self, view: &View<'_>) -> String {
        let all = view.evidence.image.layers.len();
        let layers = view.layers();
        let found = view.of(Standing::Open).count();
        let Some(title) = base_carries(&layers, found).filter(|_| all > 1) else {
            return String::new();
        };
        let mut worst: Vec<&LayerCount<'_>> = layers.iter().collect();
        worst.sort_by_key(|layer| std::cmp::Reverse(layer.count.total));
        let lines = worst.iter().map(|layer| {
            let count = layer.count;
            let step = head(&step(layer.facts.created_by.as_deref()), self.width - 32);
            let number = layer.number;
            format!("{number}/{all}: {} ({} fixable) {step}", count.total, count.fixable)
        });
        self.section(&format!("LAYERS: {title}"), lines.collect(), SOME)
    }

    fn gaps(&self, view: &View<'_>) -> String {
        let (reasons, gaps) = view.gaps();
        let reasons: Vec<String> =
            reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let lines = gaps.iter().take(SOME + 1).map(|gap| {
            let path = ends(&printable(&gap.path), self.width / 2);
            let space = if path.is_empty() { "" } else { " " };
            format!("{}{space}{path}: {}", gap.reason.as_str(), printable(&gap.detail))
        });
        let mut lines: Vec<String> = lines.collect();
        let title = format!("GAPS: not analysed ({})", reasons.join(", "));
        if gaps.len() > SOME {
            lines.truncate(SOME);
            lines.push(format!("and {} more", gaps.len() - SOME));
        }
        self.section(&title, lines, usize::MAX)
    }

    /// A title and indented lines, `most` of them; nothing if there are none.
    fn section(&self, title: &str, lines: Vec<String>, most: usize) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let mut out = format!("\n{}\n", self.paint(DIM, &head(title, self.width)));
        for line in lines.iter().take(most) {
            let line = head(line, 3 * self.width);
            let words = line.split(' ').map(|word| head(word, self.width - 4));
            out += &format!("  {}", wrap(&words.collect::<Vec<_>>(), self.width - 2, "    "));
        }
        if lines.len() > most {
            out += &format!("  and {} more\n", lines.len() - most);
        }
        out
    }

    fn lines(&self, text: &str, indent: &str) -> String {
        let words: Vec<String> = text.split(' ').map(|w| head(w, self.width - 2)).collect();
        wrap(&words, self.width, indent)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color && !code.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.into()
        }
    }
}

pub(super) fn groups<'a>(rows: impl Iterator<Item = Row<'a>>) -> Vec<Group<'a>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for row in rows {
        let package = row.package;
        let key =
            (&row.finding.id, package.kind, package.source_name(), &package.version, row.fix());
        let at = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.packages += 1,
            None => groups.push(Group { row, packages: 1 }),
        }
    }
    groups
}

fn cells(group: &Group<'_>) -> [String; 6] {
    let Row { finding, package } = group.row;
    let more = if group.packages > 1 { format!(" +{}", group.packages - 1) } else { String::new() };
    let name = head(&printable(&package.name), WIDEST - more.len()) + &more;
    let fix = match group.row.fix() {
        "" => "-".into(),
        fix => printable(fix),
    };
    let mut marks = Vec::new();
    if finding.malware {
        marks.push("MAL".to_owned());
    }
    if finding.kev.is_some() {
        marks.push("KEV".to_owned());
    }
    // Nearly everything has some probability; below one percent it says nothing.
    marks.extend(finding.epss.filter(|e| e.score >= 0.01).map(|e| percent(e.score)));
    let severity = finding.severity.as_str().to_owned();
    [severity, printable(&finding.id), name, printable(&package.version), fix, marks.join(" ")]
}

/// Finds widths for columns: what the cells need, or less for the widest where the page is too narrow.
fn fit<'a>(rows: impl Iterator<Item = &'a [String; 6]>, width: usize) -> [usize; 6] {
    let mut widths = [0; 6];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count()).min(WIDEST);
        }
    }
    widths[1] = widths[1].min(ID);
    let spaces = widths.len() - 1;
    while widths.iter().sum::<usize>() + spaces > width {
        // Of severity, id and marks nothing can be spared.
        let Some(widest) = widths[2..5].iter_mut().max().filter(|w| **w > 3) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

fn line(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let cut = cells.iter().zip(widths).enumerate().map(|(at, (cell, &width))| {
        let cell = if at >= 3 { ends(cell, width) } else { cut_name(cell, width) };
        format!("{cell:width$}")
    });
    cut.collect::<Vec<_>>().join(" ").trim_end().into()
}

/// Cuts a name but not the number of further packages behind it.
fn cut_name(cell: &str, width: usize) -> String {
    match cell.rsplit_once(" +") {
        Some((name, more)) if width > more.len() + 4 => {
            format!("{} +{more}", head(name, width - more.len() - 2))
        }
        _ => head(cell, width),
    }
}

fn package_and_version(group: &Group<'_>) -> String {
    let Row { package, .. } = group.row;
    let more = if group.packages > 1 { format!(" +{}", group.packages - 1) } else { String::new() };
    let name = head(&printable(&package.name), 32);
    format!("{name}{more} {}", ends(&printable(&package.version), 24))
}

/// `5 (1 critical, 4 high)`.
pub(super) fn fixes(upgrade: &Upgrade<'_>) -> String {
    let total: usize = upgrade.fixes.iter().sum();
    let parts = Severity::ALL.iter().zip(upgrade.fixes).filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts.map(|(s, count)| format!("{count} {}", s.as_str())).collect();
    format!("{total} ({})", parts.join(", "))
}

/// What the first layer is to blame for.
pub(super) fn base_carries(layers: &[LayerCount<'_>], found: usize) -> Option<String> {
    let first = layers.first()?;
    let carried = if first.number == 1 { first.count } else { super::view::Count::default() };
    Some(format!(
        "the base layer carries {} of {} ({} fixable)",
        carried.total,
        plural(found, "finding"),
        carried.fixable
    ))
}

/// A build step without what every step has.
pub(super) fn step(created_by: Option<&str>) -> String {
    let text = created_by.unwrap_or_default();
    let text = text.strip_prefix("/bin/sh -c ").unwrap_or(text);
    let text = text.strip_prefix("#(nop) ").unwrap_or(text);
    let text = text.strip_suffix("# buildkit").unwrap_or(text);
    printable(text.trim())
}

pub(super) fn os_name(os: &hullmark_inventory::OsRelease) -> String {
    os.pretty_name.clone().unwrap_or_else(|| format!("{} {}", os.id, os.version_id).trim().into())
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1;31",
        Severity::High => "31",
        Severity::Medium => "33",
        Severity::Low => "36",
        Severity::Negligible | Severity::Unknown => DIM,
    }
}
