//! Alpine's list of packages (`lib/apk/db/installed`) and its repositories.
//!
//! See: apk-tools, apk-package(5) and the installed database's letters.

use std::io;

use hullmark_oci::{FilePath, Limits};

use super::complaints::Complaints;
use super::deb822::{raw_lines, whole_lines};
use super::is_file_of;
use super::owned::Owned;
use crate::GapReason;
use crate::catalog::{Cataloger, File, Found};
use crate::fragment::Record;
use crate::package::{OwnedFiles, Package, PackageKind, SourcePackage};

/// `lib/apk/db/installed`, also below `usr`.
pub(super) const INSTALLED: Cataloger = Cataloger {
    name: "apk",
    wants: |path| is_file_of(path, "lib/apk/db", "installed"),
    read: |file, found| {
        if let Some(bytes) = found.read(file)? {
            parse(&bytes, file.path, file.limits, found);
        }
        Ok(())
    },
};

/// `etc/apk/repositories`: whether a system follows a release or `edge`, and third-party repositories.
pub(super) const REPOSITORIES: Cataloger =
    Cataloger { name: "apk-repositories", wants: is_repositories, read: read_repositories };

/// Reads an installed database. Records that are broken become a gap; the others are kept.
pub fn parse(bytes: &[u8], path: &FilePath, limits: &Limits, found: &mut Found) {
    let mut complaints = Complaints::default();
    let (text, cut) = whole_lines(bytes);
    if cut {
        complaints.add(GapReason::Truncated, || "ends in the middle of a line");
    }
    let mut packages = Vec::new();
    let mut owned = Owned::new(limits);
    let mut entry = Entry::default();
    let mut finish = |entry: Entry<'_>, complaints: &mut Complaints| {
        if packages.len() >= limits.packages {
            complaints.add(GapReason::TooLarge, || format!("over {} packages", limits.packages));
        } else if let Some(package) = entry.package(path, complaints) {
            packages.push(package);
        }
    };
    for line in raw_lines(text) {
        if !line.is_empty() {
            entry.add(line, &mut owned);
        } else if entry.any {
            finish(std::mem::take(&mut entry), &mut complaints);
        }
    }
    if entry.any {
        // apk ends every entry with an empty line, and has written the origin since 2010.
        if entry.origin.is_empty() && !cut {
            complaints.add(GapReason::Truncated, || {
                format!("the last record, {}, does not end", lossy(entry.name))
            });
        }
        finish(entry, &mut complaints);
    }
    if owned.over() {
        complaints.add(GapReason::TooLarge, || "the lists of owned files");
    }
    packages.sort();
    packages.dedup();
    found.records.extend(packages.into_iter().map(|p| Record::Package(Box::new(p))));
    complaints.report(path, found);
}

/// One package's lines, each a letter, a colon and a value.
#[derive(Default)]
struct Entry<'a> {
    any: bool,
    junk: Option<&'a [u8]>,
    name: &'a [u8],
    version: &'a [u8],
    architecture: &'a [u8],
    license: &'a [u8],
    origin: &'a [u8],
    maintainer: &'a [u8],
    checksum: &'a [u8],
    folder: &'a [u8],
    files: OwnedFiles,
}

impl<'a> Entry<'a> {
    fn add(&mut self, line: &'a [u8], owned: &mut Owned) {
        self.any = true;
        let &[letter, b':', ref value @ ..] = line else {
            self.junk = self.junk.or(Some(line));
            return;
        };
        match letter {
            b'P' => self.name = value,
            b'V' => self.version = value,
            b'A' => self.architecture = value,
            b'L' => self.license = value,
            b'o' => self.origin = value,
            b'm' => self.maintainer = value,
            b'C' => self.checksum = value,
            b'F' => self.folder = value,
            b'R' => owned.push(&mut self.files, self.folder, value),
            _ => {}
        }
    }

    fn package(self, path: &FilePath, complaints: &mut Complaints) -> Option<Package> {
        if let Some(junk) = self.junk {
            complaints.add(GapReason::Malformed, || format!("not a field: {}", lossy(junk)));
        }
        if self.name.is_empty() {
            complaints.add(GapReason::Malformed, || "a record names no package");
            return None;
        }
        if self.version.is_empty() {
            complaints
                .add(GapReason::Incomplete, || format!("{} has no version", lossy(self.name)));
        }
        let mut package =
            Package::new(PackageKind::Apk, lossy(self.name), lossy(self.version), path);
        package.arch = optional(self.architecture);
        package.source = optional(self.origin).map(|name| SourcePackage { name, version: None });
        package.vendor = optional(self.maintainer);
        package.licenses.extend(optional(self.license));
        package.set_property("apk.checksum", lossy(self.checksum));
        package.files = self.files;
        Some(package)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

fn optional(bytes: &[u8]) -> Option<String> {
    Some(lossy(bytes)).filter(|text| !text.is_empty())
}

fn is_repositories(path: &FilePath) -> bool {
    path.strip_prefix("etc/apk/").is_some_and(|rest| {
        rest == "repositories"
            || rest.strip_prefix("repositories.d/").is_some_and(|name| name.ends_with(".list"))
    })
}

/// Repositories of one system; nobody has more.
const REPOSITORY_LIMIT: usize = 256;

fn read_repositories(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = super::read_small(file, found)? else { return Ok(()) };
    let repositories = raw_lines(&bytes).filter_map(repository).take(REPOSITORY_LIMIT);
    found
        .records
        .extend(repositories.map(|value| Record::System { name: "apk.repository".into(), value }));
    Ok(())
}

/// The URL or path of a line, without the tag (`@edge`) that may come first.
fn repository(line: &[u8]) -> Option<String> {
    let line = lossy(line);
    let untagged = match line.strip_prefix('@') {
        Some(tagged) => tagged.split_once(char::is_whitespace)?.1.trim_start(),
        None => &line,
    };
    (!untagged.is_empty() && !untagged.starts_with('#')).then(|| untagged.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Found::default();
        let path = FilePath::from("lib/apk/db/installed");
        parse(text.as_bytes(), &path, &Limits::default(), &mut found);
        let packages = found.records.iter().filter_map(|record| match record {
            Record::Package(p) => {
                let files: Vec<_> = p.files.iter().collect();
                Some(format!("{} {} {} {files:?}", p.name, p.version, p.source_name()))
            }
            _ => None,
        });
        let gaps = found.gaps.iter().map(|g| format!("{}: {}", g.reason.as_str(), g.detail));
        (packages.collect(), gaps.collect())
    }

    #[test]
    fn broken_records_are_gaps_and_the_good_ones_stay() {
        let text = "corrupt\n\nP:a\nV:1-r0\no:b\nF:\nR:init\nF:etc\nR:x\n\nV:2\n\nP:c\n\nP:d\nV:3\no:d\r\nF:usr\nR:y\nV";
        let (packages, gaps) = show(text);
        assert_eq!(packages, [r#"a 1-r0 b ["init", "etc/x"]"#, "c  c []", r#"d 3 d ["usr/y"]"#]);
        assert_eq!(
            gaps,
            [
                "malformed: not a field: corrupt; a record names no package; and 1 more",
                "truncated: ends in the middle of a line",
                "incomplete: c has no version",
            ]
        );
        let (_, gaps) = show("P:a\nV:1\n");
        assert_eq!(gaps, ["truncated: the last record, a, does not end"]);
        assert_eq!(show(""), (vec![], vec![]));
    }

    #[test]
    fn repositories_lose_their_tags() {
        for (line, want) in [
            (
                "https://mirror.example/alpine/v3.20/main",
                Some("https://mirror.example/alpine/v3.20/main"),
            ),
            (
                "@edge https://mirror.example/alpine/edge/main",
                Some("https://mirror.example/alpine/edge/main"),
            ),
            ("# comment", None),
            ("  ", None),
            ("@lonely", None),
        ] {
            assert_eq!(repository(line.as_bytes()).as_deref(), want, "{line}");
        }
        assert!(is_repositories(&FilePath::from("etc/apk/repositories.d/x.list")));
        assert!(!is_repositories(&FilePath::from("etc/apk/world")));
    }
}
