//! Markdown for a comment on a change: totals first, a table, and the rest folded away.
//!
//! Whatever an image or an advisory says stands in a code span or is escaped: no links, no mentions, no markup of its own.

use hullmark_advisory::Severity;

use super::table::{base_carries, fixes, groups, os_name, step};
use super::text::{is_web, percent, plural, printable};
use super::view::{Row, Standing, View};
use super::{Options, selection};
use crate::Evidence;

/// Findings before the rest is folded away.
const OPEN: usize = 25;
/// Rows of one list. Code hosts refuse comments of more than 65,536 characters.
const MOST: usize = 100;

pub(super) fn render(evidence: &[Evidence], options: &Options) -> String {
    let images: Vec<String> =
        evidence.iter().map(|e| image(&View::new(e, options), options)).collect();
    images.join("\n---\n\n")
}

fn image(view: &View<'_>, options: &Options) -> String {
    let mut out = header(view);
    out += &totals(view, options);
    out += &findings(view);
    out += &upgrades(view);
    out += &layers(view);
    out += &undetermined(view);
    out += &suppressed(view);
    out += &gaps(view);
    out
}

fn header(view: &View<'_>) -> String {
    let evidence = view.evidence;
    let subject = &evidence.subject;
    let mut parts = Vec::new();
    parts.extend(subject.digest.as_ref().map(|d| code(d.as_str())));
    parts.extend(subject.platform.as_ref().map(|p| code(&p.to_string())));
    parts.extend(evidence.inventory.os.as_ref().map(|os| code(&os_name(os))));
    parts.push(plural(evidence.inventory.packages.len(), "package"));
    format!("## {}\n\n{}\n\n", code(&subject.name), parts.join(" · "))
}

fn totals(view: &View<'_>, options: &Options) -> String {
    let totals = &view.totals;
    let all = totals.all();
    let mut out = String::new();
    if all.total == 0 {
        out += "**No open findings**\n";
    } else {
        let counted = totals.by_severity().filter(|(_, count)| count.total > 0);
        let (mut names, mut rule, mut open, mut fixable) =
            ("| |".to_owned(), "|:--|".to_owned(), "| open |".to_owned(), "| fixable |".to_owned());
        for (severity, count) in counted {
            names += &format!(" {} {} |", dot(severity), severity.as_str());
            rule += "--:|";
            open += &format!(" {} |", count.total);
            fixable += &format!(" {} |", count.fixable);
        }
        out += &format!(
            "{names} all |\n{rule}--:|\n{open} {} |\n{fixable} {} |\n",
            all.total, all.fixable
        );
    }
    let notes = [
        (totals.known_exploited, "**known to be exploited**"),
        (totals.malware, "**malicious**"),
        (totals.undetermined, "undetermined"),
        (totals.suppressed, "suppressed"),
        (totals.gaps, "not analysed"),
    ];
    let notes = notes.iter().filter(|(count, _)| *count > 0);
    let notes: Vec<String> = notes.map(|(count, what)| format!("{count} {what}")).collect();
    if !notes.is_empty() {
        out += &format!("\n{}\n", notes.join(" · "));
    }
    if options.is_filtered() {
        out += &format!("\nShown: {}; not shown: {}\n", selection(options), totals.hidden);
    }
    out
}

fn findings(view: &View<'_>) -> String {
    let rows: Vec<String> = groups(view.of(Standing::Open))
        .iter()
        .map(|group| {
            let Row { finding, package } = group.row;
            let link = finding.references.iter().find(|url| is_web(url));
            let id = match link {
                Some(url) => format!("[{}](<{url}>)", code(&finding.id)),
                None => code(&finding.id),
            };
            let more = match group.packages {
                1 => String::new(),
                count => format!(" +{}", count - 1),
            };
            let fix = match group.row.fix() {
                "" => "–".into(),
                fix => code(fix),
            };
            format!(
                "| {} {} | {id} | {}{more} | {} | {fix} | {} |",
                dot(finding.severity),
                finding.severity.as_str(),
                code(&package.name),
                code(&package.version),
                marks(group.row)
            )
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = "| severity | id | package | installed | fixed in | |\n|:--|:--|:--|:--|:--|:--|\n";
    let (first, rest) = rows.split_at(rows.len().min(OPEN));
    let mut out = format!("\n{head}{}\n", first.join("\n"));
    if !rest.is_empty() {
        let shown = &rest[..rest.len().min(MOST)];
        let mut body = format!("{head}{}\n", shown.join("\n"));
        if rest.len() > MOST {
            body += &format!("\nand {} more\n", rest.len() - MOST);
        }
        out += &folded(&format!("{} more", rest.len()), &body);
    }
    out
}

fn marks(row: Row<'_>) -> String {
    let finding = row.finding;
    let mut marks = Vec::new();
    marks.extend(finding.malware.then(|| "**malware**".to_owned()));
    marks.extend(finding.kev.as_ref().map(|_| "**KEV**".to_owned()));
    marks.extend(
        finding.epss.filter(|e| e.score >= 0.01).map(|e| format!("EPSS {}", percent(e.score))),
    );
    marks.join(" ")
}

fn upgrades(view: &View<'_>) -> String {
    let upgrades = view.upgrades();
    let lines = upgrades
        .iter()
        .map(|u| format!("{} {} → {} fixes {}", code(u.name), code(u.from), code(u.to), fixes(u)));
    list("Upgrades that fix most", lines.collect())
}

fn layers(view: &View<'_>) -> String {
    let layers = view.layers();
    let all = view.evidence.image.layers.len();
    let Some(title) = base_carries(&layers, view.of(Standing::Open).count()).filter(|_| all > 1)
    else {
        return String::new();
    };
    let lines = layers.iter().map(|layer| {
        let step = code(&step(layer.facts.created_by.as_deref()));
        let count = layer.count;
        format!("{}/{all}: {} ({} fixable) {step}", layer.number, count.total, count.fixable)
    });
    list(&format!("Layers: {title}"), lines.collect())
}

fn undetermined(view: &View<'_>) -> String {
    let lines = view.of(Standing::Undetermined).map(|row| {
        let (id, package) = (code(&row.finding.id), code(&row.package.name));
        format!("{id} {package} {}: {}", code(&row.package.version), plain(row.doubt()))
    });
    let lines: Vec<String> = lines.collect();
    list(&format!("{} undetermined: neither found nor ruled out", lines.len()), lines)
}

fn suppressed(view: &View<'_>) -> String {
    let lines = view.of(Standing::Suppressed).filter_map(|row| {
        let suppressed = row.finding.suppressed.as_ref()?;
        let (id, package) = (code(&row.finding.id), code(&row.package.name));
        let reason = plain(&suppressed.reason);
        Some(format!("{id} {package}: {reason} ({})", code(&suppressed.source)))
    });
    let lines: Vec<String> = lines.collect();
    list(&format!("{} suppressed", lines.len()), lines)
}

fn gaps(view: &View<'_>) -> String {
    let (_, gaps) = view.gaps();
    let lines = gaps.iter().map(|gap| {
        let path = if gap.path.is_empty() { String::new() } else { code(&gap.path) + " " };
        format!("{} {path}{}", gap.reason.as_str(), plain(&gap.detail))
    });
    list(&format!("{} not analysed", gaps.len()), lines.collect())
}

fn list(title: &str, lines: Vec<String>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut body: String = lines.iter().take(MOST).map(|line| format!("- {line}\n")).collect();
    if lines.len() > MOST {
        body += &format!("- and {} more\n", lines.len() - MOST);
    }
    folded(title, &body)
}

fn folded(title: &str, body: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n{body}\n</details>\n")
}

/// Text as a code span that also holds in a table: nothing in it is markup, a link or a mention.
pub(super) fn code(text: &str) -> String {
    let text = printable(text).replace('|', "\\|");
    if text.trim().is_empty() {
        return "–".into();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let edge = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if edge { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text as text: every mark is escaped, and nobody is mentioned.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '@' => out += "@<!-- -->",
            c if c.is_ascii_punctuation() && !",;'\"?".contains(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

fn dot(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🟥",
        Severity::High => "🟧",
        Severity::Medium => "🟨",
        Severity::Low => "🟦",
        Severity::Negligible | Severity::Unknown => "⬜",
    }
}
