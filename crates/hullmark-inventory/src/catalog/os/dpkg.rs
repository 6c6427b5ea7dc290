//! dpkg's list of packages: `var/lib/dpkg/status`, and `status.d` of distroless images.
//!
//! See: dpkg(1), deb-control(5); Debian Policy §5.3 "Debian binary package control files".

use std::io;

use hullmark_oci::{FilePath, Limits};

use super::complaints::Complaints;
use super::deb822::{self, Line};
use super::dpkg_files;
use crate::catalog::{Cataloger, File, Found};
use crate::package::{Package, PackageKind, SourcePackage};
use crate::{GapReason, fragment::Record};

/// `status`, the files of `status.d`, and the lists of owned files beside them.
pub(super) const DATABASE: Cataloger =
    Cataloger { name: "dpkg", wants: |path| place(path).is_some(), read };

fn read(file: &mut File<'_>, found: &mut Found) -> io::Result<()> {
    let Some(bytes) = found.read(file)? else { return Ok(()) };
    let kind = PackageKind::Deb;
    match place(file.path) {
        // dpkg's own, and it writes whole lines.
        Some(Place::Status) => {
            let options = Options { kind, whole_lines: true };
            parse(&bytes, options, file.path, file.limits, found);
        }
        // Made by build tools and by hand.
        Some(Place::StatusFolder) => {
            let options = Options { kind, whole_lines: false };
            parse(&bytes, options, file.path, file.limits, found);
        }
        Some(Place::List(package)) => dpkg_files::read_list(package, &bytes, file.path, found),
        Some(Place::Checksums(package)) => {
            dpkg_files::add(package, dpkg_files::parse_md5sums(&bytes), found);
        }
        None => {}
    }
    Ok(())
}

/// The files of the database, by where they lie.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    /// The list of packages.
    Status,
    /// The same, a file a package, in distroless images.
    StatusFolder,
    /// The files of this package. dpkg keeps checksums beside them; every file of those is here too, so they are not read.
    List(&'a str),
    /// The files of this package with their checksums, in distroless images, which have no lists.
    Checksums(&'a str),
}

fn place(path: &str) -> Option<Place<'_>> {
    let (folder, name) = super::split(path)?;
    if super::is_folder(folder, "var/lib/dpkg/info") {
        let package = name.strip_suffix(".list").filter(|package| !package.is_empty())?;
        return Some(Place::List(package));
    }
    if super::is_folder(folder, "var/lib/dpkg/status.d") && !name.starts_with('.') {
        let package = name.strip_suffix(".md5sums");
        return Some(package.map_or(Place::StatusFolder, Place::Checksums));
    }
    (name == "status" && super::is_folder(folder, "var/lib/dpkg")).then_some(Place::Status)
}

/// How a file of paragraphs is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What its packages are.
    pub kind: PackageKind,
    /// Whether a tool keeps it that writes whole lines, so that a last line without a break was cut off.
    pub whole_lines: bool,
}

/// Reads a dpkg or opkg database: every paragraph whose package is there, even if only half.
///
/// Packages are added in the order of their names, so that the order of paragraphs does not matter.
pub fn parse(bytes: &[u8], options: Options, path: &FilePath, limits: &Limits, found: &mut Found) {
    let mut complaints = Complaints::default();
    let text = if options.whole_lines {
        let (whole, cut) = deb822::whole_lines(bytes);
        if cut {
            complaints.add(GapReason::Truncated, || "ends in the middle of a line");
        }
        whole
    } else {
        bytes
    };
    let mut packages = Vec::new();
    paragraphs(text, |paragraph| {
        if packages.len() >= limits.packages {
            complaints.add(GapReason::TooLarge, || format!("over {} packages", limits.packages));
        } else if let Some(package) = paragraph.package(options.kind, path, &mut complaints) {
            packages.push(package);
        }
    });
    packages.sort();
    packages.dedup();
    found.records.extend(packages.into_iter().map(|p| Record::Package(Box::new(p))));
    complaints.report(path, found);
}

/// The fields of one paragraph that we use. A field that is missing is empty.
#[derive(Clone, Copy, Default)]
struct Paragraph<'a> {
    any: bool,
    junk: Option<&'a [u8]>,
    package: &'a [u8],
    version: &'a [u8],
    architecture: &'a [u8],
    source: &'a [u8],
    status: &'a [u8],
    maintainer: &'a [u8],
    origin: &'a [u8],
    license: &'a [u8],
}

fn paragraphs<'a>(text: &'a [u8], mut each: impl FnMut(Paragraph<'a>)) {
    let mut paragraph = Paragraph::default();
    deb822::lines(text, |line| match line {
        Line::Field(name, value) => {
            // A build tool that forgot the empty line: the next package begins all the same.
            if paragraph.any && is(name, b"package") && !paragraph.package.is_empty() {
                each(std::mem::take(&mut paragraph));
            }
            paragraph.any = true;
            paragraph.set(name, value);
        }
        Line::Continuation => {}
        Line::Junk(junk) => {
            paragraph.any = true;
            paragraph.junk = paragraph.junk.or(Some(junk));
        }
        Line::End => {
            if paragraph.any {
                each(std::mem::take(&mut paragraph));
            }
        }
    });
    if paragraph.any {
        each(paragraph);
    }
}

fn is(name: &[u8], want: &[u8]) -> bool {
    name.eq_ignore_ascii_case(want)
}

impl<'a> Paragraph<'a> {
    fn set(&mut self, name: &[u8], value: &'a [u8]) {
        let slot = match name.len() {
            6 if is(name, b"status") => &mut self.status,
            6 if is(name, b"source") => &mut self.source,
            6 if is(name, b"origin") => &mut self.origin,
            7 if is(name, b"package") => &mut self.package,
            7 if is(name, b"version") => &mut self.version,
            7 if is(name, b"license") => &mut self.license,
            10 if is(name, b"maintainer") => &mut self.maintainer,
            12 if is(name, b"architecture") => &mut self.architecture,
            _ => return,
        };
        *slot = value;
    }

    fn package(
        &self,
        kind: PackageKind,
        path: &FilePath,
        complaints: &mut Complaints,
    ) -> Option<Package> {
        if let Some(junk) = self.junk {
            complaints.add(GapReason::Malformed, || format!("not a field: {}", text(junk)));
        }
        if self.package.is_empty() {
            complaints.add(GapReason::Malformed, || "a paragraph names no package");
            return None;
        }
        if !is_present(self.status) {
            return None;
        }
        if self.version.is_empty() {
            complaints
                .add(GapReason::Incomplete, || format!("{} has no version", text(self.package)));
        }
        let mut package = Package::new(kind, text(self.package), text(self.version), path);
        package.arch = optional(self.architecture);
        package.source = source(self.source, &package.version);
        package.vendor = optional(self.maintainer);
        package.licenses.extend(optional(self.license));
        if !self.status.is_empty() && self.status != b"install ok installed" {
            package.set_property("dpkg.status", text(self.status));
        }
        if kind == PackageKind::Deb
            && let Some(origin) = third_party(self.origin, self.maintainer, self.version)
        {
            package.set_property("origin", origin);
        }
        Some(package)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn optional(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| text(bytes))
}

/// Whether files of a package with this status are there. Without a status (distroless) they are.
///
/// The third word decides, not what is wanted: `deinstall ok installed` is installed until someone runs the removal. Of
/// `half-installed` and `unpacked` packages files exist; of `config-files` and `not-installed` ones no program does.
fn is_present(status: &[u8]) -> bool {
    let state = status.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    !matches!(state, b"config-files" | b"not-installed")
}

/// Reads a `Source` field: `name` or `name (version)`. `None` if it is missing or says what the package's own fields say.
fn source(field: &[u8], own_version: &str) -> Option<SourcePackage> {
    let field = String::from_utf8_lossy(field);
    let (name, version) = match field.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.split(')').next().unwrap_or_default().trim()),
        None => (field.trim(), ""),
    };
    (!name.is_empty()).then(|| SourcePackage {
        name: name.into(),
        version: (!version.is_empty() && version != own_version).then(|| version.into()),
    })
}

/// Parts of versions that only certain package archives use.
const VERSION_MARKS: &[(&str, &str)] = &[
    (".pgdg", "apt.postgresql.org"),
    ("+deb.sury.org", "deb.sury.org"),
    ("nodesource", "nodesource.com"),
    ("+maria~", "mariadb.org"),
];

/// Domains of maintainers' addresses that only certain package archives use.
const MAINTAINER_DOMAINS: &[&str] = &[
    "containerd.io",
    "docker.com",
    "elastic.co",
    "grafana.com",
    "hashicorp.com",
    "influxdb.com",
    "microsoft.com",
    "mongodb.com",
    "nginx.com",
    "nodesource.com",
    "percona.com",
];

/// Says who made a package when the package itself says that it was not the distribution. `None` proves nothing.
///
/// The distribution's advisories do not judge such a package.
fn third_party(origin: &[u8], maintainer: &[u8], version: &[u8]) -> Option<String> {
    const DISTRIBUTIONS: &[&[u8]] = &[b"debian", b"ubuntu", b"raspbian", b"canonical"];
    if !origin.is_empty() && !DISTRIBUTIONS.iter().any(|d| origin.eq_ignore_ascii_case(d)) {
        return Some(text(origin));
    }
    let version = String::from_utf8_lossy(version);
    if let Some((_, origin)) = VERSION_MARKS.iter().find(|(mark, _)| version.contains(mark)) {
        return Some((*origin).into());
    }
    let maintainer = String::from_utf8_lossy(maintainer).to_ascii_lowercase();
    let (_, domain) = maintainer.trim_end_matches('>').rsplit_once('@')?;
    MAINTAINER_DOMAINS.iter().find(|known| **known == domain).map(|known| (*known).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(input: impl AsRef<[u8]>) -> (Vec<String>, Vec<String>) {
        let mut found = Found::default();
        let options = Options { kind: PackageKind::Deb, whole_lines: true };
        let path = FilePath::from("var/lib/dpkg/status");
        parse(input.as_ref(), options, &path, &Limits::default(), &mut found);
        let packages = found.records.iter().filter_map(|record| match record {
            Record::Package(p) => {
                let source = format!("{}={}", p.source_name(), p.source_version());
                Some(format!("{} {} {source} {:?}", p.name, p.version, p.properties))
            }
            _ => None,
        });
        let gaps = found.gaps.iter().map(|g| format!("{}: {}", g.reason.as_str(), g.detail));
        (packages.collect(), gaps.collect())
    }

    #[test]
    fn the_paths_are_dpkgs() {
        for (path, want) in [
            ("var/lib/dpkg/status", Some(Place::Status)),
            ("opt/chroot/var/lib/dpkg/status", Some(Place::Status)),
            ("var/lib/dpkg/status.d/base", Some(Place::StatusFolder)),
            ("var/lib/dpkg/status.d/tzdata.md5sums", Some(Place::Checksums("tzdata"))),
            ("var/lib/dpkg/status.d/.hidden", None),
            ("var/lib/dpkg/info/libc6:amd64.list", Some(Place::List("libc6:amd64"))),
            ("var/lib/dpkg/info/.list", None),
            ("var/lib/dpkg/info/tar.md5sums", None),
            ("var/lib/dpkg/info/tar.postinst", None),
            ("var/lib/dpkg/status-old", None),
            ("xvar/lib/dpkg/status", None),
            ("etc/apt/sources.list", None),
            ("opt/vcpkg/installed/vcpkg/status", None),
            ("status", None),
        ] {
            assert_eq!(place(path), want, "{path}");
        }
    }

    #[test]
    fn fields_are_read_whatever_their_case_order_and_line_ends() {
        let text = "version: 1:2-3\r\nPACKAGE: b\r\nSource: s (4)\r\n\r\n\r\nPackage: a\nDescription: x\n Version: 9\n .\n\tPackage: z\nVersion: 1\nSource: t\n\n";
        let (packages, gaps) = show(text);
        assert_eq!(packages, ["a 1 t=1 []", "b 1:2-3 s=4 []"]);
        assert_eq!(gaps, [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_said_and_the_rest_is_kept() {
        let text = b"Package:\n\nPackage: a\nVersion: 1\nPackage: b\nVersion: 2\n\nPackage: c\n\njunk\n\nPackage: d\xff\nVer";
        let (packages, gaps) = show(text);
        assert_eq!(packages, ["a 1 a=1 []", "b 2 b=2 []", "c  c= []", "d\u{fffd}  d\u{fffd}= []"]);
        assert_eq!(
            gaps,
            [
                "malformed: a paragraph names no package; not a field: junk; and 1 more",
                "truncated: ends in the middle of a line",
                "incomplete: c has no version; d\u{fffd} has no version",
            ]
        );
    }

    #[test]
    fn duplicates_are_one_and_disagreeing_ones_are_all_kept() {
        let (packages, _) =
            show("Package: a\nVersion: 2\n\nPackage: a\nVersion: 1\n\nPackage: a\nVersion: 2\n\n");
        assert_eq!(packages, ["a 1 a=1 []", "a 2 a=2 []"]);
    }

    #[test]
    fn the_state_decides_and_not_the_wish() {
        for (status, want) in [
            ("install ok installed", true),
            ("deinstall reinstreq installed", true),
            ("install reinstreq half-installed", true),
            ("install ok triggers-awaited", true),
            ("something new", true),
            ("deinstall ok config-files", false),
            ("unknown ok not-installed", false),
            ("", true),
        ] {
            assert_eq!(is_present(status.as_bytes()), want, "{status}");
        }
    }

    #[test]
    fn only_who_says_so_is_a_third_party() {
        for (origin, maintainer, version, want) in [
            ("", "Docker <support@docker.com>", "5:20.10.7~3-0~debian-buster", Some("docker.com")),
            ("", "Someone <x@notdocker.com>", "1", None),
            ("", "Guillem Jover <guillem@debian.org>", "1", None),
            ("Debian", "", "1", None),
            ("LP-PPA-deadsnakes", "", "1", Some("LP-PPA-deadsnakes")),
            ("", "Debian PostgreSQL", "16.1-1.pgdg120+1", Some("apt.postgresql.org")),
        ] {
            let got = third_party(origin.as_bytes(), maintainer.as_bytes(), version.as_bytes());
            assert_eq!(got.as_deref(), want, "{origin} {maintainer} {version}");
        }
    }
}
