//! The Debian security tracker's JSON: every CVE of every source package in every release, with the team's decisions.
//!
//! OSV's Debian records keep only whether it is open; here also `unimportant`, `no-dsa`, `ignored`, `postponed`,
//! `end-of-life` and "never affected" survive.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConvertError;
use crate::ecosystem::debian_number;
use crate::osv::{Affected, Event, Range, Rating, Record, State, one_line};

type Tracker = BTreeMap<String, BTreeMap<String, Issue>>;

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    description: Option<String>,
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    nodsa: Option<String>,
    #[serde(default)]
    nodsa_reason: Option<String>,
}

/// Converts the tracker's JSON. Ids are `DEBIAN-CVE-…`, as in OSV; issues that have no CVE yet keep their `TEMP-…` id.
///
/// # Errors
/// If it is not the tracker's JSON.
pub fn convert(json: &[u8]) -> Result<Vec<Record>, ConvertError> {
    let tracker: Tracker = serde_json::from_slice(json)
        .map_err(ConvertError::json("the Debian security tracker's JSON"))?;
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    for (package, issues) in tracker {
        for (issue_id, issue) in issues {
            let id = if issue_id.starts_with("CVE-") {
                format!("DEBIAN-{issue_id}")
            } else {
                issue_id.clone()
            };
            let record = records.entry(id.clone()).or_insert_with(|| Record {
                id,
                upstream: if issue_id.starts_with("CVE-") {
                    vec![issue_id.clone()]
                } else {
                    Vec::new()
                },
                summary: one_line(issue.description.as_deref().unwrap_or_default()),
                references: vec![format!("https://security-tracker.debian.org/tracker/{issue_id}")],
                ..Record::default()
            });
            for (release, state) in issue.releases {
                record.affected.push(affected(&package, &release, state)?);
            }
        }
    }
    Ok(records.into_values().collect())
}

fn affected(package: &str, codename: &str, release: Release) -> Result<Affected, ConvertError> {
    let urgency = release.urgency.as_deref().unwrap_or_default().trim_end_matches('*');
    let begin = Event::Introduced("0".into());
    let mut affected = Affected {
        ecosystem: format!("Debian:{}", debian_number(codename)),
        name: package.into(),
        ..Affected::default()
    };
    match (release.status.as_str(), release.fixed_version) {
        // The tracker writes "0" for a release that never had the faulty code.
        ("resolved", Some(version)) if version == "0" => {
            affected.state = State::NotAffected("the faulty code was never in this release".into());
        }
        ("resolved", Some(version)) => {
            affected.ranges.push(Range { events: vec![begin, Event::Fixed(version)] });
        }
        ("open" | "resolved", _) => {
            affected.ranges.push(Range { events: vec![begin] });
            affected.state =
                open_state(urgency, release.nodsa.as_deref(), release.nodsa_reason.as_deref());
        }
        ("undetermined", _) => affected.state = State::Investigating,
        (status, _) => {
            return Err(ConvertError::Malformed(format!(
                "unknown status `{status}` of `{package}` in `{codename}`"
            )));
        }
    }
    if crate::osv::severity_of_word(urgency).is_some() {
        affected.ratings.push(Rating { kind: "label".into(), value: urgency.into() });
    }
    Ok(affected)
}

/// `nodsa` is the team's explanation; its reason is empty where the issue is merely too minor for an advisory.
fn open_state(urgency: &str, nodsa: Option<&str>, reason: Option<&str>) -> State {
    match (urgency, nodsa, reason) {
        ("end-of-life", _, _) => State::Declined("end-of-life".into()),
        (_, _, Some("postponed")) => State::Deferred("postponed".into()),
        (_, _, Some("ignored")) => State::Declined("ignored".into()),
        (_, Some(_), _) => State::Declined("no-dsa".into()),
        _ => State::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives() {
        let json = br#"{"pkg":{"CVE-2024-1":{"description":"d","scope":"remote","releases":{
            "bookworm":{"status":"resolved","fixed_version":"1.2-1","urgency":"high**","repositories":{}},
            "bullseye":{"status":"resolved","fixed_version":"0","urgency":"unimportant"},
            "trixie":{"status":"open","urgency":"unimportant"},
            "sid":{"status":"open","urgency":"not yet assigned","nodsa":"Minor issue","nodsa_reason":"postponed"},
            "buster":{"status":"open","urgency":"end-of-life"},
            "stretch":{"status":"open","urgency":"low","nodsa":"Minor issue","nodsa_reason":""},
            "jessie":{"status":"open","urgency":"low","nodsa":"x","nodsa_reason":"ignored"},
            "forky":{"status":"undetermined","urgency":"x"}}}}}"#;
        let records = convert(json).expect("converts");
        assert_eq!(records.len(), 1);
        assert_eq!(
            (records[0].id.as_str(), &records[0].upstream[..]),
            ("DEBIAN-CVE-2024-1", &["CVE-2024-1".to_owned()][..])
        );
        let of = |ecosystem: &str| {
            records[0].affected.iter().find(|a| a.ecosystem == ecosystem).expect(ecosystem)
        };
        assert_eq!(of("Debian:12").ranges[0].events[1], Event::Fixed("1.2-1".into()));
        assert_eq!(of("Debian:12").ratings[0].value, "high");
        assert!(matches!(of("Debian:11").state, State::NotAffected(_)));
        assert_eq!(
            (of("Debian:13").state.clone(), of("Debian:13").ranges.len()),
            (State::Plain, 1)
        );
        assert_eq!(of("Debian:sid").state, State::Deferred("postponed".into()));
        assert_eq!(of("Debian:10").state, State::Declined("end-of-life".into()));
        assert_eq!(of("Debian:9").state, State::Declined("no-dsa".into()));
        assert_eq!(of("Debian:8").state, State::Declined("ignored".into()));
        assert_eq!(of("Debian:14").state, State::Investigating);
    }

    #[test]
    fn other_documents_are_refused() {
        for json in [
            &br#"{"pkg":{"CVE-2024-1":{}}}"#[..],
            br#"{"pkg":{"CVE-2024-1":{"releases":{"sid":{"status":"maybe"}}}}}"#,
            br#"{"pkg":1}"#,
            b"",
        ] {
            assert!(convert(json).is_err());
        }
    }
}
