//! An inventory as a CycloneDX 1.6 document.

use serde::Serialize;

use hullmark_oci::{Algorithm, Digest};

use super::super::facts::{self, Fact};
use super::super::{Document, package_ids, to_json};
use crate::license::{self, License};
use crate::os_release::OsRelease;
use crate::package::{Package, PackageKind};
use crate::{Executable, purl};

/// The `bom-ref` of the image itself.
pub const SUBJECT_REF: &str = "image";

/// Characters that a component's version may have in CycloneDX.
const MAX_VERSION_CHARS: usize = 1024;

/// Identifiers that are younger than the list in the schema of CycloneDX 1.6, sorted. Written as expressions, which it does not list.
const YOUNGER_LICENSES: [&str; 13] = [
    "BSD-2-Clause-pos-unchanged",
    "BSD-3-Clause-OpenWebUI",
    "BSD-Source-Code-no-disclaimer",
    "BSD-Source-alt-GPL",
    "BSD-ask-to-endorse",
    "Brian-Gladman-3-Clause-no-conversion",
    "Bugroff",
    "CC-BY-NC-3.0-IGO",
    "FDK-MPEG-H",
    "Hippocratic-3.0-core",
    "Informatica",
    "MVT-1.1",
    "atc-game",
];

/// A document. Members that are empty are left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bom {
    /// Where the schema of this version is published.
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    /// `CycloneDX`.
    pub bom_format: &'static str,
    /// `1.6`.
    pub spec_version: &'static str,
    /// A UUID computed from subject, time and packages.
    pub serial_number: String,
    /// Revision of the document; always 1.
    pub version: u32,
    /// Who made it, when, and about what.
    pub metadata: Metadata,
    /// Operating system, packages in the order of the inventory, executables.
    pub components: Vec<Component>,
    /// Says that the list is incomplete, when there are gaps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compositions: Vec<Composition>,
    /// Vulnerabilities, added by the writer of findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<serde_json::Value>,
}

/// Who made a document, when, and about what.
#[derive(Clone, Debug, Serialize)]
pub struct Metadata {
    /// RFC 3339, whole seconds.
    pub timestamp: String,
    /// Hullmark.
    pub tools: Tools,
    /// The image.
    pub component: Component,
    /// Gaps, and facts about the system as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

/// The tools that made a document.
#[derive(Clone, Debug, Serialize)]
pub struct Tools {
    /// The tools as components.
    pub components: Vec<Component>,
}

/// A part of the image, or the image itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Component {
    /// `library`, `application`, `operating-system`, `container`, `file`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its name within the document.
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub bom_ref: Option<String>,
    /// Who published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Maven group, npm scope, Composer vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Name.
    pub name: String,
    /// Version; a digest for an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Digests of content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<Hash>,
    /// Licences: one expression, or identifiers and names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<LicenseChoice>,
    /// Common Platform Enumeration name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpe: Option<String>,
    /// Package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Where it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What the package URL does not say: `hullmark:path`, `hullmark:layer`, `hullmark:owned-by` and others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

/// A digest of content.
#[derive(Clone, Debug, Serialize)]
pub struct Hash {
    /// `SHA-256` or `SHA-512`.
    pub alg: &'static str,
    /// Hexadecimal.
    pub content: String,
}

/// A licence of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LicenseChoice {
    /// One identifier or name.
    License(LicenseName),
    /// An SPDX expression; stands alone.
    Expression(String),
}

/// An identifier, or a name with an optional text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LicenseName {
    /// Identifier of the SPDX list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'static str>,
    /// Any other name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The text, when that is what the package gives for a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<LicenseText>,
}

/// The text of a licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LicenseText {
    /// The text.
    pub content: String,
}

/// Where a component was found.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// The places.
    pub occurrences: Vec<Occurrence>,
}

/// One place.
#[derive(Clone, Debug, Serialize)]
pub struct Occurrence {
    /// Absolute path in the image.
    pub location: String,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Property {
    /// Name; may repeat.
    pub name: String,
    /// Value.
    pub value: String,
}

/// How complete a part of the document is.
#[derive(Clone, Debug, Serialize)]
pub struct Composition {
    /// `incomplete`.
    pub aggregate: &'static str,
    /// The components that it is said of.
    pub assemblies: Vec<String>,
}

impl From<Fact> for Property {
    fn from((name, value): Fact) -> Self {
        Self { name, value }
    }
}

/// Writes a CycloneDX 1.6 document.
pub fn write(document: &Document<'_>) -> Vec<u8> {
    to_json(&bom(document))
}

/// Returns a CycloneDX 1.6 document as a value; the `bom-ref` of a package is its [`package_ids`] entry.
pub fn bom(document: &Document<'_>) -> Bom {
    let inventory = document.inventory;
    let os = inventory.os.as_ref();
    let ids = package_ids(inventory);
    let packages = inventory.packages.iter().zip(&ids);
    let packages = packages.map(|(package, id)| component(package, os, id, document.owned_files));
    let components = os
        .map(os_component)
        .into_iter()
        .chain(packages)
        .chain(inventory.executables.iter().map(executable));
    let incomplete =
        || Composition { aggregate: "incomplete", assemblies: vec![SUBJECT_REF.into()] };
    Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: serial_number(document),
        version: 1,
        metadata: Metadata {
            timestamp: document.created(),
            tools: Tools { components: vec![tool(document.tool_version)] },
            component: subject(document),
            properties: facts::of_image(inventory).into_iter().map(Into::into).collect(),
        },
        components: components.collect(),
        compositions: (!inventory.gaps.is_empty()).then(incomplete).into_iter().collect(),
        vulnerabilities: Vec::new(),
    }
}

/// Returns a package as a component named `bom_ref`.
pub fn component(
    package: &Package,
    os: Option<&OsRelease>,
    bom_ref: &str,
    owned_files: bool,
) -> Component {
    let url = purl::of(package, os);
    let base = purl::to_package(&url);
    let (group, name) = group_and_name(package);
    let occurrence =
        || Evidence { occurrences: vec![Occurrence { location: format!("/{}", package.path) }] };
    let properties = facts::of(package, base.as_ref(), owned_files);
    Component {
        kind: if package.kind == PackageKind::Binary { "application" } else { "library" },
        bom_ref: Some(bom_ref.into()),
        publisher: package.vendor.clone(),
        group: group.map(Into::into),
        name: name.into(),
        version: short_version(&package.version),
        licenses: licenses(&package.licenses),
        purl: Some(url.to_string()),
        evidence: (!package.path.is_empty()).then(occurrence),
        properties: properties.into_iter().map(Into::into).collect(),
        ..Component::default()
    }
}

fn subject(document: &Document<'_>) -> Component {
    let subject = &document.subject;
    let platform = subject
        .platform
        .as_ref()
        .map(|platform| Property { name: "hullmark:platform".into(), value: platform.to_string() });
    Component {
        kind: "container",
        bom_ref: Some(SUBJECT_REF.into()),
        name: subject.name.clone(),
        version: subject.digest.as_ref().map(|digest| digest.as_str().into()),
        hashes: subject.digest.as_ref().map(hash).into_iter().collect(),
        properties: platform.into_iter().collect(),
        ..Component::default()
    }
}

fn tool(version: &str) -> Component {
    Component {
        kind: "application",
        name: "hullmark".into(),
        version: short_version(version),
        ..Component::default()
    }
}

fn os_component(os: &OsRelease) -> Component {
    Component {
        kind: "operating-system",
        bom_ref: Some("os".into()),
        name: os.id.clone(),
        version: short_version(&os.version_id),
        description: os.pretty_name.clone(),
        cpe: os.cpe.clone().filter(|cpe| is_cpe(cpe)),
        properties: facts::of_os(os).into_iter().map(Into::into).collect(),
        ..Component::default()
    }
}

fn executable(executable: &Executable) -> Component {
    let mut properties =
        vec![Property { name: "hullmark:executable".into(), value: "true".into() }];
    if let Some(interpreter) = &executable.interpreter {
        properties
            .push(Property { name: "hullmark:interpreter".into(), value: interpreter.clone() });
    }
    let key = Digest::sha256(executable.path.as_bytes());
    Component {
        kind: "file",
        bom_ref: Some(format!("file-{}", key.short())),
        name: executable.path.to_string(),
        hashes: vec![hash(&executable.digest)],
        properties,
        ..Component::default()
    }
}

fn hash(digest: &Digest) -> Hash {
    let alg = match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    Hash { alg, content: digest.hex().into() }
}

fn group_and_name(package: &Package) -> (Option<&str>, &str) {
    let split = match package.kind {
        PackageKind::Maven => package.name.split_once(':'),
        PackageKind::Composer => package.name.split_once('/'),
        PackageKind::Npm if package.name.starts_with('@') => package.name.split_once('/'),
        _ => None,
    };
    split.map_or((None, &package.name), |(group, name)| (Some(group), name))
}

/// One expression where everything can be part of it; identifiers and names otherwise.
fn licenses(texts: &[String]) -> Vec<LicenseChoice> {
    let licenses = license::normalize_all(texts);
    let has_name = licenses.iter().any(|l| matches!(l, License::Name(_)));
    let is_listed = |id: &str| YOUNGER_LICENSES.binary_search(&id).is_err();
    let has_expression = licenses.iter().any(|license| match license {
        License::Id(id) => !is_listed(id),
        License::Expression(_) => true,
        License::Name(_) => false,
    });
    if has_expression && !has_name {
        let expression = license::all_of(licenses.iter().map(License::as_str));
        return vec![LicenseChoice::Expression(expression)];
    }
    let choice = |license: License| {
        LicenseChoice::License(match license {
            License::Id(id) if is_listed(id) => {
                LicenseName { id: Some(id), ..LicenseName::default() }
            }
            License::Id(id) => license_name(id.into()),
            License::Expression(text) | License::Name(text) => license_name(text),
        })
    };
    licenses.into_iter().map(choice).collect()
}

/// A package that gives a whole text for a name gets its first line as name.
fn license_name(text: String) -> LicenseName {
    if text.len() <= 200 && !text.contains('\n') {
        return LicenseName { name: Some(text), ..LicenseName::default() };
    }
    let first = text.lines().next().unwrap_or_default();
    LicenseName {
        name: Some(first.chars().take(100).collect()),
        text: Some(LicenseText { content: text }),
        ..LicenseName::default()
    }
}

fn short_version(version: &str) -> Option<String> {
    (!version.is_empty()).then(|| version.chars().take(MAX_VERSION_CHARS).collect())
}

/// Whether the schema takes `text` for a CPE 2.2 or 2.3 name. An image can call itself anything.
fn is_cpe(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-~%".contains(c);
    if let Some(rest) = text.strip_prefix("cpe:/") {
        let mut parts = rest.split(':');
        let part = parts.next().unwrap_or_default();
        let fields: Vec<&str> = parts.collect();
        return matches!(part, "a" | "o" | "h")
            && fields.len() <= 6
            && fields.iter().all(|f| f.chars().all(plain));
    }
    let Some(rest) = text.strip_prefix("cpe:2.3:") else {
        return false;
    };
    let fields: Vec<&str> = rest.split(':').collect();
    let word =
        |f: &&str| *f == "*" || (!f.is_empty() && f.chars().all(|c| plain(c) && !"~%".contains(c)));
    fields.len() == 11 && matches!(fields[0], "a" | "o" | "h") && fields.iter().all(word)
}

fn serial_number(document: &Document<'_>) -> String {
    let mut digits: Vec<char> = document.fingerprint().chars().collect();
    // Version 8 (computed by a rule of one's own) and the variant of RFC 9562.
    for (at, digit) in [(12, '8'), (16, 'a')] {
        if let Some(place) = digits.get_mut(at) {
            *place = digit;
        }
    }
    let text: String = digits.into_iter().collect();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
