//! From files to packages: what is in an image, and what could not be read. Reads while layers stream; nothing is unpacked.
//!
//! A layer becomes a [`fragment::Fragment`] (its interesting files, parsed; cached by diffID); fragments are overlaid by
//! [`overlay`] into one [`Inventory`]. [`catalog`] lists the cataloguers, one module each under `catalog/`.

pub mod cache;
pub mod catalog;
pub mod folder;
pub mod fragment;
pub mod license;
pub mod os_release;
pub mod overlay;
pub mod package;
pub mod purl;
pub mod sbom;
pub mod scan;

use serde::{Deserialize, Serialize};

use hullmark_oci::{Digest, FilePath};

pub use os_release::OsRelease;
pub use package::{OwnedFiles, Owner, Package, PackageKind, Presence, SourcePackage};

/// Everything that is known of an image's contents, in a stable order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The operating system, if the image has one that says its name.
    pub os: Option<OsRelease>,
    /// Installed and declared packages, sorted by kind, name, version and path.
    pub packages: Vec<Package>,
    /// What could not be analysed, sorted by path.
    pub gaps: Vec<Gap>,
    /// Facts about the system as a whole that matching needs (`rhel.content-set`, `ubuntu.pro`), sorted.
    pub system: Vec<(String, String)>,
    /// Executables with their digests; empty unless asked for.
    pub executables: Vec<Executable>,
}

/// Something that could not be analysed. A fact, which a policy may deny on; never an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The file, or empty for the image as a whole.
    pub path: FilePath,
    /// The layer (diffID, or blob digest where the layer could not be read), if it belongs to one.
    pub layer: Option<Digest>,
    /// Why.
    pub reason: GapReason,
    /// What exactly, for people.
    pub detail: String,
}

/// Why something could not be analysed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The content breaks its own format.
    Malformed,
    /// The content ends before its format does.
    Truncated,
    /// A limit was passed.
    TooLarge,
    /// Archives are nested deeper than the limit.
    TooDeep,
    /// A known format in a version or encoding that is not supported.
    Unsupported,
    /// Encrypted content.
    Encrypted,
    /// A file or folder that the operating system refused to read.
    Unreadable,
    /// A layer whose content is kept elsewhere.
    ForeignLayer,
    /// A symbolic link leads a package database to a file that was not read.
    UnreadLink,
    /// A package without a version, or with another part missing that matching needs.
    Incomplete,
    /// The operating system is unknown or has no advisory feed.
    UnknownOs,
    /// No advisories are loaded for packages of this kind or release.
    NoAdvisories,
    /// The advisories are older than allowed.
    StaleAdvisories,
}

impl GapReason {
    /// Returns the name used in documents and policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::Unsupported => "unsupported",
            Self::Encrypted => "encrypted",
            Self::Unreadable => "unreadable",
            Self::ForeignLayer => "foreign-layer",
            Self::UnreadLink => "unread-link",
            Self::Incomplete => "incomplete",
            Self::UnknownOs => "unknown-os",
            Self::NoAdvisories => "no-advisories",
            Self::StaleAdvisories => "stale-advisories",
        }
    }
}

/// An executable file, for a later comparison with running programs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Executable {
    /// Where it is.
    pub path: FilePath,
    /// SHA-256 of its content.
    pub digest: Digest,
    /// The interpreter of a script (`#!` line without the marks); `None` for a binary.
    pub interpreter: Option<String>,
}
