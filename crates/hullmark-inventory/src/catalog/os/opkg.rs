//! opkg's database of OpenWrt and of Yocto's small images: dpkg's form in another place.

use super::dpkg::{self, Options};
use super::dpkg_files;
use crate::catalog::Cataloger;
use crate::package::PackageKind;

/// `status`, the files of `info`, and the lists of owned files among them.
///
/// `info/*.control` knows licences and sources that `status` leaves out. Both name every package; the overlay drops what it sees
/// twice.
pub(super) const DATABASE: Cataloger = Cataloger {
    name: "opkg",
    wants: |path| place(path).is_some(),
    read: |file, found| {
        let Some(bytes) = found.read(file)? else { return Ok(()) };
        let kind = PackageKind::Opkg;
        match place(file.path) {
            Some(Place::Status) => {
                let options = Options { kind, whole_lines: true };
                dpkg::parse(&bytes, options, file.path, file.limits, found);
            }
            Some(Place::Control) => {
                let options = Options { kind, whole_lines: false };
                dpkg::parse(&bytes, options, file.path, file.limits, found);
            }
            Some(Place::List(package)) => dpkg_files::read_list(package, &bytes, file.path, found),
            None => {}
        }
        Ok(())
    },
};

#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    Status,
    Control,
    List(&'a str),
}

fn place(path: &str) -> Option<Place<'_>> {
    let (folder, name) = super::split(path)?;
    if super::is_folder(folder, "lib/opkg/info") {
        return match name.strip_suffix(".list") {
            Some(package) => (!package.is_empty()).then_some(Place::List(package)),
            None => name.ends_with(".control").then_some(Place::Control),
        };
    }
    (name == "status" && super::is_folder(folder, "lib/opkg")).then_some(Place::Status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_are_opkgs() {
        for (path, want) in [
            ("usr/lib/opkg/status", Some(Place::Status)),
            ("var/lib/opkg/status", Some(Place::Status)),
            ("usr/lib/opkg/info/busybox.control", Some(Place::Control)),
            ("usr/lib/opkg/info/busybox.list", Some(Place::List("busybox"))),
            ("usr/lib/opkg/info/busybox.postinst", None),
            ("usr/lib/opkg/lists/x.list", None),
        ] {
            assert_eq!(place(path), want, "{path}");
        }
    }
}
