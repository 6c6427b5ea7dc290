//! A CycloneDX document as an inventory.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use hullmark_oci::{Digest, FilePath, Limits};

use super::super::read::{Claim, Collector, Sbom, SbomError, parse, with_facts};
use super::super::stream::{Bounded, for_each};
use super::super::{Format, Subject, facts};
use crate::os_release::OsRelease;
use crate::purl::distribution_of;
use crate::{Executable, GapReason};

const FORMAT: &str = "CycloneDX";

const VERSIONS: [&str; 3] = ["1.4", "1.5", "1.6"];

/// How deep components may be nested. Each level reads its bytes once more, so this bounds the time as well.
const MAX_DEPTH: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    bom_format: String,
    spec_version: String,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
    #[serde(borrow)]
    components: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    component: Option<Component<'a>>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Component<'a> {
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
    hashes: Bounded<Hash, 1_000>,
    #[serde(default)]
    licenses: Bounded<LicenseChoice, 10_000>,
    evidence: Option<Evidence>,
    /// A base image's package may own a hundred thousand files.
    #[serde(default)]
    properties: Bounded<Property, 1_000_000>,
    #[serde(borrow)]
    components: Option<&'a RawValue>,
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
    occurrences: Bounded<Occurrence, 100_000>,
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
    let bom: Bom<'_> = parse(FORMAT, bytes)?;
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
    let mut reader = Reader { collector: Collector::new(limits), refs: BTreeSet::new() };
    let mut subjects = Vec::new();
    if let Some(metadata) = bom.metadata {
        for_each(FORMAT, metadata.properties, |property: Property| {
            reader.collector.image_fact(&property.name, &property.value);
            Ok(())
        })?;
        if let Some(root) = metadata.component {
            subjects.push(subject(&root));
            // An application's own SBOM: what it describes is a package too.
            if root.purl.is_some() && root.kind != "container" {
                reader.component(root, 0)?;
            } else {
                reader.components(root.components, 1)?;
            }
        }
    }
    reader.components(bom.components, 0)?;
    Ok(Sbom { inventory: reader.collector.finish(), subjects, format: Format::CycloneDx })
}

struct Reader<'l> {
    collector: Collector<'l>,
    refs: BTreeSet<String>,
}

impl Reader<'_> {
    fn components(&mut self, list: Option<&RawValue>, depth: usize) -> Result<(), SbomError> {
        if depth > MAX_DEPTH {
            return Err(SbomError::TooDeep { limit: MAX_DEPTH });
        }
        for_each(FORMAT, list, |component: Component<'_>| self.component(component, depth))
    }

    fn component(&mut self, mut component: Component<'_>, depth: usize) -> Result<(), SbomError> {
        self.collector.count()?;
        if let Some(bom_ref) = component.bom_ref.take().filter(|r| !r.is_empty())
            && let Some(twice) = self.refs.replace(bom_ref)
        {
            let detail = "is the `bom-ref` of several components";
            self.collector.gap(GapReason::Malformed, &twice, detail);
        }
        let nested = component.components;
        add(&mut self.collector, component);
        self.components(nested, depth + 1)
    }
}

fn add(collector: &mut Collector<'_>, component: Component<'_>) {
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

fn add_package(collector: &mut Collector<'_>, component: Component<'_>) {
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
    package.licenses = component.licenses.0.into_iter().filter_map(license).collect();
    collector.push(package);
}

/// Whether this is a lock file or language group of trivy: it holds packages and is none.
fn is_group(component: &Component<'_>) -> bool {
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

fn os(component: Component<'_>) -> OsRelease {
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

fn executable(component: &Component<'_>) -> Option<Executable> {
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

fn subject(component: &Component<'_>) -> Subject {
    let repository_digest =
        || property(component, "aquasecurity:trivy:RepoDigest")?.rsplit_once('@')?.1.parse().ok();
    Subject {
        name: component.name.clone(),
        digest: component.version.parse().ok().or_else(repository_digest),
        platform: property(component, "hullmark:platform").and_then(|p| p.parse().ok()),
    }
}

fn property<'a>(component: &'a Component<'_>, name: &str) -> Option<&'a str> {
    pairs(&component.properties).find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn pairs(properties: &[Property]) -> impl Iterator<Item = (&str, &str)> {
    properties.iter().map(|p| (p.name.as_str(), p.value.as_str()))
}
