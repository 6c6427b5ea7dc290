//! opkg's database of OpenWrt and of Yocto's small images: dpkg's form in another place.

use std::io;

use super::deb822::whole_lines;
use super::dpkg::{self, Options};
use super::dpkg_files::parse_list;
use crate::GapReason;
use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::package::PackageKind;

/// `status`, and `info/*.control`, which knows licences and sources that `status` leaves out.
///
/// Both name every package; the overlay drops what it sees twice.
pub(super) const STATUS: Cataloger = Cataloger {
    name: "opkg",
    wants: |path| is_status(path) || info_package(path, ".control").is_some(),
    read: |file, found| {
        if let Some(bytes) = found.read(file)? {
            let options = Options { kind: PackageKind::Opkg, whole_lines: is_status(file.path) };
            dpkg::parse(&bytes, options, file.path, file.limits, found);
        }
        Ok(())
    },
};

/// `info/*.list`.
pub(super) const OWNED: Cataloger = Cataloger {
    name: "opkg-files",
    wants: |path| info_package(path, ".list").is_some(),
    read: read_list,
};

fn is_status(path: &str) -> bool {
    super::is_file_of(path, "lib/opkg", "status")
}

fn info_package<'a>(path: &'a str, suffix: &str) -> Option<&'a str> {
    let (folder, name) = path.rsplit_once('/')?;
    let package = name.strip_suffix(suffix)?;
    (!package.is_empty() && super::is_file_of(folder, "lib/opkg", "info")).then_some(package)
}

fn read_list(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = found.read(file)? else { return Ok(()) };
    let Some(package) = info_package(file.path, ".list") else { return Ok(()) };
    let (text, cut) = whole_lines(&bytes);
    if cut {
        found.gap(file.path, GapReason::Truncated, "ends in the middle of a line");
    }
    // Yocto writes mode and link target behind a tab.
    let paths: Vec<u8> = text
        .split_inclusive(|&b| b == b'\n')
        .flat_map(|line| {
            let path = line.split(|&b| b == b'\t').next().unwrap_or_default();
            path.trim_ascii_end().iter().copied().chain([b'\n'])
        })
        .collect();
    let files = parse_list(&paths);
    if !files.is_empty() {
        found.records.push(Record::OwnedFiles { package: package.into(), files });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hullmark_oci::FilePath;

    use super::*;

    #[test]
    fn the_paths_are_opkgs() {
        for (path, want) in [
            ("usr/lib/opkg/status", Some("opkg")),
            ("var/lib/opkg/status", Some("opkg")),
            ("usr/lib/opkg/info/busybox.control", Some("opkg")),
            ("usr/lib/opkg/info/busybox.list", Some("opkg-files")),
            ("usr/lib/opkg/info/busybox.postinst", None),
            ("usr/lib/opkg/lists/x.list", None),
        ] {
            let path = FilePath::from(path);
            let got = [STATUS, OWNED].iter().find(|c| (c.wants)(&path)).map(|c| c.name);
            assert_eq!(got, want, "{path}");
        }
    }
}
