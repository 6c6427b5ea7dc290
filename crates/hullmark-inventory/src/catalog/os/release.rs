//! The files that name the operating system and its release.

use std::io;

use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::{GapReason, OsRelease};

/// `etc/os-release`, `usr/lib/os-release` and the older files.
pub(super) const CATALOGER: Cataloger =
    Cataloger { name: "os-release", wants: |path| OsRelease::is_source(path), read };

fn read(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = super::read_small(file, found)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    // Point releases of Debian are told apart here only; os-release has the major version.
    if file.path.as_str() == "etc/debian_version" {
        let value = text.lines().next().unwrap_or_default().trim();
        if !value.is_empty() {
            found
                .records
                .push(Record::System { name: "debian.version".into(), value: value.into() });
        }
    }
    match OsRelease::parse_file(file.path, &text) {
        Some(os) => found.records.push(Record::OsRelease(os)),
        None if file.path.file_name() == "os-release" => {
            found.gap(file.path, GapReason::Malformed, "no field of os-release(5) in it");
        }
        // Other distributions keep such files for other purposes: they say nothing here, and miss nothing.
        None => {}
    }
    Ok(())
}
