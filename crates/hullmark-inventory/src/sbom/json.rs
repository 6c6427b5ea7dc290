//! `hullmark.inventory/v1`: our own document, which keeps everything.
//!
//! Its schema is `schemas/inventory.v1.json`. Members may be added within v1, never renamed, removed or given another meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use hullmark_oci::{Digest, FilePath, Limits};

use super::read::{Sbom, SbomError, parse, short};
use super::stream::{Bounded, for_each};
use super::{Document, Format, Subject, to_json};
use crate::os_release::OsRelease;
use crate::package::{OwnedFiles, Owner, Package, PackageKind, Presence, SourcePackage};
use crate::{Executable, Gap, GapReason, Inventory, purl};

/// The value of `schema`.
pub const SCHEMA: &str = "hullmark.inventory/v1";

#[derive(Serialize)]
struct InventoryV1 {
    schema: String,
    tool: ToolV1,
    created: String,
    subject: SubjectV1,
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<OsV1>,
    packages: Vec<PackageV1>,
    gaps: Vec<GapV1>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<SystemV1>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    executables: Vec<ExecutableV1>,
}

#[derive(Serialize)]
struct ToolV1 {
    name: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
struct SubjectV1 {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OsV1 {
    id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    id_like: Vec<String>,
    version_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    codename: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pretty_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpe: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageV1 {
    kind: PackageKind,
    name: String,
    version: String,
    /// For readers of the document; ours computes it.
    #[serde(default)]
    purl: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<SourceV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<String>,
    presence: Presence,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owned_by: Option<OwnerV1>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct SourceV1 {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct OwnerV1 {
    kind: PackageKind,
    name: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
struct GapV1 {
    reason: GapReason,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<Digest>,
    detail: String,
}

#[derive(Serialize, Deserialize)]
struct SystemV1 {
    name: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct ExecutableV1 {
    path: String,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpreter: Option<String>,
}

/// Writes a `hullmark.inventory/v1` document.
pub fn write(document: &Document<'_>) -> Vec<u8> {
    to_json(&value(document))
}

/// Returns a `hullmark.inventory/v1` document as a value, for those who put it into a larger one.
pub fn value(document: &Document<'_>) -> impl Serialize + use<> {
    // Taken apart, so that a new part cannot be forgotten here.
    let Inventory { os, packages, gaps, system, executables } = document.inventory;
    let subject = &document.subject;
    let package = |package: &Package| package_v1(package, os.as_ref(), document.owned_files);
    let fact =
        |(name, value): &(String, String)| SystemV1 { name: name.clone(), value: value.clone() };
    InventoryV1 {
        schema: SCHEMA.into(),
        tool: ToolV1 { name: "hullmark".into(), version: document.tool_version.into() },
        created: document.created(),
        subject: SubjectV1 {
            name: subject.name.clone(),
            digest: subject.digest.clone(),
            platform: subject.platform.as_ref().map(ToString::to_string),
        },
        os: os.clone().map(Into::into),
        packages: packages.iter().map(package).collect(),
        gaps: gaps.iter().cloned().map(Into::into).collect(),
        system: system.iter().map(fact).collect(),
        executables: executables.iter().cloned().map(Into::into).collect(),
    }
}

/// What is read at once; packages are read one by one.
#[derive(Deserialize)]
struct ReadV1<'a> {
    subject: SubjectV1,
    #[serde(default)]
    os: Option<OsV1>,
    #[serde(borrow)]
    packages: &'a RawValue,
    #[serde(borrow)]
    gaps: &'a RawValue,
    #[serde(default)]
    system: Bounded<SystemV1, 100_000>,
    #[serde(borrow)]
    executables: Option<&'a RawValue>,
}

/// Reads a `hullmark.inventory/v1` document.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Sbom, SbomError> {
    #[derive(Deserialize)]
    struct Version {
        schema: serde_json::Value,
    }
    let version: Version = parse(SCHEMA, bytes)?;
    match version.schema.as_str() {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with("hullmark.inventory/") => {
            return Err(SbomError::UnsupportedVersion {
                format: "hullmark.inventory",
                version: short(other),
                expected: SCHEMA,
            });
        }
        _ => return Err(SbomError::UnknownFormat),
    }
    let document: ReadV1<'_> = parse(SCHEMA, bytes)?;
    let limit = limits.packages;
    let mut inventory = Inventory {
        os: document.os.map(Into::into),
        system: document.system.0.into_iter().map(|fact| (fact.name, fact.value)).collect(),
        ..Inventory::default()
    };
    collect::<PackageV1, _>(Some(document.packages), &mut inventory.packages, limit)?;
    collect::<GapV1, _>(Some(document.gaps), &mut inventory.gaps, limit)?;
    collect::<ExecutableV1, _>(document.executables, &mut inventory.executables, limit)?;
    inventory.packages.sort();
    inventory.gaps.sort();
    inventory.system.sort();
    inventory.executables.sort();
    let subject = Subject {
        name: document.subject.name,
        digest: document.subject.digest,
        platform: document.subject.platform.and_then(|p| p.parse().ok()),
    };
    Ok(Sbom { inventory, subjects: vec![subject], format: Format::Hullmark })
}

fn collect<'a, T: Deserialize<'a> + Into<U>, U>(
    list: Option<&'a RawValue>,
    into: &mut Vec<U>,
    limit: usize,
) -> Result<(), SbomError> {
    for_each(SCHEMA, list, |element: T| {
        if into.len() == limit {
            return Err(SbomError::TooManyPackages { limit });
        }
        into.push(element.into());
        Ok(())
    })
}

fn package_v1(package: &Package, os: Option<&OsRelease>, owned_files: bool) -> PackageV1 {
    let files = package.files.iter().filter(|_| owned_files).map(Into::into);
    let package = package.clone();
    PackageV1 {
        purl: purl::of(&package, os).to_string(),
        files: files.collect(),
        kind: package.kind,
        name: package.name,
        version: package.version,
        path: package.path.to_string(),
        layer: package.layer,
        arch: package.arch,
        source: package.source.map(|s| SourceV1 { name: s.name, version: s.version }),
        vendor: package.vendor,
        module: package.module,
        licenses: package.licenses,
        presence: package.presence,
        properties: package.properties.into_iter().collect(),
        owned_by: package.owned_by.map(|o| OwnerV1 {
            kind: o.kind,
            name: o.name,
            version: o.version,
        }),
    }
}

impl From<PackageV1> for Package {
    fn from(package: PackageV1) -> Self {
        let mut files = OwnedFiles::default();
        package.files.iter().for_each(|path| files.push(path));
        Self {
            kind: package.kind,
            name: package.name,
            version: package.version,
            path: FilePath::from_written(&package.path),
            layer: package.layer,
            arch: package.arch,
            source: package.source.map(|s| SourcePackage { name: s.name, version: s.version }),
            vendor: package.vendor,
            module: package.module,
            licenses: package.licenses,
            presence: package.presence,
            properties: package.properties.into_iter().collect(),
            files,
            owned_by: package.owned_by.map(|o| Owner {
                kind: o.kind,
                name: o.name,
                version: o.version,
            }),
        }
    }
}

impl From<OsRelease> for OsV1 {
    fn from(os: OsRelease) -> Self {
        let OsRelease { id, id_like, version_id, codename, pretty_name, variant_id, cpe } = os;
        Self { id, id_like, version_id, codename, pretty_name, variant_id, cpe }
    }
}

impl From<OsV1> for OsRelease {
    fn from(os: OsV1) -> Self {
        let OsV1 { id, id_like, version_id, codename, pretty_name, variant_id, cpe } = os;
        Self { id, id_like, version_id, codename, pretty_name, variant_id, cpe }
    }
}

impl From<Gap> for GapV1 {
    fn from(gap: Gap) -> Self {
        let Gap { path, layer, reason, detail } = gap;
        Self { reason, path: path.to_string(), layer, detail }
    }
}

impl From<GapV1> for Gap {
    fn from(gap: GapV1) -> Self {
        let GapV1 { reason, path, layer, detail } = gap;
        Self { path: FilePath::from_written(&path), layer, reason, detail }
    }
}

impl From<Executable> for ExecutableV1 {
    fn from(executable: Executable) -> Self {
        let Executable { path, digest, interpreter } = executable;
        Self { path: path.to_string(), digest, interpreter }
    }
}

impl From<ExecutableV1> for Executable {
    fn from(executable: ExecutableV1) -> Self {
        let ExecutableV1 { path, digest, interpreter } = executable;
        Self { path: FilePath::from_written(&path), digest, interpreter }
    }
}
