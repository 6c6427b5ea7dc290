//! `os-release`: which distribution, in which release.

use serde::{Deserialize, Serialize};

/// The fields of `os-release` that matter for matching and for people.
///
/// See: os-release(5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`, lower case: `debian`, `alpine`, `rhel`, `sles`.
    pub id: String,
    /// `ID_LIKE`, split at spaces. Never used for matching unless asked for.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; empty for rolling releases.
    pub version_id: String,
    /// `VERSION_CODENAME`.
    pub codename: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: Option<String>,
    /// `VARIANT_ID`.
    pub variant_id: Option<String>,
    /// `CPE_NAME`.
    pub cpe: Option<String>,
}

/// Chooses among the files that name the operating system.
pub fn assemble_os<'a>(
    mut files: impl Iterator<Item = (&'a hullmark_oci::FilePath, &'a OsRelease)>,
) -> Option<OsRelease> {
    files.next().map(|(_, release)| release.clone())
}
