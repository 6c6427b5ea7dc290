//! What one layer contributes: its interesting files, parsed, and what it hides of the layers below.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use hullmark_oci::FilePath;

use crate::os_release::OsRelease;
use crate::package::{OwnedFiles, Package};
use crate::{Executable, Gap};

/// One layer's contribution. Independent of the layers around it, so it can be cached by the layer's diffID.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fragment {
    /// What cataloguers found, by the path of the file it was found in.
    pub files: BTreeMap<FilePath, Vec<Record>>,
    /// Paths that this layer deletes from the layers below.
    pub whiteouts: Vec<FilePath>,
    /// Folders whose content in the layers below is hidden.
    pub opaque: Vec<FilePath>,
    /// Symbolic links and their raw targets.
    pub symlinks: BTreeMap<FilePath, String>,
    /// Fingerprints of every path that is not a folder, sorted: such a path hides whatever lies there below.
    pub present: Vec<u64>,
    /// What could not be analysed.
    pub gaps: Vec<Gap>,
}

/// One thing found in one file. A database that is spread over several files is put together when fragments are overlaid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// An `os-release` file.
    OsRelease(OsRelease),
    /// A package.
    Package(Box<Package>),
    /// Files of an operating-system package whose database lists them elsewhere (dpkg's `info/NAME.list`).
    OwnedFiles {
        /// Name of the package, `name` or `name:arch`.
        package: String,
        /// Its files.
        files: OwnedFiles,
    },
    /// Licences of an operating-system package whose database lists them elsewhere (`usr/share/doc/NAME/copyright`).
    Licenses {
        /// Name of the package.
        package: String,
        /// Licences as found.
        licenses: Vec<String>,
    },
    /// A fact about the whole system, such as a Red Hat content set or an apk repository (`name`, `value`).
    System {
        /// Name of the fact: `rhel.content-set`, `apk.repository`, `ubuntu.pro`.
        name: String,
        /// Its value.
        value: String,
    },
    /// An executable and its digest.
    Executable(Executable),
}
