//! Packages of programming languages as installed in images.
//!
//! Each module below reads one kind of evidence with a plain function over bytes; [`sink::Sink`] keeps them within
//! [`Limits`](hullmark_oci::Limits). Names are kept as the ecosystem writes them: folding case and separators for comparison is
//! the matcher's business.

pub(crate) mod json;
mod npm;
mod python;
pub(crate) mod sink;

use super::Cataloger;
use sink::{ends_with_ignore_case, whole};

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[
    Cataloger {
        name: "python",
        wants: |path| python::wants(path),
        read: |file, found| whole(file, found, python::metadata),
    },
    Cataloger {
        name: "npm",
        wants: |path| npm::wants(path),
        read: |file, found| whole(file, found, npm::package_json),
    },
];
