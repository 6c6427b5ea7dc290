//! One installed or declared package, whatever its ecosystem.

use serde::{Deserialize, Serialize};

use hullmark_oci::{Digest, FilePath};

/// The kind of a package: which database or metadata it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// Debian package.
    Deb,
    /// RPM package.
    Rpm,
    /// Alpine package.
    Apk,
    /// Arch package.
    Pacman,
    /// OpenWrt package.
    Opkg,
    /// Python distribution.
    Python,
    /// npm package.
    Npm,
    /// Go module (also the standard library, as `stdlib`).
    Go,
    /// Rust crate.
    Cargo,
    /// Java archive; the name is `group:artifact`.
    Maven,
    /// Ruby gem.
    Gem,
    /// PHP package.
    Composer,
    /// .NET package.
    Nuget,
    /// Conda package.
    Conda,
    /// Homebrew formula.
    Homebrew,
    /// Bitnami component.
    Bitnami,
    /// A well-known program identified by its content.
    Binary,
}

impl PackageKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Deb,
        Self::Rpm,
        Self::Apk,
        Self::Pacman,
        Self::Opkg,
        Self::Python,
        Self::Npm,
        Self::Go,
        Self::Cargo,
        Self::Maven,
        Self::Gem,
        Self::Composer,
        Self::Nuget,
        Self::Conda,
        Self::Homebrew,
        Self::Bitnami,
        Self::Binary,
    ];

    /// Returns the name used in documents, flags and policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Opkg => "opkg",
            Self::Python => "python",
            Self::Npm => "npm",
            Self::Go => "go",
            Self::Cargo => "cargo",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Composer => "composer",
            Self::Nuget => "nuget",
            Self::Conda => "conda",
            Self::Homebrew => "homebrew",
            Self::Bitnami => "bitnami",
            Self::Binary => "binary",
        }
    }

    /// Whether packages of this kind make up an operating system and are judged by its distribution's advisories.
    pub fn is_os(self) -> bool {
        matches!(self, Self::Deb | Self::Rpm | Self::Apk | Self::Pacman | Self::Opkg)
    }
}

/// How a package is known to be there.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Its files or its database entry are in the image.
    #[default]
    Installed,
    /// A lock file names it; the package itself was not seen.
    Declared,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Its kind.
    pub kind: PackageKind,
    /// Its name, as its ecosystem writes it (`group:artifact` for Maven, `vendor/name` for Composer, `@scope/name` for npm).
    pub name: String,
    /// Its version, as its ecosystem writes it; for OS packages with epoch and release (`1:2.3-4`). Empty if it has none.
    pub version: String,
    /// Where its evidence lies.
    pub path: FilePath,
    /// The diffID of the layer that holds the evidence. Set when fragments are overlaid; `None` for a plain folder.
    pub layer: Option<Digest>,
    /// Architecture, as the package database writes it.
    pub arch: Option<String>,
    /// The source package it was built from: dpkg `Source`, rpm `SOURCERPM`, apk origin.
    pub source: Option<SourcePackage>,
    /// Who made the package: dpkg `Maintainer`, rpm `VENDOR`, apk maintainer, npm author.
    pub vendor: Option<String>,
    /// RPM modularity label (`nodejs:12:8010020190612143614:…`).
    pub module: Option<String>,
    /// Licence texts, names or expressions as found, in order.
    pub licenses: Vec<String>,
    /// How it is known to be there.
    pub presence: Presence,
    /// Facts that only this kind of package has (sorted by name), such as `go.main`, `conda.channel`, `dpkg.status`, `java.sha1`.
    pub properties: Vec<(String, String)>,
    /// The files that it owns. Operating-system packages mostly; empty where nobody says.
    pub files: OwnedFiles,
    /// The operating-system package that owns the evidence file. Set when fragments are overlaid.
    pub owned_by: Option<Owner>,
}

/// A package's source package.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Name.
    pub name: String,
    /// Version with epoch and release; `None` if it is the package's own.
    pub version: Option<String>,
}

/// The operating-system package that owns another package's evidence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// Kind of the owner.
    pub kind: PackageKind,
    /// Name of the owner.
    pub name: String,
    /// Version of the owner.
    pub version: String,
}

/// The files of a package: paths without a leading slash, one a line. Kept as one text since a base image has tens of thousands.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnedFiles(String);

impl OwnedFiles {
    /// Adds a path (normalised by the caller; one with a line break is left out).
    pub fn push(&mut self, path: &str) {
        if path.is_empty() || path.contains('\n') {
            return;
        }
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(path);
    }

    /// Returns the paths in the order of the database.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    /// Whether no file is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for OwnedFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnedFiles({})", self.iter().count())
    }
}

impl Package {
    /// Returns a package of which nothing but the essentials is known yet.
    pub fn new(
        kind: PackageKind,
        name: impl Into<String>,
        version: impl Into<String>,
        path: &FilePath,
    ) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            path: path.clone(),
            layer: None,
            arch: None,
            source: None,
            vendor: None,
            module: None,
            licenses: Vec::new(),
            presence: Presence::Installed,
            properties: Vec::new(),
            files: OwnedFiles::default(),
            owned_by: None,
        }
    }

    /// Returns the value of a property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Sets a property; an empty value is left out.
    pub fn set_property(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if value.is_empty() {
            return;
        }
        match self.properties.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(at) => self.properties[at].1 = value,
            Err(at) => self.properties.insert(at, (name.into(), value)),
        }
    }

    /// Returns the source package's name, or the package's own.
    pub fn source_name(&self) -> &str {
        self.source.as_ref().map_or(&self.name, |s| &s.name)
    }

    /// Returns the source package's version, or the package's own.
    pub fn source_version(&self) -> &str {
        self.source.as_ref().and_then(|s| s.version.as_deref()).unwrap_or(&self.version)
    }
}
