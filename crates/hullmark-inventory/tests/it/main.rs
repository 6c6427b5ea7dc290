//! Integration tests of the inventory: real package databases, whole layers, SBOM documents.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::type_complexity,
    reason = "a test that cannot go on fails"
)]

mod binary;
mod language;
mod lockfile;
mod os;
mod overlay;
mod sbom;
