//! One page that needs nothing else: no script, no font, no picture; it can be mailed, printed and read offline.
//!
//! Filters are check boxes that the style sheet looks at. The page's own policy forbids everything but that style sheet, so
//! that text that should slip through escaping still could not do anything.

use std::fmt::Write as _;

use hullmark_advisory::Severity;

use super::table::{base_carries, fixes, os_name, step};
use super::text::{is_web, percent, plural, printable};
use super::view::{Row, Standing, View, is_fixable};
use super::{Options, TOOL_VERSION, day, selection};
use crate::Evidence;

const STYLE: &str = include_str!("html.css");

/// Upgrades, layers or gaps in one list; the JSON document has all.
const MOST: usize = 200;

pub(super) fn render(evidence: &[Evidence], options: &Options) -> String {
    let views: Vec<View<'_>> = evidence.iter().map(|e| View::new(e, options)).collect();
    let title = match evidence {
        [one] => format!("{} – vulnerability report", escape(&one.subject.name)),
        _ => format!("{} – vulnerability report", plural(evidence.len(), "image")),
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Vulnerability report</h1>\n"
    );
    if options.is_filtered() {
        out += &format!("<p class=\"soft\">Limited to: {}</p>\n", selection(options));
    }
    out += &filter(&views);
    views.iter().for_each(|view| out += &image(view));
    out += &format!(
        "<footer class=\"soft\">Hullmark {TOOL_VERSION}</footer>\n</main>\n</body>\n</html>\n"
    );
    out
}

/// Check boxes for the severities that there are.
fn filter(views: &[View<'_>]) -> String {
    let has =
        |severity| views.iter().any(|v| v.rows.iter().any(|r| r.finding.severity == severity));
    let boxes: String = Severity::ALL
        .into_iter()
        .filter(|severity| has(*severity))
        .map(|severity| {
            let name = severity.as_str();
            format!("<label><input type=\"checkbox\" id=\"s-{name}\" checked> {name}</label>\n")
        })
        .collect();
    if boxes.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"filter\">\n{boxes}<label><input type=\"checkbox\" id=\"fixable\"> only fixable</label>\n</div>\n"
    )
}

fn image(view: &View<'_>) -> String {
    let mut out = String::from("<section>\n");
    out += &header(view);
    out += &cards(view);
    let table = |title: &str, standing| findings(title, view.of(standing), view);
    out += &table("Findings", Standing::Open);
    out += &table("Undetermined: neither found nor ruled out", Standing::Undetermined);
    out += &table("Suppressed", Standing::Suppressed);
    let upgrades = view.upgrades();
    let lines = upgrades
        .iter()
        .map(|u| format!("{} {} → {} fixes {}", code(u.name), code(u.from), code(u.to), fixes(u)));
    out += &list("Upgrades that fix most", lines.collect());
    out += &layers(view);
    let (_, gaps) = view.gaps();
    let lines = gaps.iter().map(|gap| {
        let path = if gap.path.is_empty() { String::new() } else { code(&gap.path) + " " };
        format!("<b>{}</b> {path}{}", gap.reason.as_str(), escape(&gap.detail))
    });
    out += &list("Gaps: what could not be analysed", lines.collect());
    out += &advisories(view.evidence);
    out + "</section>\n"
}

fn header(view: &View<'_>) -> String {
    let evidence = view.evidence;
    let subject = &evidence.subject;
    let mut parts = Vec::new();
    parts.extend(subject.digest.as_ref().map(|d| code(d.as_str())));
    parts.extend(subject.platform.as_ref().map(|p| escape(&p.to_string())));
    parts.extend(evidence.inventory.os.as_ref().map(|os| escape(&os_name(os))));
    let kinds = view.kinds();
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, count)| format!("{count} {}", kind.as_str())).collect();
    let packages = plural(evidence.inventory.packages.len(), "package");
    parts.push(if kinds.is_empty() {
        packages
    } else {
        format!("{packages}: {}", kinds.join(", "))
    });
    parts.push(format!("examined {}", day(evidence.examined)));
    let name = escape(&subject.name);
    format!("<h2>{name}</h2>\n<p class=\"soft\">{}</p>\n", parts.join(" · "))
}

fn cards(view: &View<'_>) -> String {
    let totals = &view.totals;
    let mut out = String::from("<div class=\"cards\">\n");
    let mut card = |class: &str, count: usize, label: &str| {
        writeln!(out, "<div class=\"card {class}\"><b>{count}</b><span>{label}</span></div>")
            .expect("a string takes all text");
    };
    for (severity, count) in totals.by_severity() {
        let name = severity.as_str();
        if count.total > 0 || severity >= Severity::High {
            card(name, count.total, &format!("{name}, {} fixable", count.fixable));
        }
    }
    for (class, count, label) in [
        ("critical", totals.known_exploited, "known to be exploited"),
        ("critical", totals.malware, "malicious"),
        ("", totals.undetermined, "undetermined"),
        ("", totals.suppressed, "suppressed"),
        ("", totals.gaps, "gaps"),
        ("", totals.hidden, "not shown"),
    ] {
        if count > 0 {
            card(class, count, label);
        }
    }
    out + "</div>\n"
}

fn findings<'a>(title: &str, rows: impl Iterator<Item = Row<'a>>, view: &View<'_>) -> String {
    let body: String = rows.map(|row| finding(row, view)).collect();
    if body.is_empty() {
        return String::new();
    }
    format!(
        "<h3>{title}</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th>Severity</th><th>Vulnerability</th>\
         <th>Package</th><th>Installed</th><th>Fixed in</th></tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )
}

fn finding(row: Row<'_>, view: &View<'_>) -> String {
    let Row { finding, package } = row;
    let severity = finding.severity.as_str();
    let unfixed = if is_fixable(finding) { "" } else { " unfixed" };
    let fix = match row.fix() {
        "" => "–".to_owned(),
        fix => code(fix),
    };
    let mut id = link(finding.references.iter().find(|url| is_web(url)), &finding.id);
    id += &marks(row);
    if !finding.summary.is_empty() {
        id += &format!("<div>{}</div>", escape(&finding.summary));
    }
    if row.standing() == Standing::Undetermined {
        id += &format!("<div class=\"soft\">{}</div>", escape(row.doubt()));
    }
    if let Some(suppressed) = &finding.suppressed {
        let until = match suppressed.expires {
            Some(time) => format!(", until {}", day(time)),
            None => String::new(),
        };
        let (reason, source) = (escape(&suppressed.reason), escape(&suppressed.source));
        id += &format!("<div class=\"soft\">{reason} ({source}{until})</div>");
    }
    id += &more(row);
    let layers = &view.evidence.image.layers;
    let layer = layers.iter().position(|l| Some(&l.diff_id) == package.layer.as_ref());
    let layer = layer.map(|at| format!(" · layer {}/{}", at + 1, layers.len())).unwrap_or_default();
    let place = format!("{}{layer}", escape(&package.path));
    format!(
        "<tr class=\"{severity}{unfixed}\"><td><span class=\"tag\">{severity}</span></td><td>{id}</td>\
         <td>{} <span class=\"soft\">{}</span><div class=\"soft\">{place}</div></td><td>{}</td><td>{fix}</td></tr>\n",
        code(&package.name),
        package.kind.as_str(),
        code(&package.version)
    )
}

fn marks(row: Row<'_>) -> String {
    let finding = row.finding;
    let mut out = String::new();
    if finding.malware {
        out += " <span class=\"mark alarm\">malware</span>";
    }
    if let Some(kev) = &finding.kev {
        let ransomware = if kev.ransomware { ", ransomware" } else { "" };
        let added = escape(&kev.added);
        out += &format!(" <span class=\"mark alarm\">exploited since {added}{ransomware}</span>");
    }
    if let Some(epss) = finding.epss.filter(|e| e.score >= 0.01) {
        out += &format!(" <span class=\"mark\">EPSS {}</span>", percent(epss.score));
    }
    if let Some(cvss) = &finding.cvss {
        out += &format!(" <span class=\"mark\">CVSS {:.1}</span>", cvss.score);
    }
    out
}

/// Aliases, comparisons and links, folded away.
fn more(row: Row<'_>) -> String {
    let finding = row.finding;
    let mut lines = Vec::new();
    if !finding.aliases.is_empty() {
        lines.push(format!("also {}", escape(&finding.aliases.join(", "))));
    }
    lines.extend(finding.published.map(|time| format!("published {}", day(time))));
    lines.extend(finding.cvss.as_ref().map(|cvss| code(&cvss.vector)));
    for basis in &finding.basis {
        let (record, ecosystem) = (escape(&basis.record), escape(&basis.ecosystem));
        let (name, range) = (code(&basis.name), code(&basis.range));
        lines.push(format!("{record} ({ecosystem}): {name} {} in {range}", code(&basis.version)));
    }
    lines.extend(finding.references.iter().filter(|u| is_web(u)).map(|u| link(Some(u), u)));
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines.iter().map(|line| format!("<li>{line}</li>")).collect();
    format!("<details><summary>why</summary><ul>{items}</ul></details>")
}

fn layers(view: &View<'_>) -> String {
    let all = view.evidence.image.layers.len();
    let layers = view.layers();
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

fn advisories(evidence: &Evidence) -> String {
    let lines = evidence.advisories.iter().map(|source| {
        let age = match source.updated {
            Some(time) => format!(", brought up to date {}", day(time)),
            None => String::new(),
        };
        format!("{}: {} records{age}", escape(&source.ecosystem), source.records)
    });
    list("Advisories asked", lines.collect())
}

fn list(title: &str, lines: Vec<String>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut items: String =
        lines.iter().take(MOST).map(|line| format!("<li>{line}</li>\n")).collect();
    if lines.len() > MOST {
        items += &format!("<li>and {} more</li>\n", lines.len() - MOST);
    }
    format!("<h3>{title}</h3>\n<ul>\n{items}</ul>\n")
}

fn link(url: Option<&String>, text: &str) -> String {
    match url {
        Some(url) => format!(
            "<a href=\"{}\" rel=\"noopener noreferrer nofollow\">{}</a>",
            escape(url),
            escape(text)
        ),
        None => escape(text),
    }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Text for element content and for quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}
