//! syft's own JSON as an inventory.

use serde::Deserialize;
use serde_json::value::RawValue;

use hullmark_oci::{FilePath, Limits};

use super::Subject;
use super::read::{Claim, Collector, Format, Sbom, SbomError, parse};
use super::stream::{Bounded, for_each};
use crate::os_release::OsRelease;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    artifacts: Option<&'a RawValue>,
    distro: Option<Distro>,
    source: Option<Source>,
}

#[derive(Deserialize)]
struct Artifact<'a> {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    purl: Option<String>,
    #[serde(default)]
    locations: Bounded<Location, 100_000>,
    #[serde(default, borrow)]
    licenses: Bounded<&'a RawValue, 10_000>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    path: String,
    #[serde(rename = "layerID")]
    layer: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Distro {
    #[serde(default)]
    id: String,
    #[serde(rename = "versionID", default)]
    version_id: String,
    version_codename: Option<String>,
    pretty_name: Option<String>,
    #[serde(default)]
    id_like: Vec<String>,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

/// What is read of a package's metadata, which has a shape of its own for each kind.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    modularity_label: Option<String>,
    vendor: Option<String>,
    maintainer: Option<String>,
}

/// Reads syft JSON of any schema version that has `artifacts` with package URLs.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Sbom, SbomError> {
    let document: Document<'_> = parse("syft JSON", bytes)?;
    let mut collector = Collector::new(limits);
    for_each("syft JSON", document.artifacts, |artifact: Artifact<'_>| {
        collector.count()?;
        add(&mut collector, artifact);
        Ok(())
    })?;
    if let Some(distro) = document.distro.filter(|d| !d.id.is_empty()) {
        collector.set_os(OsRelease {
            id: distro.id,
            id_like: distro.id_like,
            version_id: distro.version_id,
            codename: distro.version_codename,
            pretty_name: distro.pretty_name,
            ..OsRelease::default()
        });
    }
    let subject = |source: Source| Subject {
        name: source.name,
        digest: source.version.parse().ok(),
        platform: None,
    };
    let subjects = document.source.map(subject).into_iter().collect();
    Ok(Sbom { inventory: collector.finish(), subjects, format: Format::Syft })
}

fn add(collector: &mut Collector<'_>, artifact: Artifact<'_>) {
    let claim =
        Claim { name: &artifact.name, version: &artifact.version, purl: artifact.purl.as_deref() };
    let Some(mut package) = collector.package(&claim) else {
        return;
    };
    if let Some(location) = artifact.locations.first() {
        package.path = FilePath::from_written(&location.path);
        package.layer = location.layer.as_ref().and_then(|l| l.parse().ok());
    }
    // Metadata of another shape says nothing that is needed.
    let metadata: Metadata =
        artifact.metadata.and_then(|m| serde_json::from_str(m.get()).ok()).unwrap_or_default();
    package.module = package.module.or(metadata.modularity_label).filter(|m| !m.is_empty());
    package.vendor = metadata.vendor.or(metadata.maintainer).filter(|v| !v.is_empty());
    package.licenses = artifact.licenses.0.into_iter().filter_map(license).collect();
    collector.push(package);
}

/// A licence is a text (older schemas) or an object with `value`.
fn license(license: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum License {
        Text(String),
        Object { value: String },
    }
    let (License::Text(text) | License::Object { value: text }) =
        serde_json::from_str(license.get()).ok()?;
    Some(text).filter(|t| !t.is_empty())
}
