//! Conda packages: `conda-meta/*.json`, one for each package of an environment.

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Names, Text};
use super::sink::Sink;
use crate::GapReason;
use crate::package::{Package, PackageKind};

/// Whether `path` is a record of an installed package.
pub(super) fn wants(path: &FilePath) -> bool {
    path.strip_suffix(".json")
        .and_then(|path| path.rsplit_once('/'))
        .is_some_and(|(folder, _)| folder == "conda-meta" || folder.ends_with("/conda-meta"))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Record {
    name: Text,
    version: Text,
    build: Text,
    channel: Text,
    subdir: Text,
    license: Names,
}

/// Reads a record.
pub(super) fn record(bytes: &[u8], sink: &mut Sink<'_>) {
    let record: Record = match json::parse(bytes) {
        Ok(record) => record,
        Err(unread) => return sink.gap(unread.reason, unread.detail),
    };
    let Some(name) = record.name.get() else {
        return; // Environments keep other JSON there too (`state.json`).
    };
    let version = record.version.get().unwrap_or_default();
    if version.is_empty() {
        sink.gap(GapReason::Incomplete, format!("no version of `{name}`"));
    }
    let mut package = Package::new(PackageKind::Conda, name, version, sink.path);
    package.arch = record.subdir.get().map(String::from);
    package.set_property("conda.build", record.build.get().unwrap_or_default());
    package.set_property("conda.channel", record.channel.get().unwrap_or_default());
    package.set_property("conda.subdir", record.subdir.get().unwrap_or_default());
    package.licenses = record.license.0;
    sink.package(package);
}
