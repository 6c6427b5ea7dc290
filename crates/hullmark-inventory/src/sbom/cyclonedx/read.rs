//! A CycloneDX document as an inventory.

use serde::Deserialize;

use hullmark_oci::{Digest, FilePath, Limits};

use super::super::read::{Claim, Collector, Sbom, SbomError, parse, with_facts};
use super::super::{Format, Subject, facts};
use crate::os_release::OsRelease;
use crate::purl::distribution_of;
use crate::{Executable, GapReason};

const VERSIONS: [&str; 3] = ["1.4", "1.5", "1.6"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    bom_format: String,
    spec_version: String,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Metadata {
    component: Option<Component>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(rename = "bom-ref")]
    bom_ref: Option<String>,
    publisher: Option<String>,
    supplier: Option<Organization>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    cpe: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    licenses: Vec<LicenseChoice>,
    evidence: Option<Evidence>,
    #[serde(default)]
    properties: Vec<Property>,
    #[serde(default)]
    components: Vec<Self>,
}

#[derive(Deserialize)]
struct Organization {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Deserialize)]
struct LicenseChoice {
    license: Option<License>,
    expression: Option<String>,
}

#[derive(Deserialize)]
struct License {
    id: Option<String>,
    name: Option<String>,
    text: Option<Text>,
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    content: String,
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct Evidence {
    #[serde(default)]
    occurrences: Vec<Occurrence>,
}

#[derive(Deserialize)]
struct Occurrence {
    #[serde(default)]
    location: String,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

/// Reads CycloneDX JSON 1.4 to 1.6.
pub(in crate::sbom) fn read(bytes: &[u8], limits: &Limits) -> Result<Sbom, SbomError> {
    let bom: Bom = parse("CycloneDX", bytes)?;
    if bom.bom_format != "CycloneDX" {
        return Err(SbomError::UnknownFormat);
    }
    if !VERSIONS.contains(&&*bom.spec_version) {
        return Err(SbomError::UnsupportedVersion {
            format: "CycloneDX",
            version: super::super::read::short(&bom.spec_version),
            expected: "1.4, 1.5 or 1.6",
        });
    }
    let mut collector = Collector::new(limits);
    let mut refs = std::collections::BTreeSet::new();
    let mut subjects = Vec::new();
    // The last component is looked at first, so they are stacked in reverse.
    let mut pending: Vec<Component> = bom.components.into_iter().rev().collect();
    if let Some(metadata) = bom.metadata {
        for (name, value) in pairs(&metadata.properties) {
            collector.image_fact(name, value);
        }
        if let Some(mut root) = metadata.component {
            subjects.push(subject(&root));
            pending.append(&mut root.components);
            // An application's own SBOM: what it describes is a package too.
            if root.purl.is_some() && root.kind != "container" {
                pending.push(root);
            }
        }
    }
    while let Some(mut component) = pending.pop() {
        collector.count()?;
        pending.extend(component.components.drain(..).rev());
        if let Some(bom_ref) = component.bom_ref.take().filter(|r| !r.is_empty())
            && let Some(twice) = refs.replace(bom_ref)
        {
            collector.gap(GapReason::Malformed, &twice, "is the `bom-ref` of several components");
        }
        add(&mut collector, component);
    }
    Ok(Sbom { inventory: collector.finish(), subjects, format: Format::CycloneDx })
}

fn add(collector: &mut Collector<'_>, component: Component) {
    match component.kind.as_str() {
        "operating-system" => collector.set_os(os(component)),
        "file" if component.purl.is_none() => {
            // Files are no packages. Those with our mark are executables.
            if property(&component, "hullmark:executable").is_none() {
                return;
            }
            match executable(&component) {
                Some(executable) => collector.executable(executable),
                None => collector.gap(
                    GapReason::Malformed,
                    &component.name,
                    "is an executable without a digest",
                ),
            }
        }
        _ if component.purl.is_none() && is_group(&component) => {}
        _ => add_package(collector, component),
    }
}

fn add_package(collector: &mut Collector<'_>, component: Component) {
    let claim = Claim {
        name: &component.name,
        version: &component.version,
        purl: component.purl.as_deref(),
    };
    let Some(mut package) = collector.package(&claim) else {
        return;
    };
    package = with_facts(package, pairs(&component.properties));
    if package.path.is_empty()
        && let Some(first) = component.evidence.as_ref().and_then(|e| e.occurrences.first())
    {
        package.path = FilePath::from_written(&first.location);
    }
    package.vendor = component
        .publisher
        .or(component.supplier.map(|s| s.name))
        .filter(|vendor| !vendor.is_empty());
    package.licenses = component.licenses.into_iter().filter_map(license).collect();
    collector.push(package);
}

/// Whether this is a lock file or language group of trivy: it holds packages and is none.
fn is_group(component: &Component) -> bool {
    component.kind == "application"
        && component.properties.iter().any(|p| p.name == "aquasecurity:trivy:Class")
}

fn license(choice: LicenseChoice) -> Option<String> {
    let from_license = |license: License| {
        let plain = |text: Text| text.encoding.is_none().then_some(text.content);
        let text = license.text.and_then(plain).filter(|content| !content.is_empty());
        license.id.or(text).or(license.name)
    };
    choice.expression.or_else(|| choice.license.and_then(from_license)).filter(|l| !l.is_empty())
}

fn os(component: Component) -> OsRelease {
    let mut os = OsRelease {
        id: distribution_of(&component.name),
        version_id: component.version,
        cpe: component.cpe,
        ..OsRelease::default()
    };
    for (name, value) in pairs(&component.properties) {
        facts::apply_os(&mut os, name, value);
    }
    os
}

fn executable(component: &Component) -> Option<Executable> {
    Some(Executable {
        path: FilePath::from_written(&component.name),
        digest: component.hashes.iter().find_map(digest)?,
        interpreter: property(component, "hullmark:interpreter").map(Into::into),
    })
}

fn digest(hash: &Hash) -> Option<Digest> {
    let algorithm = match hash.alg.as_str() {
        "SHA-256" => "sha256",
        "SHA-512" => "sha512",
        _ => return None,
    };
    format!("{algorithm}:{}", hash.content.to_ascii_lowercase()).parse().ok()
}

fn subject(component: &Component) -> Subject {
    let repository_digest =
        || property(component, "aquasecurity:trivy:RepoDigest")?.rsplit_once('@')?.1.parse().ok();
    Subject {
        name: component.name.clone(),
        digest: component.version.parse().ok().or_else(repository_digest),
        platform: property(component, "hullmark:platform").and_then(|p| p.parse().ok()),
    }
}

fn property<'a>(component: &'a Component, name: &str) -> Option<&'a str> {
    pairs(&component.properties).find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn pairs(properties: &[Property]) -> impl Iterator<Item = (&str, &str)> {
    properties.iter().map(|p| (p.name.as_str(), p.value.as_str()))
}
