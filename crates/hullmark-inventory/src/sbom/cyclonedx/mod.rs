//! CycloneDX JSON: 1.6 out; 1.4, 1.5 and 1.6 in.
//!
//! [`bom`] gives the document as a value, for those who add vulnerabilities to it; [`write()`] gives its bytes.
//!
//! See: CycloneDX 1.6 (ECMA-424).

mod read;
mod write;

pub use write::{
    Bom, Component, Composition, Evidence, Hash, LicenseChoice, LicenseName, LicenseText, Metadata,
    Occurrence, Property, SUBJECT_REF, Tools, bom, component, write,
};

pub(super) use read::read;
