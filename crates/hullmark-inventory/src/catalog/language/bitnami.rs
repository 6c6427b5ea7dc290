//! Bitnami components: `opt/bitnami/**/.spdx-NAME.spdx`, a small SPDX 2.3 document in JSON beside each component.
//!
//! Its packages are known by their purl: the component itself (`pkg:bitnami/…`) and what was built into it.

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Items, Text};
use super::sink::Sink;
use crate::GapReason;
use crate::package::{Package, PackageKind};

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
        let purl = component.purl().and_then(Purl::parse);
        match purl {
            Some(purl) => sink.package(component.package(&purl, sink.path)),
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

    fn package(&self, purl: &Purl, path: &FilePath) -> Package {
        let version = self.version_info.get().unwrap_or(&purl.version);
        let mut package = Package::new(purl.kind, &purl.name, version, path);
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
        package
    }
}

/// What is needed of a package URL here.
struct Purl {
    kind: PackageKind,
    name: String,
    version: String,
}

impl Purl {
    /// Reads `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS#SUBPATH`; `None` for a type that is none of our kinds.
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("pkg:")?;
        let text = text.split(['?', '#']).next().unwrap_or_default();
        let (kind, rest) = text.split_once('/')?;
        let (kind, separator) = match kind {
            "bitnami" => (PackageKind::Bitnami, "/"),
            "golang" => (PackageKind::Go, "/"),
            "npm" => (PackageKind::Npm, "/"),
            "pypi" => (PackageKind::Python, "/"),
            "maven" => (PackageKind::Maven, ":"),
            "gem" => (PackageKind::Gem, "/"),
            "composer" => (PackageKind::Composer, "/"),
            "nuget" => (PackageKind::Nuget, "/"),
            "cargo" => (PackageKind::Cargo, "/"),
            _ => return None,
        };
        // `@` of a scope is written `%40`, so the last one begins the version.
        let (path, version) = rest.rsplit_once('@').unwrap_or((rest, ""));
        let name = match path.rsplit_once('/') {
            Some((namespace, name)) => format!("{}{separator}{}", decode(namespace), decode(name)),
            None => decode(path),
        };
        (!name.is_empty()).then(|| Self { kind, name, version: decode(version) })
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
