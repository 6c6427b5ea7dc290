//! PHP packages as Composer installed them: `vendor/composer/installed.json`, a list (Composer 1) or an object (Composer 2).

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Items, Names, Text};
use super::sink::{Sink, is_named};
use crate::GapReason;
use crate::package::{Package, PackageKind, Presence};

/// Whether `path` is a record of what Composer installed.
pub(super) fn wants(path: &FilePath) -> bool {
    is_named(path, "composer/installed.json")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Installed {
    packages: Items<Entry>,
    #[serde(rename = "dev-package-names")]
    dev: Names,
}

/// A package in `installed.json` and in `composer.lock`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    name: Text,
    version: Text,
    license: Names,
    authors: Names,
}

/// Reads `installed.json`.
pub(super) fn installed(bytes: &[u8], sink: &mut Sink<'_>) {
    let read = if json::first(bytes) == Some(b'[') {
        json::parse_any(bytes).map(|packages| Installed { packages, ..Installed::default() })
    } else {
        json::parse::<Installed>(bytes)
    };
    let mut installed = match read {
        Ok(installed) => installed,
        Err(unread) => return sink.gap(unread.reason, unread.detail),
    };
    installed.dev.0.sort();
    for entry in &installed.packages.entries {
        let dev = entry
            .name
            .get()
            .is_some_and(|name| installed.dev.0.binary_search_by(|d| d.as_str().cmp(name)).is_ok());
        add(entry, Presence::Installed, dev, sink);
    }
    if installed.packages.more {
        sink.gap(GapReason::TooLarge, "more packages than can be held");
    }
}

/// Adds one package.
pub(crate) fn add(entry: &Entry, presence: Presence, dev: bool, sink: &mut Sink<'_>) {
    let Some(name) = entry.name.get() else {
        return sink.gap(GapReason::Incomplete, "a package without a name");
    };
    let version = entry.version.get().unwrap_or_default();
    if version.is_empty() {
        sink.gap(GapReason::Incomplete, format!("no version of `{name}`"));
    }
    let mut package = Package::new(PackageKind::Composer, name, version, sink.path);
    package.presence = presence;
    package.licenses.clone_from(&entry.license.0);
    package.vendor = entry.authors.0.first().cloned();
    if dev {
        package.set_property("scope", "dev");
    }
    sink.package(package);
}
