//! Red Hat's CSAF documents: VEX (one CVE, every product's state) and advisories (one RHSA, its CVEs).
//!
//! OSV's Red Hat records know fixed packages only; here also affected, will-not-fix, deferred and not-affected ones.
//!
//! See: CSAF 2.0 §3.2.2 "Product Tree", §3.2.3.9 "Product Status".

use std::collections::{BTreeMap, BTreeSet};

use hullmark_inventory::purl::PackageUrl;

use super::ConvertError;
use crate::osv::{Affected, Event, Range, Rating, Record, State, millis, one_line};
use crate::vex::csaf::{Csaf, Products, Vulnerability};

/// Converts one CSAF document of Red Hat's.
///
/// # Errors
/// If it is no CSAF document.
pub fn convert(json: &[u8]) -> Result<Vec<Record>, ConvertError> {
    let csaf: Csaf = serde_json::from_slice(json).map_err(ConvertError::json("a CSAF document"))?;
    let products = csaf.products();
    let tracking = &csaf.document.tracking;
    let (published, modified) = (
        tracking.initial_release_date.as_deref().and_then(millis),
        tracking.current_release_date.as_deref().and_then(millis),
    );
    let severity = csaf.document.aggregate_severity.as_ref().map(|s| s.text.as_str());
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let advisory = tracking.id.starts_with("RH");
    for vulnerability in &csaf.vulnerabilities {
        let Some(cve) = vulnerability.cve.as_deref().filter(|cve| !cve.is_empty()) else {
            continue;
        };
        let id = if advisory { tracking.id.as_str() } else { cve };
        let record = records.entry(id.into()).or_insert_with(|| Record {
            id: id.into(),
            published,
            modified,
            summary: one_line(if advisory { &csaf.document.title } else { vulnerability.title() }),
            references: csaf.document.own_reference().into_iter().collect(),
            ..Record::default()
        });
        if advisory {
            record.upstream.push(cve.into());
        }
        record.ratings.extend(ratings(vulnerability, severity));
        record.affected.extend(affected(vulnerability, &products));
    }
    for record in records.values_mut() {
        record.affected.sort_by(|a, b| (&a.ecosystem, &a.name).cmp(&(&b.ecosystem, &b.name)));
        record.affected.dedup();
    }
    Ok(records.into_values().collect())
}

fn ratings(vulnerability: &Vulnerability, document: Option<&str>) -> Vec<Rating> {
    let words = vulnerability.threats.iter().filter(|t| t.category == "impact");
    let word = words.map(|t| t.details.as_str()).next().or(document);
    let mut ratings: Vec<Rating> = word
        .map(|word| Rating { kind: "label".into(), value: word.to_lowercase() })
        .into_iter()
        .collect();
    for score in &vulnerability.scores {
        let vectors =
            [("CVSS_V4", &score.cvss_v4), ("CVSS_V3", &score.cvss_v3), ("CVSS_V2", &score.cvss_v2)];
        for (kind, vector) in vectors {
            if let Some(vector) = vector {
                ratings.push(Rating { kind: kind.into(), value: vector.vector.clone() });
            }
        }
    }
    ratings
}

fn affected(vulnerability: &Vulnerability, products: &Products<'_>) -> Vec<Affected> {
    let status = &vulnerability.product_status;
    let declined = decisions(vulnerability);
    let mut found = BTreeMap::new();
    let begin = || Event::Introduced("0".into());
    for id in &status.fixed {
        let Some((place, url)) = component(products, id) else { continue };
        let Some(version) = evr(&url) else { continue };
        let mut affected = place.clone();
        affected.ranges.push(Range { events: vec![begin(), Event::Fixed(version.clone())] });
        found.insert((affected.ecosystem.clone(), affected.name.clone(), version), affected);
    }
    let states = [
        (&status.known_affected, None),
        (&status.known_not_affected, Some(State::NotAffected("Red Hat says so".into()))),
        (&status.under_investigation, Some(State::Investigating)),
    ];
    for (ids, state) in states {
        for id in ids {
            let Some((mut affected, _)) = component(products, id) else { continue };
            match &state {
                Some(state) => affected.state = state.clone(),
                None => {
                    affected.ranges.push(Range { events: vec![begin()] });
                    affected.state = declined.get(id.as_str()).cloned().unwrap_or_default();
                }
            }
            let key = (affected.ecosystem.clone(), affected.name.clone(), String::new());
            found.entry(key).or_insert(affected);
        }
    }
    found.into_values().collect()
}

/// Why products are affected and stay so: `Will not fix`, `Fix deferred`, `Out of support scope`.
fn decisions(vulnerability: &Vulnerability) -> BTreeMap<&str, State> {
    let mut decisions = BTreeMap::new();
    for remediation in &vulnerability.remediations {
        let state = match (remediation.category.as_str(), remediation.details.as_str()) {
            ("no_fix_planned", details) if details.contains("Out of support") => {
                State::Declined("end-of-life".into())
            }
            ("no_fix_planned", _) => State::Declined("will-not-fix".into()),
            ("none_available", details) if details.contains("deferred") => {
                State::Deferred("fix-deferred".into())
            }
            _ => continue,
        };
        decisions.extend(remediation.product_ids.iter().map(|id| (id.as_str(), state.clone())));
    }
    decisions
}

/// Returns what a product id stands for: a package, as a component of a release of Red Hat's.
fn component(products: &Products<'_>, id: &str) -> Option<(Affected, PackageUrl)> {
    let (platform, url) = products.component(id)?;
    if url.kind() != "rpm" || url.qualifier("arch") == Some("src") {
        return None;
    }
    let product =
        ["cpe:/o:redhat:", "cpe:/a:redhat:"].iter().find_map(|p| platform.strip_prefix(p))?;
    let affected = Affected {
        ecosystem: format!("Red Hat:{product}"),
        name: url.name().to_owned(),
        ..Affected::default()
    };
    Some((affected, url))
}

fn evr(url: &PackageUrl) -> Option<String> {
    let version = url.version()?;
    Some(format!("{}:{version}", url.qualifier("epoch").unwrap_or("0")))
}

/// Returns the ids of documents' CVEs, for people.
pub fn cves(records: &[Record]) -> BTreeSet<&str> {
    records.iter().flat_map(|r| r.upstream.iter().chain([&r.id])).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"document":{"category":"csaf_vex","title":"t","tracking":{"id":"CVE-2024-1",
        "initial_release_date":"2024-01-01T00:00:00+00:00","current_release_date":"2024-02-01T00:00:00+00:00"},
        "aggregate_severity":{"text":"Moderate"},"references":[{"category":"self","url":"https://example.org/vex"}]},
      "product_tree":{"branches":[{"category":"vendor","name":"Red Hat","branches":[
        {"category":"product_name","name":"RHEL 8","product":{"product_id":"BaseOS-8","name":"x","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:8::baseos"}}},
        {"category":"product_name","name":"RHEL 9","product":{"product_id":"rhel_9","name":"x","product_identification_helper":{"cpe":"cpe:/o:redhat:enterprise_linux:9"}}},
        {"category":"product_version","name":"o","product":{"product_id":"openssl-1:1.1.1k-7.el8.x86_64","name":"x","product_identification_helper":{"purl":"pkg:rpm/redhat/openssl@1.1.1k-7.el8?arch=x86_64&epoch=1"}}},
        {"category":"product_version","name":"o","product":{"product_id":"openssl","name":"x","product_identification_helper":{"purl":"pkg:rpm/redhat/openssl"}}},
        {"category":"product_version","name":"o","product":{"product_id":"edk2","name":"x","product_identification_helper":{"purl":"pkg:rpm/redhat/edk2"}}}]}],
       "relationships":[
        {"category":"default_component_of","full_product_name":{"product_id":"BaseOS-8:openssl-1:1.1.1k-7.el8.x86_64","name":"x"},"product_reference":"openssl-1:1.1.1k-7.el8.x86_64","relates_to_product_reference":"BaseOS-8"},
        {"category":"default_component_of","full_product_name":{"product_id":"rhel_9:openssl","name":"x"},"product_reference":"openssl","relates_to_product_reference":"rhel_9"},
        {"category":"default_component_of","full_product_name":{"product_id":"rhel_9:edk2","name":"x"},"product_reference":"edk2","relates_to_product_reference":"rhel_9"}]},
      "vulnerabilities":[{"cve":"CVE-2024-1","title":"openssl: bad","scores":[{"cvss_v3":{"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},"products":[]}],
        "threats":[{"category":"impact","details":"Important"}],
        "product_status":{"fixed":["BaseOS-8:openssl-1:1.1.1k-7.el8.x86_64"],"known_affected":["rhel_9:edk2"],"known_not_affected":["rhel_9:openssl"]},
        "remediations":[{"category":"no_fix_planned","details":"Will not fix","product_ids":["rhel_9:edk2"]}]}]}"#;

    #[test]
    fn every_state_survives() {
        let records = convert(DOCUMENT.as_bytes()).expect("converts");
        assert_eq!(records.len(), 1);
        let of = |name: &str, major: &str| {
            records[0]
                .affected
                .iter()
                .find(|a| a.name == name && a.ecosystem.contains(major))
                .expect("is there")
        };
        assert_eq!(of("openssl", ":8").ranges[0].events[1], Event::Fixed("1:1.1.1k-7.el8".into()));
        assert!(matches!(of("openssl", ":9").state, State::NotAffected(_)));
        assert_eq!(of("edk2", ":9").state, State::Declined("will-not-fix".into()));
        assert_eq!(records[0].ratings[0].value, "important");
        assert!(convert(br#"{"document":{}}"#).is_err());
    }
}
