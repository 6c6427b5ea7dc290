//! .NET applications and shared frameworks: `*.deps.json`, every library of it.
//!
//! Projects, runtime packs and references are not packages of a gallery in the strict sense: `dotnet.type` says so.
//! See: dotnet/runtime `docs/design/features/host-components-dependencies-resolution.md`.

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Members, Text};
use super::sink::Sink;
use crate::GapReason;
use crate::package::{Package, PackageKind};

/// Whether `path` lists what an application is made of.
pub(super) fn wants(path: &FilePath) -> bool {
    path.ends_with(".deps.json")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Dependencies {
    libraries: Members<Library>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Library {
    r#type: Text,
}

/// Reads a `deps.json`.
pub(super) fn dependencies(bytes: &[u8], sink: &mut Sink<'_>) {
    let dependencies: Dependencies = match json::parse(bytes) {
        Ok(dependencies) => dependencies,
        Err(unread) => return sink.gap(unread.reason, unread.detail),
    };
    for (key, library) in &dependencies.libraries.entries {
        let (name, version) = key.split_once('/').unwrap_or((key, ""));
        // The host names a runtime pack `runtimepack.ID`; advisories and the gallery name it `ID`.
        let name = name.strip_prefix("runtimepack.").unwrap_or(name);
        if name.is_empty() {
            sink.gap(GapReason::Incomplete, format!("a library without a name: `{key}`"));
            continue;
        }
        if version.is_empty() {
            sink.gap(GapReason::Incomplete, format!("no version of `{name}`"));
        }
        let mut package = Package::new(PackageKind::Nuget, name, version, sink.path);
        if let Some(kind) = library.r#type.get().filter(|kind| *kind != "package") {
            package.set_property("dotnet.type", kind);
        }
        sink.package(package);
    }
    if dependencies.libraries.more {
        sink.gap(GapReason::TooLarge, "more libraries than can be held");
    }
}
