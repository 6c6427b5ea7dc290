//! From a record as published to the records of segments: which segment each part belongs to, and what it stands for.

use std::collections::BTreeMap;

use crate::ecosystem::{self, Ecosystem, Related};
use crate::osv::{Rating, Record, severity_of_word};
use crate::version::Scheme;

/// Returns the parts of a record by segment. Packages of ecosystems that cannot be matched are left out.
pub(crate) fn split(mut record: Record) -> BTreeMap<String, Record> {
    record.normalize();
    let affected = std::mem::take(&mut record.affected);
    let mut parts: BTreeMap<String, Record> = BTreeMap::new();
    for mut affected in affected {
        let Some(ecosystem) = ecosystem::lookup(&affected.ecosystem) else { continue };
        if ecosystem.scheme == Scheme::Rpm && affected.module.is_none() {
            affected.module = module_of_build(&affected, &record.summary);
        }
        let (segment, _) = ecosystem::segment_of(&affected.ecosystem);
        let part = parts.entry(segment).or_insert_with(|| rated_by_title(&record, ecosystem));
        part.affected.push(affected);
    }
    for part in parts.values_mut() {
        // The order of the source says nothing, and sources change it.
        part.affected.sort_by(|a, b| (&a.name, &a.ecosystem).cmp(&(&b.name, &b.ecosystem)));
    }
    parts
}

/// Returns the ids of the vulnerabilities that a record stands for: CVEs where it names some. Empty if it is itself one.
pub(crate) fn vulnerabilities(record: &Record, ecosystem: &Ecosystem) -> Vec<String> {
    let mut found: Vec<String> =
        record.upstream.iter().filter_map(|id| embedded_cve(id)).map(str::to_owned).collect();
    if found.is_empty() {
        found.clone_from(&record.upstream);
    }
    if found.is_empty() && record.aliases.iter().all(|id| !id.starts_with("CVE-")) {
        if ecosystem.related == Related::Vulnerabilities {
            found.extend(record.related.iter().filter(|id| id.starts_with("CVE-")).cloned());
        } else if !record.id.starts_with("CVE-") {
            found.extend(embedded_cve(&record.id).map(str::to_owned));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether a record is about security. AlmaLinux publishes bug-fix and enhancement advisories beside security ones.
pub(crate) fn is_security(record: &Record, vulnerabilities: &[String]) -> bool {
    let other = [
        "ALBA-",
        "ALEA-",
        "RHBA-",
        "RHEA-",
        "RLBA-",
        "RLEA-",
        "SUSE-RU-",
        "SUSE-FU-",
        "openSUSE-RU-",
    ];
    !vulnerabilities.is_empty() || !other.iter().any(|prefix| record.id.starts_with(prefix))
}

/// `UBUNTU-CVE-2024-1` → `CVE-2024-1`.
fn embedded_cve(id: &str) -> Option<&str> {
    let at = id.find("CVE-")?;
    (at == 0 || id[..at].ends_with('-')).then(|| &id[at..])
}

/// Returns the module stream of a package whose version says that it was built in a module.
fn module_of_build(affected: &crate::osv::Affected, summary: &str) -> Option<String> {
    let events = affected.ranges.iter().flat_map(|r| &r.events);
    let modular = events.map(crate::osv::Event::version).any(is_modular);
    modular.then(|| stream_in_title(summary).unwrap_or_default().to_owned())
}

/// Whether an RPM version was built in a module: `1.6.0-1.module_el8.5.0+2604+960c7771`.
pub(crate) fn is_modular(version: &str) -> bool {
    version.contains(".module_el") || version.contains(".module+el")
}

/// `Moderate: go-toolset:rhel8 security update` → `go-toolset:rhel8`.
fn stream_in_title(title: &str) -> Option<&str> {
    title.split_whitespace().find(|word| {
        word.split_once(':').is_some_and(|(name, stream)| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
            !name.is_empty()
                && !stream.is_empty()
                && name.chars().all(plain)
                && stream.chars().all(plain)
        })
    })
}

/// Returns the record without packages, rated by its title where the ecosystem rates so: `Important: kernel update`.
fn rated_by_title(record: &Record, ecosystem: &Ecosystem) -> Record {
    let mut part = record.clone();
    if matches!(ecosystem.base, "AlmaLinux" | "Rocky Linux" | "Red Hat")
        && let Some((word, _)) = record.summary.split_once(':')
        && severity_of_word(word).is_some()
    {
        part.ratings.push(Rating { kind: "label".into(), value: word.to_ascii_lowercase() });
        part.normalize();
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands_for(
        base: &str,
        id: &str,
        aliases: &[&str],
        upstream: &[&str],
        related: &[&str],
    ) -> String {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        let record = Record {
            id: id.into(),
            aliases: own(aliases),
            upstream: own(upstream),
            related: own(related),
            ..Record::default()
        };
        vulnerabilities(&record, ecosystem::lookup(base).expect("known")).join(" ")
    }

    #[test]
    fn advisories_stand_for_their_cves_and_vulnerabilities_for_themselves() {
        for (base, id, aliases, upstream, related, expected) in [
            ("Debian", "DSA-1-1", &[][..], &["CVE-2", "CVE-1"][..], &[][..], "CVE-1 CVE-2"),
            ("Ubuntu", "USN-1-1", &[], &["UBUNTU-CVE-2021-3782"], &[], "CVE-2021-3782"),
            ("Ubuntu", "UBUNTU-CVE-2021-1", &[], &[], &[], "CVE-2021-1"),
            ("AlmaLinux", "ALSA-1", &[], &[], &["CVE-1", "RHSA-1"], "CVE-1"),
            ("Red Hat", "RHSA-1", &[], &["CVE-1"], &["GO-1"], "CVE-1"),
            ("Wolfi", "CGA-1", &[], &["CVE-1", "GHSA-1"], &[], "CVE-1"),
            ("Wolfi", "CGA-1", &[], &["GHSA-1"], &[], "GHSA-1"),
            ("npm", "GHSA-1", &["CVE-1"], &[], &["CVE-2"], ""),
            ("PyPI", "PYSEC-1", &[], &[], &["CVE-2"], ""),
            ("PyPI", "CVE-2024-1", &[], &[], &[], ""),
            ("npm", "XCVE-1", &[], &[], &[], ""),
        ] {
            assert_eq!(stands_for(base, id, aliases, upstream, related), expected, "{id}");
        }
    }

    #[test]
    fn titles_name_streams() {
        for (title, expected) in [
            (
                "Moderate: go-toolset:rhel8 security, bug fix, and enhancement update",
                Some("go-toolset:rhel8"),
            ),
            ("Important: nodejs:12 security update", Some("nodejs:12")),
            ("Important: kernel security update", None),
        ] {
            assert_eq!(stream_in_title(title), expected);
        }
    }
}
