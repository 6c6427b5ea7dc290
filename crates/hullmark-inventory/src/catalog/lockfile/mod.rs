//! Lock files in application folders: packages that are declared, whether or not they were seen.
//!
//! A lock file inside an installed or cached package is that package's own business: nobody installed what it names. So these are
//! not read under `node_modules`, `site-packages`, `dist-packages`, `bower_components`, `vendor`, `testdata`, a gem's folder,
//! the caches of Cargo and Go, and `usr/share/doc`.
//!
//! Every package is [`Presence::Declared`](crate::package::Presence); what is only needed to develop has the property `scope` =
//! `dev`, and the project itself and its members have `local` = `true`. Dependencies without an exact version are no packages:
//! one gap names them.

mod cargo;
mod composer;
mod declared;
mod gem;
mod go;
mod gradle;
mod lines;
mod maven;
mod npm;
mod nuget;
mod pnpm;
mod python;
mod tables;
mod yarn;

use hullmark_oci::{FilePath, Limits};

use super::language::sink::{is_named, read_bytes, whole};
use super::{Cataloger, Found};

/// Reads bytes as the file at `path` would be read; `None` if no cataloguer of lock files wants it.
pub fn read(path: &FilePath, bytes: &[u8], limits: &Limits) -> Option<Found> {
    read_bytes(CATALOGERS, path, bytes, limits)
}

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "npm-lock",
        wants: |path| own(path, "package-lock.json") || own(path, "npm-shrinkwrap.json"),
        read: |file, found| whole(file, found, npm::package_lock),
    },
    Cataloger {
        name: "yarn-lock",
        wants: |path| own(path, "yarn.lock"),
        read: |file, found| whole(file, found, yarn::yarn_lock),
    },
    Cataloger {
        name: "pnpm-lock",
        wants: |path| own(path, "pnpm-lock.yaml"),
        read: |file, found| whole(file, found, pnpm::pnpm_lock),
    },
    Cataloger {
        name: "python-lock",
        wants: |path| {
            ["poetry.lock", "uv.lock", "pdm.lock", "pylock.toml"].iter().any(|name| own(path, name))
        },
        read: |file, found| whole(file, found, python::tables),
    },
    Cataloger {
        name: "pipfile-lock",
        wants: |path| own(path, "Pipfile.lock"),
        read: |file, found| whole(file, found, python::pipfile_lock),
    },
    Cataloger {
        name: "python-requirements",
        wants: |path| {
            path.ends_with(".txt") && path.file_name().contains("requirements") && is_own(path)
        },
        read: |file, found| whole(file, found, python::requirements),
    },
    Cataloger {
        name: "go-mod",
        wants: |path| go::wants(path),
        read: |file, found| whole(file, found, go::go_mod),
    },
    Cataloger {
        name: "cargo-lock",
        wants: |path| own(path, "Cargo.lock"),
        read: |file, found| whole(file, found, cargo::cargo_lock),
    },
    Cataloger {
        name: "gemfile-lock",
        wants: |path| own(path, "Gemfile.lock") || own(path, "gems.locked"),
        read: |file, found| whole(file, found, gem::gemfile_lock),
    },
    Cataloger {
        name: "composer-lock",
        wants: |path| own(path, "composer.lock"),
        read: |file, found| whole(file, found, composer::composer_lock),
    },
    Cataloger {
        name: "maven-pom",
        wants: |path| own(path, "pom.xml") && !path.contains("META-INF/maven/"),
        read: |file, found| whole(file, found, maven::pom),
    },
    Cataloger {
        name: "gradle-lock",
        wants: |path| own(path, "gradle.lockfile") || own(path, "buildscript-gradle.lockfile"),
        read: |file, found| whole(file, found, gradle::gradle_lockfile),
    },
    Cataloger {
        name: "nuget-lock",
        wants: |path| own(path, "packages.lock.json"),
        read: |file, found| whole(file, found, nuget::packages_lock),
    },
];

/// Whether the file at `path` has that name and belongs to an application.
fn own(path: &str, name: &str) -> bool {
    is_named(path, name) && is_own(path)
}

/// Whether `path` lies in no package's own folder and no cache.
fn is_own(path: &str) -> bool {
    const FOLDERS: [&str; 8] = [
        "node_modules",
        "bower_components",
        "site-packages",
        "dist-packages",
        "vendor",
        "testdata",
        ".cargo",
        ".git",
    ];
    if ["/pkg/mod/", "cargo/registry/", "cargo/git/"].iter().any(|cache| path.contains(cache))
        || path.starts_with("usr/share/doc/")
    {
        return false;
    }
    let mut before = "/";
    for folder in path.split('/') {
        // `vendor` at the root is a place of its own, not a package manager's.
        let listed = FOLDERS.contains(&folder) && !(folder == "vendor" && before == "/");
        if listed || (before == "gems" && is_gem(folder)) {
            return false;
        }
        before = folder;
    }
    true
}

/// Whether a folder is called `name-version`.
fn is_gem(folder: &str) -> bool {
    folder.rsplit_once('-').is_some_and(|(_, v)| v.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_of_packages_are_not_the_applications() {
        for (path, want) in [
            ("yarn.lock", true),
            ("srv/app/yarn.lock", true),
            ("vendor/app/yarn.lock", true),
            ("srv/gems/app/yarn.lock", true),
            ("srv/node_modules/a/yarn.lock", false),
            ("srv/vendor/a/b/yarn.lock", false),
            ("usr/lib/python3/dist-packages/a/yarn.lock", false),
            ("usr/local/bundle/gems/rails-7.0.1/yarn.lock", false),
            ("go/pkg/mod/example.com/a@v1/yarn.lock", false),
            ("usr/local/cargo/registry/src/x/a-1/yarn.lock", false),
            ("usr/share/doc/a/yarn.lock", false),
            ("srv/my-yarn.lock", false),
        ] {
            assert_eq!(own(path, "yarn.lock"), want, "{path}");
        }
    }
}
