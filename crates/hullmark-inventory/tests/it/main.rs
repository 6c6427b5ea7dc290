//! Integration tests of the inventory: real package databases, whole layers, SBOM documents.

mod binary;
mod language;
mod lockfile;
mod os;
mod overlay;
mod sbom;
