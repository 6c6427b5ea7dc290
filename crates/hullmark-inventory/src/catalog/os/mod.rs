//! Operating systems: os-release and package databases.

pub mod apk;
mod complaints;
mod deb822;
pub mod dpkg;
pub mod dpkg_files;
pub mod release;

use super::Cataloger;

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[
    release::CATALOGER,
    dpkg::STATUS,
    dpkg_files::OWNED,
    dpkg_files::COPYRIGHT,
    dpkg_files::UBUNTU_PRO,
    apk::INSTALLED,
    apk::REPOSITORIES,
];

/// Whether `path` is `folder/name`, wherever `folder` lies: an image may hold the root of another system.
fn is_file_of(path: &str, folder: &str, name: &str) -> bool {
    path.strip_suffix(name)
        .and_then(|rest| rest.strip_suffix('/'))
        .and_then(|rest| rest.strip_suffix(folder))
        .is_some_and(|root| root.is_empty() || root.ends_with('/'))
}
