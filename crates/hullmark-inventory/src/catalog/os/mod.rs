//! Operating systems: os-release and package databases.

pub mod apk;
pub mod chisel;
mod complaints;
mod deb822;
pub mod dpkg;
pub mod dpkg_files;
pub mod opkg;
mod owned;
pub mod pacman;
pub mod release;
pub mod rpm;

use std::io;

use super::{Cataloger, File, Found};
use crate::GapReason;

/// The cataloguers of this group, in the order in which they are asked.
pub const CATALOGERS: &[Cataloger] = &[
    release::CATALOGER,
    dpkg::DATABASE,
    dpkg_files::COPYRIGHT,
    dpkg_files::UBUNTU_PRO,
    chisel::MANIFEST,
    apk::INSTALLED,
    apk::REPOSITORIES,
    rpm::DATABASE,
    rpm::WRITE_AHEAD_LOG,
    rpm::MANIFEST,
    rpm::CONTENT_SETS,
    pacman::DESC,
    pacman::FILES,
    opkg::DATABASE,
];

/// Reads a file that is small wherever it is what its name says. A larger one is a gap.
fn read_small(file: &mut File<'_>, found: &mut Found) -> io::Result<Option<Vec<u8>>> {
    const LIMIT: u64 = 4 << 20;
    if file.size > LIMIT {
        let detail = format!("{} bytes, more than {LIMIT}", file.size);
        found.gap(file.path, GapReason::TooLarge, detail);
        return Ok(None);
    }
    found.read(file)
}

/// Splits a path at its last slash. Asked for every path of an image: names are short, so a search from the end is the fastest.
fn split(path: &str) -> Option<(&str, &str)> {
    let slash = path.bytes().rposition(|b| b == b'/')?;
    Some((&path[..slash], &path[slash + 1..]))
}

/// Whether `path` is `folder`, wherever that lies: an image may hold the root of another system.
fn is_folder(path: &str, folder: &str) -> bool {
    path.strip_suffix(folder).is_some_and(|root| root.is_empty() || root.ends_with('/'))
}

/// Whether `path` is `folder/name`, wherever `folder` lies.
fn is_file_of(path: &str, folder: &str, name: &str) -> bool {
    path.strip_suffix(name)
        .and_then(|rest| rest.strip_suffix('/'))
        .is_some_and(|rest| is_folder(rest, folder))
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
