//! Operating systems: os-release and package databases.

pub mod apk;
mod complaints;
mod deb822;
pub mod dpkg;
pub mod dpkg_files;
pub mod opkg;
mod owned;
pub mod pacman;
pub mod release;
pub mod rpm;

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
    rpm::DATABASE,
    rpm::WRITE_AHEAD_LOG,
    rpm::MANIFEST,
    rpm::CONTENT_SETS,
    pacman::DESC,
    pacman::FILES,
    opkg::STATUS,
    opkg::OWNED,
];

/// Whether `path` is `folder/name`, wherever `folder` lies: an image may hold the root of another system.
fn is_file_of(path: &str, folder: &str, name: &str) -> bool {
    path.strip_suffix(name)
        .and_then(|rest| rest.strip_suffix('/'))
        .and_then(|rest| rest.strip_suffix(folder))
        .is_some_and(|root| root.is_empty() || root.ends_with('/'))
}

/// What a test looks at: `name version` of the packages, and the gaps.
#[cfg(test)]
fn show(found: &super::Found) -> (Vec<String>, Vec<String>) {
    let packages = found.records.iter().filter_map(|record| match record {
        crate::fragment::Record::Package(p) => Some(format!("{} {}", p.name, p.version)),
        _ => None,
    });
    let gaps = found.gaps.iter().map(|g| format!("{}: {}", g.reason.as_str(), g.detail));
    (packages.collect(), gaps.collect())
}
