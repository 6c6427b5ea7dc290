//! Packages of programming languages as installed in images.
//!
//! Each module below reads one kind of evidence with a plain function over bytes; [`sink::Sink`] keeps them within
//! [`Limits`](hullmark_oci::Limits). Names are kept as the ecosystem writes them: folding case and separators for comparison is
//! the matcher's business.

mod bitnami;
pub(crate) mod composer;
mod conda;
mod dotnet;
mod gem;
mod homebrew;
mod java;
pub(crate) mod json;
mod npm;
mod python;
pub(crate) mod sink;
pub(crate) mod zip;

use hullmark_oci::{FilePath, Limits};

use super::{Cataloger, Found};
use sink::{read_bytes, whole};

/// Reads bytes as the file at `path` would be read; `None` if no cataloguer of installed packages wants it.
pub fn read(path: &FilePath, bytes: &[u8], limits: &Limits) -> Option<Found> {
    read_bytes(CATALOGERS, path, bytes, limits)
}

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "python",
        wants: |path| python::wants(path),
        read: |file, found| whole(file, found, python::metadata),
    },
    Cataloger {
        name: "python-egg",
        wants: |path| python::wants_egg(path),
        read: |file, found| whole(file, found, python::egg),
    },
    Cataloger {
        name: "npm",
        wants: |path| npm::wants(path),
        read: |file, found| whole(file, found, npm::package_json),
    },
    Cataloger {
        name: "java-archive",
        wants: |path| java::wants(path),
        read: |file, found| whole(file, found, java::archive),
    },
    Cataloger {
        name: "java-unpacked",
        wants: |path| java::wants_unpacked(path),
        read: |file, found| whole(file, found, java::unpacked),
    },
    Cataloger {
        name: "ruby-gem",
        wants: |path| gem::wants(path),
        read: |file, found| whole(file, found, gem::specification),
    },
    Cataloger {
        name: "composer",
        wants: |path| composer::wants(path),
        read: |file, found| whole(file, found, composer::installed),
    },
    Cataloger {
        name: "dotnet",
        wants: |path| dotnet::wants(path),
        read: |file, found| whole(file, found, dotnet::dependencies),
    },
    Cataloger {
        name: "conda",
        wants: |path| conda::wants(path),
        read: |file, found| whole(file, found, conda::record),
    },
    Cataloger {
        name: "homebrew",
        wants: |path| homebrew::wants(path),
        read: |file, found| whole(file, found, homebrew::receipt),
    },
    Cataloger {
        name: "bitnami",
        wants: |path| bitnami::wants(path),
        read: |file, found| whole(file, found, bitnami::document),
    },
];
