//! SARIF 2.1.0, for the places that show results beside code: one run per image, one rule per vulnerability.
//!
//! See: SARIF 2.1.0 (OASIS) §3.13, §3.14, §3.27, §3.49.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use hullmark_advisory::Severity;
use hullmark_inventory::{Gap, purl};
use hullmark_oci::Digest;

use super::markdown;
use super::text::{is_web, printable};
use super::view::{Row, Standing, View};
use super::{Options, ReportError, TOOL_VERSION};
use crate::Evidence;

/// Names the root of the image's file system; where that lies, nobody can say.
const ROOT: &str = "IMAGEROOT";

pub(super) fn write(evidence: &[Evidence], options: &Options) -> Result<Vec<u8>, ReportError> {
    let runs: Vec<Value> = evidence.iter().map(|e| run(&View::new(e, options))).collect();
    super::to_json(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": runs,
    }))
}

fn run(view: &View<'_>) -> Value {
    let evidence = view.evidence;
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    let mut results = Vec::new();
    for row in &view.rows {
        let at = *places.entry(&row.finding.id).or_insert_with(|| {
            rules.push(rule(*row));
            rules.len() - 1
        });
        results.push(result(*row, at, evidence));
    }
    let name = printable(&evidence.subject.name);
    let gaps: Vec<Value> = evidence.inventory.gaps.iter().map(gap).collect();
    json!({
        "tool": {"driver": {
            "name": "Hullmark",
            "version": TOOL_VERSION,
            "semanticVersion": TOOL_VERSION,
            "rules": rules,
        }},
        "automationDetails": {"id": format!("hullmark/{name}")},
        "invocations": [{
            "executionSuccessful": true,
            "endTimeUtc": evidence.examined,
            "toolExecutionNotifications": gaps,
        }],
        "originalUriBaseIds": {ROOT: {"description": {
            "text": literal(&format!("The root of the file system of {name}")),
        }}},
        "results": results,
        "properties": {
            "image": evidence.subject.name,
            "digest": evidence.subject.digest,
            "platform": evidence.subject.platform.as_ref().map(ToString::to_string),
            "undetermined": view.totals.undetermined,
            "suppressed": view.totals.suppressed,
            "gaps": view.totals.gaps,
            "hidden": view.totals.hidden,
        },
    })
}

fn rule(row: Row<'_>) -> Value {
    let finding = row.finding;
    let title = match finding.summary.as_str() {
        "" => format!("{} in {}", finding.id, row.package.name),
        summary => summary.to_owned(),
    };
    let mut lines = vec![literal(&title)];
    let mut marked = vec![markdown::plain(&title)];
    let mut add = |name: &str, text: String| {
        marked.push(format!("{name}: {}", markdown::code(&text)));
        lines.push(format!("{name}: {}", literal(&text)));
    };
    add("Severity", finding.severity.as_str().into());
    if let Some(cvss) = &finding.cvss {
        add("CVSS", format!("{} {}", cvss.score, cvss.vector));
    }
    if let Some(kev) = &finding.kev {
        add("Known to be exploited since", kev.added.clone());
    }
    if !finding.aliases.is_empty() {
        add("Aliases", finding.aliases.join(", "));
    }
    let mut rule = json!({
        "id": finding.id,
        "name": if finding.malware { "MaliciousPackage" } else { "VulnerablePackage" },
        "shortDescription": {"text": literal(&title)},
        "fullDescription": {"text": literal(&title)},
        "help": {"text": lines.join("\n"), "markdown": marked.join("\n\n")},
        "defaultConfiguration": {"level": level(finding.severity)},
        "properties": {
            "security-severity": format!("{:.1}", security_severity(row)),
            "precision": "very-high",
            "tags": ["security", "vulnerability", finding.severity.as_str()],
        },
    });
    if let Some(url) = finding.references.iter().find(|url| is_web(url)) {
        rule["helpUri"] = json!(url);
    }
    rule
}

fn result(row: Row<'_>, rule: usize, evidence: &Evidence) -> Value {
    let Row { finding, package } = row;
    let standing = row.standing();
    let (name, version) = (printable(&package.name), printable(&package.version));
    let mut text =
        format!("{} {name} {version} in {}", package.kind.as_str(), evidence.subject.name);
    text += &match (standing, row.fix()) {
        (Standing::Undetermined, _) => format!(": undetermined, {}", row.doubt()),
        (_, "") => ": no fix is known".into(),
        (_, fix) if super::view::is_fixable(finding) => format!(": fixed in {fix}"),
        (_, reason) => format!(": the vendor says `{reason}`"),
    };
    let purl = purl::of(package, evidence.inventory.os.as_ref());
    // Without the version: what an upgrade does not fix stays the same result.
    let fingerprint = [&finding.id, package.kind.as_str(), &package.name, &package.path];
    let fingerprint = Digest::sha256(fingerprint.join("\0").as_bytes());
    let mut result = json!({
        "ruleId": finding.id,
        "ruleIndex": rule,
        "kind": "fail",
        "level": level(finding.severity),
        "message": {"text": literal(&text)},
        "locations": [location(&package.path, &format!("{name}@{version}"))],
        "partialFingerprints": {"hullmarkFinding/v1": fingerprint.hex()},
        "properties": {
            "purl": purl.to_string(),
            "layer": package.layer,
            "severity": finding.severity.as_str(),
            "fixedIn": super::view::is_fixable(finding).then(|| row.fix()),
            "knownExploited": finding.kev.is_some(),
            "epss": finding.epss.map(|e| super::document::exact(e.score)),
        },
    });
    if standing == Standing::Undetermined {
        // Only a failure may have a level.
        result["kind"] = json!("review");
        result["level"] = json!("none");
    }
    if let Some(suppressed) = &finding.suppressed {
        let justification =
            format!("{} ({})", printable(&suppressed.reason), printable(&suppressed.source));
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": justification}]);
    }
    result
}

fn gap(gap: &Gap) -> Value {
    json!({
        "level": "warning",
        "descriptor": {"id": format!("gap/{}", gap.reason.as_str())},
        "message": {"text": literal(&format!("not analysed: {}", gap.detail))},
        "locations": if gap.path.is_empty() { json!([]) } else { json!([location(&gap.path, "")]) },
    })
}

/// A file of the image and, within it, a package.
fn location(path: &str, package: &str) -> Value {
    let mut location = json!({});
    if !path.is_empty() {
        location["physicalLocation"] = json!({
            "artifactLocation": {"uri": uri(path), "uriBaseId": ROOT},
            "region": {"startLine": 1},
        });
    }
    if !package.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": package, "kind": "package"}]);
    }
    location
}

/// A path as a relative URI reference.
///
/// See: RFC 3986 §3.3.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+@,=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

/// Keeps a message from being read as one with placeholders and links.
///
/// See: SARIF 2.1.0 §3.11.5, §3.11.6.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        match c {
            '{' | '}' => out.extend([c, c]),
            '[' | ']' | '\\' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible | Severity::Unknown => "note",
    }
}

/// The number by which code hosts sort: the CVSS score where it agrees with the severity, else one that does.
fn security_severity(row: Row<'_>) -> f32 {
    let (low, high) = match row.finding.severity {
        Severity::Critical => (9.0, 10.0),
        Severity::High => (7.0, 8.9),
        Severity::Medium => (4.0, 6.9),
        Severity::Low => (0.1, 3.9),
        Severity::Negligible | Severity::Unknown => (0.0, 0.0),
    };
    let score = row.finding.cvss.as_ref().map_or(low, |cvss| cvss.score);
    if score.is_finite() { score.clamp(low, high) } else { low }
}
