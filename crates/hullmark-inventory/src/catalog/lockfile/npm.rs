//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
//!
//! Version 1 nests `dependencies`; versions 2 and 3 list `packages` by folder (2 has both, which say the same).

use serde::Deserialize;

use super::declared::{Declared, Scope};
use crate::catalog::language::json::{self, Flag, Members, Names, Text};
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    packages: Members<Folder>,
    dependencies: Members<Dependency>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Folder {
    name: Text,
    version: Text,
    dev: Flag,
    #[serde(rename = "devOptional")]
    dev_optional: Flag,
    link: Flag,
    license: Names,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Dependency {
    version: Text,
    dev: Flag,
    dependencies: Members<Self>,
}

/// Reads a lock file of npm.
pub(super) fn package_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Npm, sink);
    match json::parse::<Lock>(bytes) {
        Ok(lock) if lock.packages.entries.is_empty() => nested(&lock.dependencies, &mut declared),
        Ok(lock) => {
            for (path, folder) in &lock.packages.entries {
                listed(path, folder, &mut declared);
            }
            declared.more(lock.packages.more);
        }
        Err(unread) => declared.unread(unread),
    }
    declared.finish();
}

fn listed(path: &str, folder: &Folder, declared: &mut Declared<'_, '_>) {
    if folder.link.0 {
        return; // The folder that it links to is listed, too.
    }
    let version = folder.version.get().unwrap_or_default();
    let Some((_, name)) = path.rsplit_once("node_modules/") else {
        return declared.add_local(folder.name.get().unwrap_or_default(), version);
    };
    // The folder of an alias has another name than the package in it.
    let name = folder.name.get().unwrap_or(name);
    let scope = Scope::of(folder.dev.0 || folder.dev_optional.0);
    if let Some(package) = declared.add(name, version, scope) {
        package.licenses.clone_from(&folder.license.0);
    }
}

/// Adds nested dependencies. Their depth is bounded by the JSON parser's.
fn nested(dependencies: &Members<Dependency>, declared: &mut Declared<'_, '_>) {
    for (name, dependency) in &dependencies.entries {
        let version = dependency.version.get().unwrap_or_default();
        let (name, version) = match version.strip_prefix("npm:") {
            Some(alias) => split_at_version(alias).unwrap_or((name, version)),
            None => (name.as_str(), version),
        };
        if version.starts_with("file:") || version.starts_with("link:") {
            continue; // A part of the project itself, without a version of its own here.
        }
        declared.add(name, version, Scope::of(dependency.dev.0));
        nested(&dependency.dependencies, declared);
    }
    declared.more(dependencies.more);
}

/// Splits `name@version`, where the name may begin with the `@` of a scope.
pub(super) fn split_at_version(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((&text[..at], &text[at + 1..]))
}
