//! An inventory as an SPDX 2.3 document.

use std::collections::BTreeMap;

use serde::Serialize;

use hullmark_oci::{Algorithm, Digest};

use super::super::{Document, facts, package_ids, plain, to_json};
use crate::license::{self, License};
use crate::os_release::OsRelease;
use crate::package::Package;
use crate::purl;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const SUBJECT: &str = "SPDXRef-Image";
const NOTHING_SAID: &str = "NOASSERTION";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spdx {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Entry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense>,
    relationships: Vec<Relationship>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version_info: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_package_purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense {
    license_id: String,
    extracted_text: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    related_spdx_element: String,
    relationship_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation {
    annotation_date: String,
    annotation_type: &'static str,
    annotator: String,
    comment: String,
}

/// Writes an SPDX 2.3 document.
///
/// What package URLs do not say stands in annotations: a JSON list of name and value pairs, as CycloneDX properties have them.
pub fn write(document: &Document<'_>) -> Vec<u8> {
    let inventory = document.inventory;
    let tool = format!("Tool: hullmark-{}", document.tool_version);
    let annotate = |facts: Vec<facts::Fact>| Annotation {
        annotation_date: document.created(),
        annotation_type: "OTHER",
        annotator: tool.clone(),
        comment: serde_json::json!(facts).to_string(),
    };
    let mut extracted = BTreeMap::new();
    let mut packages = vec![subject(document, &annotate)];
    packages.extend(inventory.os.as_ref().map(|os| system(os, &annotate)));
    for (package, id) in inventory.packages.iter().zip(package_ids(inventory)) {
        let os = inventory.os.as_ref();
        let mut entry = entry(package, os, document.owned_files, &annotate);
        entry.id = format!("SPDXRef-{id}");
        entry.license_declared = declared(&package.licenses, &mut extracted);
        packages.push(entry);
    }
    let facts = facts::of_image(inventory);
    to_json(&Spdx {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: DOCUMENT,
        name: document.subject.name.clone(),
        document_namespace: format!(
            "https://spdx.org/spdxdocs/hullmark-{}",
            document.fingerprint()
        ),
        creation_info: CreationInfo { created: document.created(), creators: vec![tool.clone()] },
        relationships: relationships(&packages),
        packages,
        has_extracted_licensing_infos: extracted.into_values().collect(),
        annotations: (!facts.is_empty()).then(|| annotate(facts)).into_iter().collect(),
    })
}

fn blank() -> Entry {
    Entry {
        download_location: NOTHING_SAID,
        license_concluded: NOTHING_SAID,
        license_declared: NOTHING_SAID.into(),
        copyright_text: NOTHING_SAID,
        ..Entry::default()
    }
}

fn subject(document: &Document<'_>, annotate: &dyn Fn(Vec<facts::Fact>) -> Annotation) -> Entry {
    let subject = &document.subject;
    let platform = subject.platform.as_ref().map(|p| ("hullmark:platform".into(), p.to_string()));
    Entry {
        name: subject.name.clone(),
        id: SUBJECT.into(),
        version_info: subject.digest.as_ref().map(|d| d.as_str().into()).unwrap_or_default(),
        checksums: subject.digest.as_ref().map(checksum).into_iter().collect(),
        primary_package_purpose: Some("CONTAINER"),
        annotations: platform.map(|fact| annotate(vec![fact])).into_iter().collect(),
        ..blank()
    }
}

fn system(os: &OsRelease, annotate: &dyn Fn(Vec<facts::Fact>) -> Annotation) -> Entry {
    let facts = facts::of_os(os);
    Entry {
        name: os.id.clone(),
        id: "SPDXRef-OperatingSystem".into(),
        version_info: os.version_id.clone(),
        primary_package_purpose: Some("OPERATING_SYSTEM"),
        annotations: (!facts.is_empty()).then(|| annotate(facts)).into_iter().collect(),
        ..blank()
    }
}

fn entry(
    package: &Package,
    os: Option<&OsRelease>,
    owned_files: bool,
    annotate: &dyn Fn(Vec<facts::Fact>) -> Annotation,
) -> Entry {
    let url = purl::of(package, os);
    let facts = facts::of(package, purl::to_package(&url).as_ref(), owned_files);
    Entry {
        name: package.name.clone(),
        version_info: package.version.clone(),
        supplier: package.vendor.as_ref().map(|vendor| format!("Organization: {}", line(vendor))),
        source_info: (!package.path.is_empty()).then(|| format!("found in: /{}", package.path)),
        external_refs: vec![ExternalRef {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: url.to_string(),
        }],
        annotations: (!facts.is_empty()).then(|| annotate(facts)).into_iter().collect(),
        ..blank()
    }
}

/// Returns an expression of everything declared; what is not in the SPDX list becomes a `LicenseRef-` with its text.
fn declared(texts: &[String], extracted: &mut BTreeMap<String, ExtractedLicense>) -> String {
    let mut parts = Vec::new();
    for license in license::normalize_all(texts) {
        parts.push(match license {
            License::Id(id) => id.to_owned(),
            License::Expression(expression) => expression,
            License::Name(text) => {
                let id = license_ref(&text);
                extracted.entry(id.clone()).or_insert_with(|| ExtractedLicense {
                    license_id: id.clone(),
                    name: line(&text).chars().take(100).collect(),
                    extracted_text: text,
                });
                id
            }
        });
    }
    if parts.is_empty() {
        return NOTHING_SAID.into();
    }
    license::all_of(parts.iter().map(String::as_str))
}

fn license_ref(text: &str) -> String {
    let name: String = plain(text).chars().take(40).collect();
    format!("LicenseRef-{name}-{}", Digest::sha256(text.as_bytes()).short())
}

/// The document describes the image; the image contains everything else.
fn relationships(packages: &[Entry]) -> Vec<Relationship> {
    let relationship = |from: &str, kind: &'static str, to: &str| Relationship {
        spdx_element_id: from.into(),
        related_spdx_element: to.into(),
        relationship_type: kind,
    };
    let parts = packages.iter().filter(|p| p.id != SUBJECT);
    std::iter::once(relationship(DOCUMENT, "DESCRIBES", SUBJECT))
        .chain(parts.map(|part| relationship(SUBJECT, "CONTAINS", &part.id)))
        .collect()
}

fn checksum(digest: &Digest) -> Checksum {
    let algorithm = match digest.algorithm() {
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha512 => "SHA512",
    };
    Checksum { algorithm, checksum_value: digest.hex().into() }
}

/// One line: agents and names may not have line breaks.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
