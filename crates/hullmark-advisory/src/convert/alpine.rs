//! Alpine's secdb: which version of an origin package fixed what, one file per release and repository.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConvertError;
use crate::osv::{Affected, Event, Range, Record, State};

#[derive(Deserialize)]
struct Secdb {
    #[serde(default)]
    distroversion: Option<String>,
    packages: Vec<Wrapped>,
    #[serde(default)]
    urlprefix: Option<String>,
}

#[derive(Deserialize)]
struct Wrapped {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    secfixes: Option<BTreeMap<String, Option<Vec<String>>>>,
}

/// Converts a secdb file, and says which segment it belongs to (`Alpine:v3.20`, `Wolfi`).
///
/// # Errors
/// If it is no secdb file.
pub fn convert(json: &[u8]) -> Result<(String, Vec<Record>), ConvertError> {
    let secdb: Secdb =
        serde_json::from_slice(json).map_err(ConvertError::json("an Alpine secdb file"))?;
    let segment = segment(&secdb)?;
    let family = segment.split(':').next().unwrap_or_default().to_uppercase();
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    for Wrapped { pkg } in secdb.packages {
        for (version, fixes) in pkg.secfixes.unwrap_or_default() {
            // One entry may name the same vulnerability several times over: `CVE-2020-1 GHSA-x`.
            for fix in fixes.unwrap_or_default() {
                add(&mut records, &family, &segment, &pkg.name, &version, &fix);
            }
        }
    }
    Ok((segment, records.into_values().collect()))
}

fn add(
    records: &mut BTreeMap<String, Record>,
    family: &str,
    segment: &str,
    package: &str,
    version: &str,
    fix: &str,
) {
    let mut ids: Vec<&str> = fix.split_whitespace().filter(|id| id.contains('-')).collect();
    ids.sort_by_key(|id| !id.starts_with("CVE-"));
    let Some((first, others)) = ids.split_first() else { return };
    let record = records.entry(format!("{family}-{first}")).or_insert_with(|| Record {
        id: format!("{family}-{first}"),
        upstream: vec![(*first).to_owned()],
        ..Record::default()
    });
    record.aliases.extend(others.iter().map(|id| (*id).to_owned()));
    let mut affected =
        Affected { ecosystem: segment.into(), name: package.into(), ..Affected::default() };
    if version == "0" {
        affected.state = State::NotAffected("Alpine's packagers say so".into());
    } else {
        let events = vec![Event::Introduced("0".into()), Event::Fixed(version.into())];
        affected.ranges.push(Range { events });
    }
    record.affected.push(affected);
}

/// Files of rolling distributions have no version; where they come from tells them apart.
fn segment(secdb: &Secdb) -> Result<String, ConvertError> {
    let prefix = secdb.urlprefix.as_deref().unwrap_or_default();
    match secdb.distroversion.as_deref().filter(|version| !version.is_empty()) {
        Some(version) if version.starts_with('v') || version == "edge" => {
            Ok(format!("Alpine:{version}"))
        }
        Some(other) => Err(ConvertError::Malformed(format!("unknown release `{other}`"))),
        None if prefix.contains("wolfi") => Ok("Wolfi".into()),
        None if prefix.contains("chainguard") => Ok("Chainguard".into()),
        None => Err(ConvertError::Malformed("no release is named".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_and_denials_become_records() {
        let json = br#"{"apkurl":"x","archs":["x86_64"],"reponame":"main","distroversion":"v3.20","packages":[
            {"pkg":{"name":"openssl","secfixes":{"3.0-r1":["CVE-2024-2 GHSA-a-b-c","CVE-2024-1"],"0":["CVE-2024-3"]}}},
            {"pkg":{"name":"musl","secfixes":{"1.2-r1":["CVE-2024-1",""]}}}]}"#;
        let (segment, records) = convert(json).expect("converts");
        assert_eq!(segment, "Alpine:v3.20");
        let ids: Vec<&str> = records.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["ALPINE-CVE-2024-1", "ALPINE-CVE-2024-2", "ALPINE-CVE-2024-3"]);
        assert_eq!(records[0].affected.len(), 2);
        assert_eq!(records[1].aliases, ["GHSA-a-b-c"]);
        assert!(matches!(records[2].affected[0].state, State::NotAffected(_)));
    }

    #[test]
    fn other_documents_are_refused() {
        for json in
            [&br#"{"packages":[]}"#[..], br#"{"distroversion":"3","packages":[]}"#, b"{}", b"["]
        {
            assert!(convert(json).is_err());
        }
    }
}
