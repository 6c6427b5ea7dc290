//! An SPDX 2.3 document as an inventory.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use hullmark_oci::{Digest, FilePath, Limits};

use super::super::read::{Claim, Collector, Sbom, SbomError, parse, short, with_facts};
use super::super::stream::{Bounded, for_each};
use super::super::{Format, Subject, facts};
use crate::GapReason;
use crate::os_release::OsRelease;
use crate::package::SourcePackage;
use crate::purl::distribution_of;

const FORMAT: &str = "SPDX";

const DOCUMENT: &str = "SPDXRef-DOCUMENT";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spdx<'a> {
    spdx_version: String,
    #[serde(borrow)]
    packages: Option<&'a RawValue>,
    #[serde(borrow)]
    has_extracted_licensing_infos: Option<&'a RawValue>,
    #[serde(borrow)]
    relationships: Option<&'a RawValue>,
    #[serde(default)]
    document_describes: Bounded<String, 10_000>,
    #[serde(default)]
    annotations: Bounded<Annotation, 1_000>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    name: String,
    #[serde(rename = "SPDXID", default)]
    id: String,
    #[serde(default)]
    version_info: String,
    #[serde(default)]
    supplier: String,
    #[serde(default)]
    source_info: String,
    #[serde(default)]
    checksums: Bounded<Checksum, 1_000>,
    #[serde(default)]
    license_declared: String,
    #[serde(default)]
    primary_package_purpose: String,
    #[serde(default)]
    external_refs: Bounded<ExternalRef, 10_000>,
    #[serde(default)]
    annotations: Bounded<Annotation, 1_000>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: String,
    checksum_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    #[serde(default)]
    reference_type: String,
    #[serde(default)]
    reference_locator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense {
    license_id: String,
    #[serde(default)]
    extracted_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    #[serde(default)]
    spdx_element_id: String,
    #[serde(default)]
    related_spdx_element: String,
    #[serde(default)]
    relationship_type: String,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    annotator: String,
    #[serde(default)]
    comment: String,
}

/// Reads SPDX JSON 2.3.
pub(in crate::sbom) fn read(bytes: &[u8], limits: &Limits) -> Result<Sbom, SbomError> {
    let spdx: Spdx<'_> = parse(FORMAT, bytes)?;
    if spdx.spdx_version != "SPDX-2.3" {
        return Err(SbomError::UnsupportedVersion {
            format: "SPDX",
            version: short(spdx.spdx_version.trim_start_matches("SPDX-")),
            expected: "2.3",
        });
    }
    let described = described(&spdx)?;
    let mut collector = Collector::new(limits);
    for (name, value) in own_facts(&spdx.annotations) {
        collector.image_fact(&name, &value);
    }
    let mut texts = BTreeMap::new();
    for_each(FORMAT, spdx.has_extracted_licensing_infos, |license: ExtractedLicense| {
        texts.insert(license.license_id, license.extracted_text);
        if texts.len() > limits.packages {
            return Err(SbomError::TooManyPackages { limit: limits.packages });
        }
        Ok(())
    })?;
    let mut ids = BTreeSet::new();
    let mut subjects = Vec::new();
    for_each(FORMAT, spdx.packages, |entry: Entry| {
        collector.count()?;
        if !ids.insert(entry.id.clone()) {
            collector.gap(GapReason::Malformed, &entry.id, "is the `SPDXID` of several packages");
        }
        let is_subject = described.contains(&entry.id);
        let is_image = entry.primary_package_purpose == "CONTAINER" || purl(&entry).is_none();
        if is_subject && is_image {
            subjects.push(subject(&entry));
        } else {
            add(&mut collector, entry, &texts);
        }
        Ok(())
    })?;
    Ok(Sbom { inventory: collector.finish(), subjects, format: Format::Spdx })
}

/// Returns the identifiers of what the document says it describes.
fn described(spdx: &Spdx<'_>) -> Result<BTreeSet<String>, SbomError> {
    let mut described: BTreeSet<String> = spdx.document_describes.iter().cloned().collect();
    for_each(FORMAT, spdx.relationships, |r: Relationship| {
        match r.relationship_type.as_str() {
            "DESCRIBES" if r.spdx_element_id == DOCUMENT => {
                described.insert(r.related_spdx_element)
            }
            "DESCRIBED_BY" if r.related_spdx_element == DOCUMENT => {
                described.insert(r.spdx_element_id)
            }
            _ => false,
        };
        Ok(())
    })?;
    Ok(described)
}

fn add(collector: &mut Collector<'_>, entry: Entry, texts: &BTreeMap<String, String>) {
    // The schema of 2.3 spells it with `_`, its text with `-`.
    if matches!(&*entry.primary_package_purpose, "OPERATING_SYSTEM" | "OPERATING-SYSTEM") {
        let mut os = OsRelease {
            id: distribution_of(&entry.name),
            version_id: entry.version_info,
            ..OsRelease::default()
        };
        for (name, value) in own_facts(&entry.annotations) {
            facts::apply_os(&mut os, &name, &value);
        }
        collector.set_os(os);
        return;
    }
    let version = if entry.version_info == "NOASSERTION" { "" } else { &entry.version_info };
    let claim = Claim { name: &entry.name, version, purl: purl(&entry) };
    let Some(mut package) = collector.package(&claim) else {
        return;
    };
    let (path, source) = source_info(&entry.source_info);
    package.path = path;
    if package.source.is_none() {
        package.source = source;
    }
    let facts = own_facts(&entry.annotations);
    package = with_facts(package, facts.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    package.vendor = entry
        .supplier
        .strip_prefix("Organization: ")
        .or_else(|| entry.supplier.strip_prefix("Person: "))
        .map(Into::into);
    package.licenses = licenses(&entry.license_declared, texts);
    collector.push(package);
}

fn purl(entry: &Entry) -> Option<&str> {
    let external = entry.external_refs.iter().find(|r| r.reference_type == "purl")?;
    Some(&external.reference_locator)
}

/// Other tools write where a package was found, or what it was built from, as prose of a fixed form.
fn source_info(text: &str) -> (FilePath, Option<SourcePackage>) {
    if let Some(built) = text.strip_prefix("built package from: ") {
        let (name, version) = built.split_once(' ').unwrap_or((built, ""));
        let version = (!version.is_empty()).then(|| version.into());
        return (FilePath::default(), Some(SourcePackage { name: name.into(), version }));
    }
    let path =
        text.rsplit_once(": ").map(|(_, paths)| paths.split(", ").next().unwrap_or_default());
    (path.filter(|p| p.starts_with('/')).map(FilePath::from_written).unwrap_or_default(), None)
}

/// Reads our annotations: a JSON list of name and value pairs.
fn own_facts(annotations: &[Annotation]) -> Vec<facts::Fact> {
    annotations
        .iter()
        .filter(|a| a.annotator.starts_with("Tool: hullmark"))
        .filter_map(|a| serde_json::from_str::<Vec<facts::Fact>>(&a.comment).ok())
        .flatten()
        .collect()
}

/// Splits what is declared at its outermost `AND`, and gives references back as the texts that they stand for.
fn licenses(declared: &str, texts: &BTreeMap<String, String>) -> Vec<String> {
    if matches!(declared, "" | "NOASSERTION" | "NONE") {
        return Vec::new();
    }
    let text_of = |part: &str| texts.get(part).filter(|t| !t.is_empty()).cloned();
    let mut parts = Vec::new();
    let mut depth = 0_i64;
    let mut start = 0;
    for (at, byte) in declared.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b' ' if depth == 0 && declared.get(at..).is_some_and(|r| r.starts_with(" AND ")) => {
                parts.push(declared.get(start..at).unwrap_or_default());
                start = at + " AND ".len();
            }
            _ => {}
        }
    }
    parts.push(declared.get(start..).unwrap_or_default());
    parts.into_iter().map(|part| text_of(part).unwrap_or_else(|| part.into())).collect()
}

fn subject(entry: &Entry) -> Subject {
    let checksum = |algorithm: &str, name: &str| {
        let checksum = entry.checksums.iter().find(|c| c.algorithm == algorithm)?;
        format!("{name}:{}", checksum.checksum_value).parse::<Digest>().ok()
    };
    let platform =
        own_facts(&entry.annotations).into_iter().find(|(n, _)| n == "hullmark:platform");
    Subject {
        name: entry.name.clone(),
        digest: entry
            .version_info
            .parse()
            .ok()
            .or_else(|| checksum("SHA256", "sha256"))
            .or_else(|| checksum("SHA512", "sha512")),
        platform: platform.and_then(|(_, value)| value.parse().ok()),
    }
}
