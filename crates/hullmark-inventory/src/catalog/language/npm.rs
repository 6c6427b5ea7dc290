//! npm packages by their `package.json`: modules under `node_modules`, what packages carry inside them, and applications.
//!
//! - `node_modules/NAME` and `node_modules/@SCOPE/NAME` are modules as npm installs them. Without a version they are gaps.
//! - Deeper inside a module a `package.json` mostly sets options (`{"type": "module"}`) and is no package. With name and version
//!   it is code that the module carries along (`npm.embedded` names the carrier), unless it lies in a folder of tests, fixtures
//!   or examples: nothing loads those, and their invented names and versions match real advisories.
//! - Anywhere else it is an application if it has a name and a version; a private root of a workspace has neither.

use serde::Deserialize;

use hullmark_oci::FilePath;

use super::json::{self, Flag, Names, Text};
use super::sink::{Sink, is_named};
use crate::GapReason;
use crate::package::{Package, PackageKind};

/// Folders inside a module whose packages are made up.
const MADE_UP: [&str; 10] = [
    "test",
    "tests",
    "__tests__",
    "fixture",
    "fixtures",
    "__fixtures__",
    "testdata",
    "example",
    "examples",
    "benchmark",
];

/// Whether `path` is a package's description.
pub(super) fn wants(path: &FilePath) -> bool {
    is_named(path, "package.json") && Place::of(path) != Place::MadeUp
}

/// Where a `package.json` lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    /// At the root of a module.
    Module,
    /// Inside the module of that name.
    Embedded(&'a str),
    /// Inside a module, among its tests or examples.
    MadeUp,
    /// Under no `node_modules`.
    Application,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        const MODULES: &str = "node_modules/";
        let Some(at) = path.rfind(MODULES).filter(|&at| at == 0 || path[..at].ends_with('/'))
        else {
            return Self::Application;
        };
        let inside = &path[at + MODULES.len()..];
        let mut slashes = inside.match_indices('/').map(|(at, _)| at);
        let end = if inside.starts_with('@') { slashes.nth(1) } else { slashes.next() };
        let Some(end) = end else {
            return Self::Embedded("");
        };
        let rest = &inside[end + 1..];
        if rest == "package.json" {
            Self::Module
        } else if rest.split('/').any(|folder| MADE_UP.contains(&folder)) {
            Self::MadeUp
        } else {
            Self::Embedded(&inside[..end])
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Description {
    name: Text,
    version: Text,
    private: Flag,
    license: Names,
    licenses: Names,
    author: Names,
    authors: Names,
}

/// Reads a `package.json`.
pub(super) fn package_json(bytes: &[u8], sink: &mut Sink<'_>) {
    let place = Place::of(sink.path);
    let description: Description = match json::parse(bytes) {
        Ok(description) => description,
        Err(unread) => return sink.gap(unread.reason, unread.detail),
    };
    let (name, version) = (description.name.get(), description.version.get());
    let Some(name) = name else {
        return; // A module without a name cannot be installed by npm; the file sets options for the folder around it.
    };
    if version.is_none() {
        if place != Place::Module {
            return;
        }
        sink.gap(GapReason::Incomplete, format!("no version of `{name}`"));
    }
    let mut package = Package::new(PackageKind::Npm, name, version.unwrap_or_default(), sink.path);
    package.licenses = description.license.0;
    package.licenses.extend(description.licenses.0);
    package.vendor = description.author.0.into_iter().chain(description.authors.0).next();
    if description.private.0 {
        package.set_property("npm.private", "true");
    }
    if let Place::Embedded(carrier) = place {
        package.set_property("npm.embedded", carrier);
    }
    sink.package(package);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        for (path, want) in [
            ("node_modules/a/package.json", Place::Module),
            ("app/node_modules/@s/a/package.json", Place::Module),
            ("app/node_modules/a/node_modules/b/package.json", Place::Module),
            ("app/node_modules/test/package.json", Place::Module),
            ("app/node_modules/next/dist/compiled/ws/package.json", Place::Embedded("next")),
            ("app/node_modules/@s/a/dist/package.json", Place::Embedded("@s/a")),
            ("app/node_modules/a/test/fixtures/b/package.json", Place::MadeUp),
            ("app/node_modules/a/test/node_modules/b/package.json", Place::Module),
            ("app/node_modules/package.json", Place::Embedded("")),
            ("app/my_node_modules/a/package.json", Place::Application),
            ("package.json", Place::Application),
        ] {
            assert_eq!(Place::of(path), want, "{path}");
        }
        assert!(!wants(&FilePath::from("a/node_modules/x/test/package.json")));
        assert!(!wants(&FilePath::from("a/tsconfig-package.json")));
        assert!(wants(&FilePath::from("srv/app/package.json")));
    }
}
