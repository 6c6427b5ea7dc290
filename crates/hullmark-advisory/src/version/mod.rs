//! Version orders of every ecosystem, as bytes that `memcmp` orders.
//!
//! [`Scheme::key`] turns a version into a [`Key`]. Two keys *of one scheme* compare, byte by byte, as the versions do;
//! equal keys mean equal versions, however differently they are written (`1.0` and `1.0.0` in PEP 440). Advisory
//! segments store keys, so that matching is `memcmp` and needs no parser. Keys are part of the segment format:
//! changing an encoding changes the format.
//!
//! A version that a scheme cannot read is [`Unparsable`], never a guess: the finding is then *undetermined*.
//!
//! Where the tool of an ecosystem is no total order, [`Scheme`] says what was done about it.

mod apk;
mod composer;
mod dotted;
mod dpkg;
mod encode;
mod gem;
mod go;
mod maven;
mod nuget;
mod pacman;
mod pep440;
pub mod rpm;
mod semver;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest version that is read, in bytes. Real ones stay below 100; the bound keeps hostile ones harmless.
pub const MAX_LEN: usize = 1024;

/// A way in which versions are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Debian, Ubuntu, opkg: `[epoch:]upstream[-revision]`.
    Dpkg,
    /// RPM: `[epoch:]version[-release]`; a missing epoch is 0, a missing release the lowest. See
    /// [`rpm::compare_evr`] for the other reading.
    Rpm,
    /// Alpine, Wolfi, Chainguard.
    Apk,
    /// SemVer 2.0, read generously: crates.io, Hex, Swift, GitHub Actions.
    Semver,
    /// npm: SemVer as node-semver reads it.
    Npm,
    /// Go modules, pseudo-versions, and the toolchain (`go1.24.1`).
    Go,
    /// Python.
    Pep440,
    /// Maven. Its comparator is no order; ours differs exactly where it contradicts itself.
    Maven,
    /// RubyGems; a platform suffix is cut.
    Gem,
    /// NuGet.
    NuGet,
    /// Packagist. Branches (`dev-main`) are [`Unparsable::Unordered`].
    Composer,
    /// Bitnami: SemVer with a packaging revision, which does not count.
    Bitnami,
    /// Dart: SemVer with build metadata that counts.
    Pub,
    /// Arch Linux; a missing release is the lowest, a separator at the end is unparsable.
    Pacman,
    /// Haskell.
    Hackage,
    /// R: CRAN and Bioconductor.
    Cran,
}

/// Why a version has no place in its scheme's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unparsable {
    /// Nothing, or only white space.
    #[error("version is empty")]
    Empty,
    /// Longer than [`MAX_LEN`].
    #[error("version is longer than {MAX_LEN} bytes")]
    TooLong,
    /// A character that the scheme does not know.
    #[error("version holds a character that its scheme does not allow")]
    Character,
    /// A part that is missing, empty, misplaced or unknown.
    #[error("version is not built as its scheme demands")]
    Structure,
    /// The epoch is not a number in range.
    #[error("epoch is not a number in range")]
    Epoch,
    /// A branch or development build, which the ecosystem itself does not order against releases.
    #[error("version names a branch or development build, which has no order")]
    Unordered,
}

/// A version as bytes that order as the version does, within one [`Scheme`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// Wraps bytes that [`Scheme::key`] or [`Scheme::key_into`] once wrote.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the bytes, by value.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 16] = [
        Self::Dpkg,
        Self::Rpm,
        Self::Apk,
        Self::Semver,
        Self::Npm,
        Self::Go,
        Self::Pep440,
        Self::Maven,
        Self::Gem,
        Self::NuGet,
        Self::Composer,
        Self::Bitnami,
        Self::Pub,
        Self::Pacman,
        Self::Hackage,
        Self::Cran,
    ];

    /// Returns the name, as [`FromStr`] reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Semver => "semver",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Pep440 => "pep440",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::NuGet => "nuget",
            Self::Composer => "composer",
            Self::Bitnami => "bitnami",
            Self::Pub => "pub",
            Self::Pacman => "pacman",
            Self::Hackage => "hackage",
            Self::Cran => "cran",
        }
    }

    /// Returns the key of `version`; white space around it does not count.
    ///
    /// # Errors
    /// If the scheme cannot read the version.
    pub fn key(self, version: &str) -> Result<Key, Unparsable> {
        let mut out = Vec::with_capacity(version.len().min(MAX_LEN) + 8);
        self.key_into(version, &mut out)?;
        Ok(Key(out))
    }

    /// Appends the key of `version` to `out`; on an error, `out` is as it was.
    ///
    /// # Errors
    /// If the scheme cannot read the version.
    pub fn key_into(self, version: &str, out: &mut Vec<u8>) -> Result<(), Unparsable> {
        let write = match self {
            Self::Dpkg => dpkg::key_into,
            Self::Rpm => rpm::key_into,
            Self::Apk => apk::key_into,
            Self::Semver => semver::key_into,
            Self::Npm => semver::npm_key_into,
            Self::Go => go::key_into,
            Self::Pep440 => pep440::key_into,
            Self::Maven => maven::key_into,
            Self::Gem => gem::key_into,
            Self::NuGet => nuget::key_into,
            Self::Composer => composer::key_into,
            Self::Bitnami => semver::bitnami_key_into,
            Self::Pub => semver::pub_key_into,
            Self::Pacman => pacman::key_into,
            Self::Hackage => dotted::hackage_key_into,
            Self::Cran => dotted::cran_key_into,
        };
        guarded(version, out, write)
    }

    /// Compares two versions.
    ///
    /// # Errors
    /// If the scheme cannot read one of them.
    pub fn compare(self, a: &str, b: &str) -> Result<Ordering, Unparsable> {
        Ok(self.key(a)?.cmp(&self.key(b)?))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no [`Scheme`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version scheme")]
pub struct UnknownScheme(String);

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str() == name)
            .ok_or_else(|| UnknownScheme(name.to_owned()))
    }
}

/// Calls `write` with what every scheme relies on: not empty, not too long, trimmed; and undoes a failed write.
fn guarded(
    version: &str,
    out: &mut Vec<u8>,
    write: impl FnOnce(&[u8], &mut Vec<u8>) -> Result<(), Unparsable>,
) -> Result<(), Unparsable> {
    if version.len() > MAX_LEN {
        return Err(Unparsable::TooLong);
    }
    let version = version.trim_ascii();
    if version.is_empty() {
        return Err(Unparsable::Empty);
    }
    let start = out.len();
    write(version.as_bytes(), out).inspect_err(|_| out.truncate(start))
}
