//! rpm's list of packages, in each of its three databases, and what distributions keep beside it.
//!
//! A database is told by its first bytes, not by its name. It is read page by page by code of our own: no database library sees
//! bytes that an attacker wrote. What the pages hold are headers ([`header`]), one a package.

mod bdb;
pub mod header;
mod manifest;
mod ndb;
mod sqlite;

use std::io;

use hullmark_oci::{FilePath, Limits};

use self::header::{Header, HeaderError, tag};
use super::complaints::Complaints;
use super::is_file_of;
use super::owned::Owned;
use crate::GapReason;
use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::package::{OwnedFiles, Package, PackageKind, SourcePackage};

pub use manifest::parse_manifest;
pub(super) use manifest::{CONTENT_SETS, MANIFEST};

/// The databases: Berkeley DB, NDB and SQLite.
pub(super) const DATABASE: Cataloger = Cataloger {
    name: "rpm",
    wants: is_database,
    read: |file, found| {
        if let Some(bytes) = found.read(file)? {
            parse(&bytes, file.path, file.limits, found);
        }
        Ok(())
    },
};

/// SQLite's write-ahead log: packages in it are not in the database yet.
pub(super) const WRITE_AHEAD_LOG: Cataloger = Cataloger {
    name: "rpm-wal",
    wants: |path| in_database_folder(path, "rpmdb.sqlite-wal"),
    read: read_log,
};

fn is_database(path: &FilePath) -> bool {
    ["rpmdb.sqlite", "Packages", "Packages.db"].iter().any(|name| in_database_folder(path, name))
}

fn in_database_folder(path: &str, name: &str) -> bool {
    path.ends_with(name)
        && ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"]
            .iter()
            .any(|folder| is_file_of(path, folder, name))
}

fn read_log(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    if file.size > 0 {
        let detail = "changes that are not in the database yet are not read";
        found.gap(file.path, GapReason::Unsupported, detail);
    }
    Ok(())
}

/// Reads a database of any of the three kinds.
pub fn parse(bytes: &[u8], path: &FilePath, limits: &Limits, found: &mut Found) {
    let mut packages = Packages::new(path, limits);
    if bytes.starts_with(sqlite::MAGIC) {
        sqlite::read(bytes, &mut packages);
    } else if bytes.starts_with(ndb::MAGIC) {
        ndb::read(bytes, &mut packages);
    } else if let Some(order) = bdb::recognize(bytes) {
        bdb::read(bytes, order, &mut packages);
    } else if bdb::is_other(bytes) {
        packages.complain(GapReason::Unsupported, "a Berkeley DB file that is no hash table");
    } else if bytes.is_empty() {
        packages.complain(GapReason::Truncated, "an empty file");
    } else {
        packages.complain(GapReason::Malformed, "no rpm database that we know");
    }
    packages.report(found);
}

/// Packages on their way out of a database.
struct Packages<'a> {
    path: &'a FilePath,
    limits: &'a Limits,
    packages: Vec<Package>,
    owned: Owned,
    complaints: Complaints,
}

impl<'a> Packages<'a> {
    fn new(path: &'a FilePath, limits: &'a Limits) -> Self {
        Self {
            path,
            limits,
            packages: Vec::new(),
            owned: Owned::new(limits),
            complaints: Complaints::default(),
        }
    }

    fn complain(&mut self, reason: GapReason, detail: impl Into<String>) {
        self.complaints.add(reason, || detail);
    }

    /// Adds the package of one header.
    fn add(&mut self, blob: &[u8]) {
        if self.packages.len() >= self.limits.packages {
            let limit = self.limits.packages;
            self.complaints.add(GapReason::TooLarge, || format!("over {limit} packages"));
            return;
        }
        match Header::parse(blob) {
            Ok(header) => self.add_header(&header),
            Err(error @ HeaderError::Truncated) => {
                self.complain(GapReason::Truncated, error.to_string());
            }
            Err(error) => self.complain(GapReason::Malformed, error.to_string()),
        }
    }

    fn add_header(&mut self, header: &Header<'_>) {
        let name = text(header.text(tag::NAME));
        if name.is_empty() {
            self.complain(GapReason::Malformed, "a header names no package");
            return;
        }
        // Keys that rpm trusts, kept as packages: no software.
        if name == "gpg-pubkey" {
            return;
        }
        let version = text(header.text(tag::VERSION));
        let release = text(header.text(tag::RELEASE));
        let epoch = header.numbers(tag::EPOCH).next();
        if version.is_empty() {
            self.complain(GapReason::Incomplete, format!("{name} has no version"));
        }
        let mut package =
            Package::new(PackageKind::Rpm, name, evr(epoch, &version, &release), self.path);
        package.arch = optional(header.text(tag::ARCH));
        package.source =
            source(&String::from_utf8_lossy(header.text(tag::SOURCERPM)), &version, &release);
        package.vendor = optional(header.text(tag::VENDOR));
        package.module = optional(header.text(tag::MODULARITYLABEL));
        package.licenses.extend(optional(header.text(tag::LICENSE)));
        if let Some(size) = header.numbers(tag::SIZE).next() {
            package.set_property("rpm.size", size.to_string());
        }
        package.set_property("rpm.sigmd5", hex(header.bytes(tag::SIGMD5)));
        package.files = self.files(header);
        self.packages.push(package);
    }

    /// The files of a package, without its folders.
    fn files(&mut self, header: &Header<'_>) -> OwnedFiles {
        const KIND: u32 = 0o170_000;
        const FOLDER: u32 = 0o040_000;
        // Large packages have some ten thousand.
        const FOLDERS: usize = 1 << 20;
        let mut files = OwnedFiles::default();
        let mut modes = header.numbers(tag::FILEMODES);
        let folders: Vec<&[u8]> = header.strings(tag::DIRNAMES).take(FOLDERS).collect();
        let mut folder_of = header.numbers(tag::DIRINDEXES);
        let mut misplaced = false;
        for name in header.strings(tag::BASENAMES) {
            let folder = folder_of.next().and_then(|at| folders.get(at as usize));
            let is_folder = modes.next().is_some_and(|mode| mode & KIND == FOLDER);
            match folder {
                Some(_) if is_folder => {}
                Some(folder) => self.owned.push(&mut files, folder, name),
                None => misplaced = true,
            }
        }
        // Packages built by rpm 3 name whole paths.
        for path in header.strings(tag::OLDFILENAMES) {
            self.owned.push(&mut files, b"", path);
        }
        if misplaced {
            self.complain(GapReason::Malformed, "a file lies in a folder that its header lacks");
        }
        files
    }

    fn report(mut self, found: &mut Found) {
        if self.owned.over() {
            self.complain(GapReason::TooLarge, "the lists of owned files");
        }
        self.packages.sort();
        self.packages.dedup();
        found.records.extend(self.packages.into_iter().map(|p| Record::Package(Box::new(p))));
        self.complaints.report(self.path, found);
    }
}

/// Writes epoch, version and release as advisories do: `1:2.3-4`. An epoch of 0 compares as none and is left out.
fn evr(epoch: Option<u32>, version: &str, release: &str) -> String {
    let epoch = epoch.filter(|&e| e > 0).map(|e| format!("{e}:")).unwrap_or_default();
    let dash = if release.is_empty() { "" } else { "-" };
    if version.is_empty() { String::new() } else { format!("{epoch}{version}{dash}{release}") }
}

/// Takes a source package's file name (`bash-5.1.8-1.cm2.src.rpm`) apart.
///
/// The name lacks the epoch. Where version and release are the package's own, so is the epoch, and the version is left out to say
/// so; elsewhere it is not known, and the version comes without one.
fn source(file_name: &str, version: &str, release: &str) -> Option<SourcePackage> {
    let stem = file_name.strip_suffix(".rpm")?.rsplit_once('.')?.0;
    let (rest, source_release) = stem.rsplit_once('-')?;
    let (name, source_version) = rest.rsplit_once('-')?;
    if name.is_empty() {
        return None;
    }
    let own = (source_version, source_release) == (version, release);
    let version = (!own).then(|| format!("{source_version}-{source_release}"));
    Some(SourcePackage { name: name.into(), version })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn optional(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty() && bytes != b"(none)").then(|| text(bytes))
}

fn hex(bytes: &[u8]) -> String {
    // A checksum of sixteen bytes; anything longer is none.
    bytes.iter().take(64).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told() {
        for (path, want) in [
            ("var/lib/rpm/Packages", true),
            ("usr/lib/sysimage/rpm/Packages.db", true),
            ("usr/share/rpm/rpmdb.sqlite", true),
            ("sysroot/var/lib/rpm/rpmdb.sqlite", true),
            ("var/lib/rpm/rpmdb.sqlite-shm", false),
            ("var/lib/rpm/Name", false),
            ("home/Packages", false),
        ] {
            assert_eq!(is_database(&FilePath::from(path)), want, "{path}");
        }
    }

    #[test]
    fn versions_and_sources_are_written_as_advisories_do() {
        assert_eq!(evr(None, "5.1.8", "1.cm2"), "5.1.8-1.cm2");
        assert_eq!(evr(Some(0), "5", "1"), "5-1");
        assert_eq!(evr(Some(2), "5", ""), "2:5");
        assert_eq!(evr(Some(2), "", "1"), "");
        let show = |name: &str| {
            source(name, "1.0", "2").map(|s| (s.name, s.version.unwrap_or("own".into())))
        };
        let is = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(show("a-b-1.0-2.src.rpm"), is("a-b", "own"));
        assert_eq!(show("a-1.1-2.nosrc.rpm"), is("a", "1.1-2"));
        for none in ["", "(none)", "a.src.rpm", "a-1.src.rpm", "-1-2.src.rpm", "a-1-2"] {
            assert_eq!(show(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_database_is_a_gap() {
        for (bytes, reason) in [
            (&b""[..], GapReason::Truncated),
            (b"asdf\n", GapReason::Malformed),
            (b"\0\0\0\0\0\0\0\0\0\0\0\0\x62\x31\x05\0", GapReason::Unsupported),
        ] {
            let mut found = Found::default();
            let path = FilePath::from("var/lib/rpm/Packages");
            parse(bytes, &path, &Limits::default(), &mut found);
            let reasons: Vec<_> = found.gaps.iter().map(|gap| gap.reason).collect();
            assert_eq!(reasons, [reason]);
        }
    }

    #[test]
    fn keys_are_no_packages_and_nameless_headers_are_gaps() {
        let path = FilePath::from("db");
        let limits = Limits { packages: 2, ..Limits::default() };
        let mut packages = Packages::new(&path, &limits);
        for (name, version) in
            [("gpg-pubkey", "1"), ("", "1"), ("a", ""), ("b", "1"), ("too many", "1")]
        {
            packages.add(&header::build::package(name, version));
        }
        let mut found = Found::default();
        packages.report(&mut found);
        assert_eq!(found.records.len(), 2);
        let reasons: Vec<_> = found.gaps.iter().map(|gap| gap.reason).collect();
        assert_eq!(reasons, [GapReason::Malformed, GapReason::TooLarge, GapReason::Incomplete]);
    }
}
