//! Inventories as documents, and documents as inventories: CycloneDX 1.6, SPDX 2.3, package URLs, a table, and `hullmark.inventory/v1`.
//!
//! Writers are functions of a [`Document`] and give the same bytes for the same input. [`read`] recognises what it is given.

pub mod cyclonedx;
mod facts;
pub mod json;
pub mod list;
mod read;
pub mod spdx;
mod stream;
mod syft;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use hullmark_oci::{Digest, Platform};

use crate::Inventory;
use crate::package::Package;

pub use read::{Format, Sbom, SbomError, read};

/// What a document is about, and what is said in it.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    /// What the image contains.
    pub inventory: &'a Inventory,
    /// The image.
    pub subject: Subject,
    /// When the document was made. Written in whole seconds.
    pub created: jiff::Timestamp,
    /// Version of Hullmark.
    pub tool_version: &'a str,
    /// Whether packages list the files that they own. Many megabytes for a base image.
    pub owned_files: bool,
}

/// The image, folder or document that an inventory describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its name as it was asked for: a reference or a file name.
    pub name: String,
    /// Digest of its manifest, if it has one.
    pub digest: Option<Digest>,
    /// The platform it is for.
    pub platform: Option<Platform>,
}

impl Document<'_> {
    /// Returns the time in whole seconds, which is as precise as SPDX allows.
    fn created(&self) -> String {
        let seconds = self.created.as_second();
        jiff::Timestamp::from_second(seconds).unwrap_or(self.created).to_string()
    }

    /// Returns 32 hexadecimal digits that differ between documents about different things, and are the same for the same.
    fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        let platform = self.subject.platform.as_ref().map(ToString::to_string);
        let digest = self.subject.digest.as_ref().map(Digest::as_str);
        for part in [
            self.subject.name.as_str(),
            digest.unwrap_or_default(),
            platform.as_deref().unwrap_or_default(),
            &self.created(),
            self.tool_version,
        ] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        // Without a digest the name alone does not say what was looked at.
        for package in &self.inventory.packages {
            hasher.update(package_key(package));
        }
        hex(&hasher.finalize(), 32)
    }
}

/// Returns a name for each package that is unique in the inventory and the same in every document about it: `deb-libc6-0123456789ab`.
///
/// Letters, digits, `.` and `-` only. Used as `bom-ref` and, after `SPDXRef-`, as SPDX identifier.
pub fn package_ids(inventory: &Inventory) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let ids = inventory.packages.iter().map(|package| {
        let key = hex(&Sha256::digest(package_key(package)), 12);
        let id = format!("{}-{}-{key}", package.kind.as_str(), plain(&package.name));
        let count = seen.entry(id.clone()).or_default();
        *count += 1;
        if *count == 1 { id } else { format!("{id}-{count}") }
    });
    ids.collect()
}

fn package_key(package: &Package) -> Vec<u8> {
    let layer = package.layer.as_ref().map(Digest::as_str).unwrap_or_default();
    let arch = package.arch.as_deref().unwrap_or_default();
    [&package.name, &package.version, arch, package.path.as_str(), layer].join("\0").into_bytes()
}

/// Keeps the first 60 letters, digits and dots of a name; everything else becomes `-`.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    name.chars().take(60).map(plain).collect()
}

fn hex(bytes: &[u8], digits: usize) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).take(digits).map(nibble).collect()
}

fn nibble(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0')
}

/// Writes a document as JSON: indented, since people read it and differences are looked at.
fn to_json(document: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec_pretty(document).expect("documents have text keys and no failing parts");
    bytes.push(b'\n');
    bytes
}
