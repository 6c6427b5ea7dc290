//! `packages.lock.json` of NuGet. See: NuGet documentation "PackageReference in project files" §"Locking dependencies".

use serde::Deserialize;

use super::declared::{Declared, Scope};
use crate::catalog::language::json::{self, Members, Text};
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    /// By target framework, then by name.
    dependencies: Members<Members<Dependency>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Dependency {
    r#type: Text,
    resolved: Text,
}

/// Reads `packages.lock.json`.
pub(super) fn packages_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Nuget, sink);
    match json::parse::<Lock>(bytes) {
        Ok(lock) => {
            for (_, framework) in &lock.dependencies.entries {
                for (name, dependency) in &framework.entries {
                    let version = dependency.resolved.get().unwrap_or_default();
                    if dependency.r#type.get().is_some_and(|t| t.eq_ignore_ascii_case("project")) {
                        declared.add_local(name, version);
                    } else {
                        declared.add(name, version, Scope::Runtime);
                    }
                }
                declared.more(framework.more);
            }
        }
        Err(unread) => declared.unread(unread),
    }
    declared.finish();
}
