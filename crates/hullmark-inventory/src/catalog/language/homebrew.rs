//! Homebrew formulae: `Cellar/NAME/VERSION/INSTALL_RECEIPT.json`. Name and version (with the revision, `1.2_3`) are the folders.

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Text};
use super::sink::Sink;
use crate::package::{Package, PackageKind};

/// Whether `path` is a receipt of an installed formula.
pub(super) fn wants(path: &FilePath) -> bool {
    path.ends_with("/INSTALL_RECEIPT.json") && keg(path).is_some()
}

/// Returns name and version of the formula whose receipt lies at `path`.
fn keg(path: &str) -> Option<(&str, &str)> {
    let mut folders = path.rsplit('/').skip(1);
    let (version, name) = (folders.next()?, folders.next()?);
    (folders.next() == Some("Cellar")).then_some((name, version))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Receipt {
    source: Source,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    tap: Text,
}

/// Reads a receipt. The formula is there even if its receipt is broken; then the tap is not known, and the gap says why.
pub(super) fn receipt(bytes: &[u8], sink: &mut Sink<'_>) {
    let Some((name, version)) = keg(sink.path) else {
        return;
    };
    let receipt: Receipt = json::parse(bytes).unwrap_or_else(|unread| {
        sink.gap(unread.reason, unread.detail);
        Receipt::default()
    });
    let mut package = Package::new(PackageKind::Homebrew, name, version, sink.path);
    package.set_property("homebrew.tap", receipt.source.tap.get().unwrap_or_default());
    sink.package(package);
}
