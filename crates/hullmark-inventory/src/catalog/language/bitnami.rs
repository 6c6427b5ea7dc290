//! Bitnami components: `opt/bitnami/**/.spdx-NAME.spdx`, a small SPDX 2.3 document in JSON beside each component.
//!
//! Its packages are known by their purl: the component itself (`pkg:bitnami/…`) and what was built into it.

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Items, Text};
use super::sink::Sink;
use crate::GapReason;
use crate::package::Package;
use crate::purl::{self, PackageUrl};

/// Whether `path` describes a component.
pub(super) fn wants(path: &FilePath) -> bool {
    path.ends_with(".spdx")
        && path.starts_with("opt/bitnami/")
        && path.file_name().starts_with(".spdx-")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    packages: Items<Component>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Component {
    name: Text,
    version_info: Text,
    license_concluded: Text,
    license_declared: Text,
    supplier: Text,
    external_refs: Items<Reference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reference {
    reference_type: Text,
    reference_locator: Text,
}

/// Reads a component's document.
pub(super) fn document(bytes: &[u8], sink: &mut Sink<'_>) {
    let document: Document = match json::parse(bytes) {
        Ok(document) => document,
        Err(unread) => return sink.gap(unread.reason, unread.detail),
    };
    let mut unknown = Vec::new();
    for component in &document.packages.entries {
        match component.package(sink.path) {
            Some(package) => sink.package(package),
            None => unknown.push(component.name.get().unwrap_or("?").to_owned()),
        }
    }
    if document.packages.more {
        sink.gap(GapReason::TooLarge, "more components than can be held");
    }
    sink.gap_for(GapReason::Unsupported, "components of an unknown kind", &unknown);
}

impl Component {
    fn purl(&self) -> Option<&str> {
        let mut references = self.external_refs.entries.iter();
        references
            .find(|r| r.reference_type.get() == Some("purl"))
            .and_then(|r| r.reference_locator.get())
    }

    /// Returns the package that the component is; `None` for a purl of a type that is none of our kinds, and for operating
    /// systems' packages, which only their own database can vouch for.
    fn package(&self, path: &FilePath) -> Option<Package> {
        let purl: PackageUrl = self.purl()?.parse().ok()?;
        let mut package = purl::to_package(&purl).filter(|package| !package.kind.is_os())?;
        package.path = path.clone();
        if let Some(version) = self.version_info.get() {
            package.version = version.into();
        }
        let licenses = [&self.license_concluded, &self.license_declared];
        let said = |text: &&str| *text != "NOASSERTION" && *text != "NONE";
        package.licenses = licenses
            .into_iter()
            .filter_map(Text::get)
            .filter(said)
            .take(1)
            .map(String::from)
            .collect();
        package.vendor =
            self.supplier.get().filter(said).map(|supplier| {
                supplier.strip_prefix("Organization: ").unwrap_or(supplier).to_owned()
            });
        Some(package)
    }
}
