//! `hullmark explain`: why a vulnerability was found, or was not: every record that was compared, with its range and the answer.

use hullmark_advisory::finding::{Basis, Finding, NameUsed};
use hullmark_advisory::matching::{self, Query};
use hullmark_evidence::Evidence;
use hullmark_inventory::Package;
use hullmark_inventory::catalog::binary::Executables;
use serde_json::json;

use super::{Inquiry, Outcome, advisories};
use crate::cli::{CheckFormat, ExplainArgs};
use crate::error::CommandError;
use crate::settings::Settings;
use crate::ui::Ui;

pub(super) fn run(
    args: ExplainArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<Outcome, CommandError> {
    let ExplainArgs { target, question, format, image, matching } = args;
    let advisories = advisories::open(&matching, settings, ui)?;
    let options = advisories::options(&matching);
    let inquiry = Inquiry {
        image: &image,
        executables: Executables::Skip,
        advisories: Some(advisories.database.clone()),
        matching: options.clone(),
        suppressions: advisories::suppressions(&matching, settings)?,
        judge: None,
    };
    let mut documents = Vec::new();
    let mut text = String::new();
    for examination in inquiry.run(&[target], settings, ui)? {
        let evidence = examination.evidence;
        let query = query(&question, &evidence);
        let mut findings =
            matching::explain(&advisories.database, &evidence.inventory, query, &options)?;
        carry_suppressions(&evidence, &mut findings);
        match format {
            CheckFormat::Json => documents.push(json!({
                "schema": "hullmark.explanation/v1",
                "subject": evidence.subject,
                "question": question,
                "findings": findings.iter().map(|f| json!({
                    "package": evidence.inventory.packages[f.package],
                    "finding": f,
                })).collect::<Vec<_>>(),
            })),
            CheckFormat::Text => {
                text.push_str(&explanation(&question, query, &evidence, &findings));
            }
        }
    }
    let report = match format {
        CheckFormat::Text => text,
        CheckFormat::Json => format!("{:#}\n", json!(documents)),
    };
    ui.data(report.as_bytes(), None)?;
    Ok(Outcome::Done)
}

/// A package's name if the image has one of that name, else an id.
fn query<'a>(question: &'a str, evidence: &Evidence) -> Query<'a> {
    let packages = &evidence.inventory.packages;
    if packages.iter().any(|p| p.name == question || p.source_name() == question) {
        Query::Package(question)
    } else {
        Query::Id(question)
    }
}

/// What suppressed a finding is decided where findings are made, not where they are explained.
fn carry_suppressions(evidence: &Evidence, findings: &mut [Finding]) {
    for finding in findings {
        let same = |f: &&Finding| f.package == finding.package && f.id == finding.id;
        if let Some(found) = evidence.findings.iter().find(same) {
            finding.suppressed.clone_from(&found.suppressed);
        }
    }
}

fn explanation(
    question: &str,
    query: Query<'_>,
    evidence: &Evidence,
    findings: &[Finding],
) -> String {
    let mut text = format!("{question} in {}\n", evidence.subject.name);
    if findings.is_empty() {
        text.push_str(&nothing(query, evidence));
    }
    for finding in findings {
        let package = &evidence.inventory.packages[finding.package];
        text.push_str(&format!("\n{} {}  {}\n", finding.id, status(finding), described(package)));
        if let Some(suppression) = &finding.suppressed {
            text.push_str(&format!(
                "  suppressed by {}: {}\n",
                suppression.source, suppression.reason
            ));
        }
        for basis in &finding.basis {
            text.push_str(&compared(basis));
        }
    }
    text
}

fn nothing(query: Query<'_>, evidence: &Evidence) -> String {
    let asked: Vec<&str> = evidence.advisories.iter().map(|a| a.ecosystem.as_str()).collect();
    let asked = if asked.is_empty() { "none".to_owned() } else { asked.join(", ") };
    match query {
        Query::Package(name) => {
            format!("  no advisory record names `{name}`; advisories asked: {asked}\n")
        }
        Query::Id(id) => format!(
            "  no record of `{id}` names a package of this image; advisories asked: {asked}\n"
        ),
    }
}

fn status(finding: &Finding) -> &'static str {
    use hullmark_advisory::Status;
    match finding.status {
        Status::Open => "OPEN",
        Status::Fixed => "fixed",
        Status::NotAffected => "not affected",
        Status::Undetermined => "UNDETERMINED",
    }
}

fn described(package: &Package) -> String {
    let owner = package.owned_by.as_ref().map_or_else(String::new, |owner| {
        format!(", owned by {} {} {}", owner.kind.as_str(), owner.name, owner.version)
    });
    let kind = package.kind.as_str();
    format!("{kind} {} {} ({}{owner})", package.name, package.version, package.path)
}

fn compared(basis: &Basis) -> String {
    let by = match basis.by {
        NameUsed::Package => "package",
        NameUsed::Source => "source package",
        NameUsed::Origin => "origin",
    };
    let Basis { record, ecosystem, name, version, scheme, range, .. } = basis;
    let outcome = match basis.outcome {
        hullmark_advisory::Status::Open => "inside the range",
        hullmark_advisory::Status::Fixed => "fixed",
        hullmark_advisory::Status::NotAffected => "outside the range",
        hullmark_advisory::Status::Undetermined => "not comparable",
    };
    let note = basis.note.as_ref().map_or_else(String::new, |note| format!("    note: {note}\n"));
    format!(
        "  {record} ({ecosystem}) by {by} `{name}`\n    {version} against {range} in {scheme} order: {outcome}\n{note}"
    )
}
