//! CycloneDX 1.6 with vulnerabilities: the inventory's document, and what is known against its components.
//!
//! See: CycloneDX 1.6 (ECMA-424) §"vulnerabilities".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use hullmark_advisory::finding::{Cvss, SuppressedBy};
use hullmark_advisory::{Finding, Severity};
use hullmark_inventory::sbom::{cyclonedx, package_ids};

use super::text::is_web;
use super::view::{Row, Standing, View, is_fixable};
use super::{Options, ReportError, sbom_document};
use crate::Evidence;

pub(super) fn write(evidence: &Evidence, options: &Options) -> Result<Vec<u8>, ReportError> {
    let mut bom = cyclonedx::bom(&sbom_document(evidence));
    let ids = package_ids(&evidence.inventory);
    let view = View::new(evidence, options);
    let count = |name: &str, count: usize| cyclonedx::Property {
        name: format!("hullmark:{name}"),
        value: count.to_string(),
    };
    let totals = &view.totals;
    bom.metadata.properties.push(count("findings:undetermined", totals.undetermined));
    bom.metadata.properties.push(count("findings:suppressed", totals.suppressed));
    bom.metadata.properties.push(count("findings:hidden", totals.hidden));
    bom.vulnerabilities = entries(&view.rows)
        .into_iter()
        .enumerate()
        .map(|(at, rows)| vulnerability(at, &rows, &ids))
        .collect();
    super::to_json(&bom)
}

/// Puts together what can be said in one entry: one vulnerability, judged in one way, of several packages.
fn entries<'a>(rows: &[Row<'a>]) -> Vec<Vec<Row<'a>>> {
    let mut places = BTreeMap::new();
    let mut entries: Vec<Vec<Row<'a>>> = Vec::new();
    for row in rows {
        let why = row.finding.suppressed.as_ref().map(|s| (&s.source, &s.reason));
        let key = (&row.finding.id, row.finding.severity, row.standing(), why);
        let at = *places.entry(key).or_insert(entries.len());
        match entries.get_mut(at) {
            Some(entry) => entry.push(*row),
            None => entries.push(vec![*row]),
        }
    }
    entries
}

fn vulnerability(at: usize, rows: &[Row<'_>], ids: &[String]) -> Value {
    let first = rows[0];
    let finding = first.finding;
    let mut entry = json!({
        "bom-ref": format!("vulnerability-{}", at + 1),
        "id": finding.id,
        "ratings": [rating(finding)],
        "affects": rows.iter().map(|row| affected(*row, ids)).collect::<Vec<_>>(),
    });
    let mut set = |name: &str, value: Value| entry[name] = value;
    if !finding.aliases.is_empty() {
        let reference = |id: &String| json!({"id": id, "source": {"name": source(id)}});
        set("references", finding.aliases.iter().map(reference).collect());
    }
    set("source", json!({"name": source(&finding.id)}));
    if !finding.summary.is_empty() {
        set("description", json!(finding.summary));
    }
    let mut fixes: Vec<String> = rows
        .iter()
        .filter(|row| is_fixable(row.finding))
        .map(|row| format!("Upgrade {} to {}", row.package.name, row.fix()))
        .collect();
    fixes.dedup();
    if !fixes.is_empty() {
        set("recommendation", json!(fixes.join("; ")));
    }
    let links = finding.references.iter().filter(|url| is_web(url));
    let links: Vec<Value> = links.map(|url| json!({"url": url})).collect();
    if !links.is_empty() {
        set("advisories", json!(links));
    }
    if let Some(time) = finding.published {
        set("published", json!(time));
    }
    if let Some(time) = finding.modified {
        set("updated", json!(time));
    }
    if let Some(analysis) = analysis(first) {
        set("analysis", analysis);
    }
    let properties = properties(first);
    if !properties.is_empty() {
        set("properties", json!(properties));
    }
    entry
}

fn affected(row: Row<'_>, ids: &[String]) -> Value {
    let id = ids.get(row.finding.package);
    let status = match row.standing() {
        Standing::Undetermined => "unknown",
        Standing::Open | Standing::Suppressed | Standing::Settled => "affected",
    };
    let version: String = row.package.version.chars().take(1024).collect();
    if version.is_empty() {
        return json!({"ref": id});
    }
    json!({"ref": id, "versions": [{"version": version, "status": status}]})
}

fn rating(finding: &Finding) -> Value {
    let severity = match finding.severity {
        Severity::Negligible => "info",
        other => other.as_str(),
    };
    match &finding.cvss {
        Some(Cvss { vector, score }) => {
            let method = match vector.get(..8) {
                Some("CVSS:4.0") => "CVSSv4",
                Some("CVSS:3.1") => "CVSSv31",
                Some("CVSS:3.0") => "CVSSv3",
                _ if vector.starts_with("AV:") => "CVSSv2",
                _ => "other",
            };
            let score = super::document::exact(*score);
            json!({"severity": severity, "score": score, "method": method, "vector": vector})
        }
        None => json!({"severity": severity}),
    }
}

/// What we make of it, where that is not simply "affected".
fn analysis(row: Row<'_>) -> Option<Value> {
    if let Some(suppressed) = &row.finding.suppressed {
        let detail = format!("{} ({})", suppressed.reason, suppressed.source);
        return Some(match suppressed.by {
            SuppressedBy::Vex | SuppressedBy::Owner => {
                json!({"state": "not_affected", "detail": detail})
            }
            // A rule says that it need not be looked at, and not whether it can be exploited.
            SuppressedBy::Ignore => {
                json!({"state": "in_triage", "response": ["will_not_fix"], "detail": detail})
            }
        });
    }
    let undetermined = row.standing() == Standing::Undetermined;
    undetermined.then(|| json!({"state": "in_triage", "detail": row.doubt()}))
}

fn properties(row: Row<'_>) -> Vec<Value> {
    let finding = row.finding;
    let mut properties = Vec::new();
    let mut add = |name: &str, value: String| {
        properties.push(json!({"name": format!("hullmark:{name}"), "value": value}));
    };
    if let Some(kev) = &finding.kev {
        add("kev:added", kev.added.clone());
        add("kev:due", kev.due.clone());
        add("kev:ransomware", kev.ransomware.to_string());
    }
    if let Some(epss) = finding.epss {
        add("epss:score", epss.score.to_string());
        add("epss:percentile", epss.percentile.to_string());
    }
    if finding.malware {
        add("malware", "true".into());
    }
    if !is_fixable(finding) && !row.fix().is_empty() {
        add("fix", row.fix().into());
    }
    properties
}

/// Who gives out ids of this kind: what stands before the first `-`.
fn source(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}
