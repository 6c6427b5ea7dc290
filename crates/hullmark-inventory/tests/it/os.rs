//! Operating systems: every package database and os-release of the shared data, and what hostile twins of them yield.

#![expect(clippy::unwrap_used, reason = "helpers of tests; clippy knows test functions only")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hullmark_inventory::catalog::{File, Found, os};
use hullmark_inventory::fragment::Record;
use hullmark_inventory::{GapReason, Package, PackageKind};
use hullmark_oci::{FilePath, Limits};
use serde_json::Value;

/// Reads one file with the first cataloguer that wants it. `None` if none does.
fn catalog(path: &FilePath, mut bytes: &[u8]) -> Option<Found> {
    let cataloger = os::CATALOGERS.iter().find(|c| (c.wants)(path))?;
    let limits = Limits::default();
    let mut found = Found::default();
    let size = bytes.len() as u64;
    (cataloger.read)(&mut File::new(path, size, 0o644, &mut bytes, &limits), &mut found).unwrap();
    Some(found)
}

/// Reads a whole root file system.
fn catalog_root(root: &Path) -> Found {
    let mut all = Found::default();
    for (path, file) in files(root) {
        if let Some(found) = catalog(&path, &fs::read(file).unwrap()) {
            all.records.extend(found.records);
            all.gaps.extend(found.gaps);
        }
    }
    all
}

fn files(root: &Path) -> BTreeMap<FilePath, PathBuf> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                files.insert(FilePath::from(name), path);
            }
        }
    }
    files
}

fn packages(found: &Found) -> Vec<&Package> {
    found
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Package(package) => Some(&**package),
            _ => None,
        })
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Returns the folders of the fixtures of one type, by name: `count` of them, or none where the data is missing.
fn fixtures(kind: &str, count: usize) -> BTreeMap<String, PathBuf> {
    let Some(folder) = hullmark_testkit::shared_data(&format!("packages/{kind}")) else {
        return BTreeMap::new();
    };
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.filter(|path| path.is_dir());
    let named: BTreeMap<_, _> =
        named.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path)).collect();
    assert_eq!(named.len(), count, "{kind}");
    named
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Compares one fixture: `want` and `show` turn an expected and a found package into comparable rows.
fn agree(
    name: &str,
    folder: &Path,
    want: impl Fn(&Value) -> Option<Vec<String>>,
    show: impl Fn(&Package) -> Option<Vec<String>>,
) -> Found {
    let expected = json(&folder.join("expected.json"));
    let found = catalog_root(&folder.join("rootfs"));
    let expected = expected["packages"].as_array().unwrap();
    let mut expected: Vec<_> = expected.iter().filter_map(want).collect();
    let mut got: Vec<_> = packages(&found).into_iter().filter_map(show).collect();
    expected.sort();
    got.sort();
    assert_eq!(got, expected, "{name}");
    found
}

fn gaps(found: &Found) -> Vec<String> {
    found.gaps.iter().map(|gap| format!("{}: {}", gap.reason.as_str(), gap.detail)).collect()
}

#[test]
fn every_os_release_agrees() {
    let fixtures = fixtures("os-release", 68);
    let Some(expected) = hullmark_testkit::shared_data("packages/os-release/expected.json") else {
        return;
    };
    let expected = json(&expected);
    for (name, folder) in fixtures {
        let want = &expected[&name];
        let path = FilePath::from(text(want, "path"));
        let bytes = fs::read(folder.join("rootfs").join(path.as_str())).unwrap();
        let found = catalog(&path, &bytes).unwrap();
        assert_eq!(gaps(&found), [""; 0], "{name}");
        let [Record::OsRelease(os)] = &found.records[..] else { panic!("{name}: {found:?}") };
        let fields = &want["fields"];
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        let got = [
            os.id.clone(),
            os.id_like.join(" "),
            os.version_id.clone(),
            optional(&os.codename),
            optional(&os.pretty_name),
            optional(&os.variant_id),
            optional(&os.cpe),
        ];
        let keys = [
            "ID",
            "ID_LIKE",
            "VERSION_ID",
            "VERSION_CODENAME",
            "PRETTY_NAME",
            "VARIANT_ID",
            "CPE_NAME",
        ];
        assert_eq!(got.each_ref().map(String::as_str), keys.map(|key| text(fields, key)), "{name}");
    }
}

#[test]
fn every_dpkg_database_agrees() {
    for (name, folder) in fixtures("dpkg", 21) {
        let want = |p: &Value| {
            let status = text(p, "status");
            // Its files are gone, only configuration is left: nothing of it can run, and no advisory is about it. The
            // expectation keeps it with its status and says itself that a scanner lists only installed packages.
            if status.ends_with("config-files") {
                return None;
            }
            // dpkg-query abbreviates.
            let status = if status == "ii" { "install ok installed" } else { status };
            let keys = ["name", "version", "arch", "source_name", "source_version"];
            let mut row = keys.map(|key| text(p, key).to_owned()).to_vec();
            row.push(if status == "install ok installed" { "" } else { status }.into());
            Some(row)
        };
        let show = |p: &Package| {
            // Paragraphs without a version: kept with a gap (below), left out of the expectation.
            let row = [
                &p.name,
                &p.version,
                p.arch.as_deref().unwrap_or_default(),
                p.source_name(),
                p.source_version(),
                p.property("dpkg.status").unwrap_or_default(),
            ];
            (!p.version.is_empty()).then(|| row.map(str::to_owned).to_vec())
        };
        let found = agree(&name, &folder, want, show);
        let without_version: &[&str] = match name.as_str() {
            "scalibr-noversion" => &["incomplete: acl has no version"],
            "syft-doc-examples" => &[
                "incomplete: made-up-package-5 has no version; foo has no version; bar has no version; \
                 kernel-headers-2.2.10 has no version; hurd-dev has no version; gnumach-dev has no version; \
                 default-mta has no version; mail-transport-agent has no version; and 3 more",
            ],
            "syft-libpam-runtime" => &[
                "incomplete: debconf1 has no version; debconf2 has no version; debconf-2.0 has no version; \
                 cdebconf has no version; libpam-modules has no version",
            ],
            "syft-multiple" => &[
                "malformed: a paragraph names no package",
                "incomplete: no-version has no version",
            ],
            _ => &[],
        };
        assert_eq!(gaps(&found), without_version, "{name}");
    }
}

#[test]
fn dpkg_says_who_made_and_owns_what() {
    let Some(root) = hullmark_testkit::shared_data("packages/dpkg") else { return };
    let found = catalog_root(&root.join("trivy-third-party/rootfs"));
    let origins: Vec<_> =
        packages(&found).iter().map(|p| (p.name.as_str(), p.property("origin"))).collect();
    assert_eq!(origins, [("apt", None), ("docker-ce", Some("docker.com"))]);

    let owned = |found: &Found| -> Vec<(String, usize)> {
        let records = found.records.iter().filter_map(|record| match record {
            Record::OwnedFiles { package, files } => Some((package.clone(), files.iter().count())),
            _ => None,
        });
        records.collect()
    };
    let found = catalog_root(&root.join("distroless-like-bookworm/rootfs"));
    let names: Vec<_> = owned(&found).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["base-files", "gcc-12-base", "libc6", "libgcc-s1", "libstdc++6", "tzdata", "zlib1g"]
    );
    let found = catalog_root(&root.join("debian-bookworm-minbase/rootfs"));
    assert!(
        found
            .records
            .contains(&Record::System { name: "debian.version".into(), value: "12.15".into() })
    );
}

#[test]
fn every_apk_database_agrees() {
    for (name, folder) in fixtures("apk", 7) {
        let want = |p: &Value| {
            let keys = ["name", "version", "arch", "source_name", "license", "checksum"];
            Some(keys.map(|key| text(p, key).to_owned()).to_vec())
        };
        let show = |p: &Package| {
            let row = [
                p.name.as_str(),
                p.version.as_str(),
                p.arch.as_deref().unwrap_or_default(),
                p.source.as_ref().map_or("", |s| &s.name),
                p.licenses.first().map_or("", String::as_str),
                p.property("apk.checksum").unwrap_or_default(),
            ];
            (!p.version.is_empty()).then(|| row.map(str::to_owned).to_vec())
        };
        let found = agree(&name, &folder, want, show);
        let expected: &[&str] = match name.as_str() {
            // A single record of five lines, which no apk wrote: no origin and no empty line after it.
            "alpine-scalibr-no-origin" => &["truncated: the last record, pkgname, does not end"],
            // Its last line has no line break.
            "alpine-trivy-apk" => &[
                "truncated: ends in the middle of a line",
                "incomplete: invalidPackageWithoutAVersion has no version",
            ],
            _ => &[],
        };
        assert_eq!(gaps(&found), expected, "{name}");
    }
}

#[test]
fn every_rpm_database_agrees() {
    for (name, folder) in fixtures("rpm", 6) {
        let expected = json(&folder.join("expected.json"));
        let sized = expected["packages"][0]["size"].is_u64();
        let want = |p: &Value| {
            let epoch = match p["epoch"].as_u64() {
                None | Some(0) => String::new(),
                Some(epoch) => format!("{epoch}:"),
            };
            // The list of the NDB fixture comes from another program, and is the only one that knows sizes and checksums.
            let size = p["size"].as_u64().map(|size| size.to_string()).unwrap_or_default();
            let version = format!("{epoch}{}-{}", text(p, "version"), text(p, "release"));
            let mut row = vec![text(p, "name").to_owned(), version, size];
            let keys = ["arch", "source_rpm", "modularity_label", "vendor", "license", "sigmd5"];
            row.extend(keys.map(|key| text(p, key).to_owned()));
            // `rpm -qa` says `(none)`, and lists the keys that rpm trusts.
            let row = row.into_iter().map(|v| if v == "(none)" { String::new() } else { v });
            (text(p, "name") != "gpg-pubkey").then(|| row.collect())
        };
        let show = |p: &Package| {
            // Put together again: the name of the source package has no epoch.
            let source_version = p.source_version().rsplit(':').next().unwrap();
            let source = p
                .source
                .as_ref()
                .map(|s| format!("{}-{source_version}.src.rpm", s.name))
                .unwrap_or_default();
            let property = |name| if sized { p.property(name).unwrap_or_default() } else { "" };
            let row = [
                p.name.as_str(),
                &p.version,
                property("rpm.size"),
                p.arch.as_deref().unwrap_or_default(),
                &source,
                p.module.as_deref().unwrap_or_default(),
                p.vendor.as_deref().unwrap_or_default(),
                p.licenses.first().map_or("", String::as_str),
                property("rpm.sigmd5"),
            ];
            Some(row.map(str::to_owned).to_vec())
        };
        let found = agree(&name, &folder, want, show);
        assert_eq!(gaps(&found), [""; 0], "{name}");
    }
}

#[test]
fn rpm_packages_own_their_files_and_not_their_folders() {
    let Some(root) = hullmark_testkit::shared_data("packages/rpm") else { return };
    let [sqlite, bdb] = ["rpm-sqlite-mariner2", "rpm-bdb-mariner2-all"]
        .map(|name| catalog_root(&root.join(name).join("rootfs")));
    let files = |found: &Found| -> Vec<(String, Vec<String>)> {
        packages(found)
            .into_iter()
            .map(|p| (p.name.clone(), p.files.iter().map(str::to_owned).collect()))
            .collect()
    };
    let (sqlite, bdb) = (files(&sqlite), files(&bdb));
    assert_eq!(sqlite, bdb, "the same headers in two databases");
    let (_, bash) = sqlite.iter().find(|(name, _)| name == "bash").unwrap();
    assert!(bash.iter().any(|path| path == "usr/bin/bash" || path == "bin/bash"), "{bash:?}");
    assert!(!bash.iter().any(|path| path == "usr/share/doc/bash"), "{bash:?}");
    let all: usize = sqlite.iter().map(|(_, files)| files.len()).sum();
    // Counted by other means: entries of BASENAMES whose mode is not a folder's.
    assert_eq!(all, 6298);
}

#[test]
fn malformed_databases_are_gaps_and_no_packages_of_their_own_making() {
    let want: &[(&str, &[&str], &[&str])] = &[
        (
            "apk-corrupt",
            &["alpine-baselayout-data 3.2.0-r22"],
            &["malformed: not a field: this is a corrupt db; a record names no package"],
        ),
        // syft says nothing; a database that cannot be read has to be seen.
        (
            "dpkg-status-corrupt",
            &[],
            &[
                "malformed: not a field: Insterface to the configuration settings; a paragraph names no package",
            ],
        ),
        (
            "rpm-invalid",
            &[],
            &["truncated: an empty file", "malformed: no rpm database that we know"],
        ),
        // What syft lists as Debian packages: they are OpenWrt's.
        (
            "dpkg-opkg",
            &[
                "busybox 1.36.1-r2",
                "libuci20130104 2023.08.10~5781664d-r1",
                "ubus 2024.10.20~252a9b0c-r1",
            ],
            &[],
        ),
        // Not in a folder of dpkg's, so nobody's claim that packages of a system are there.
        ("dpkg-vcpkg-not-dpkg", &[], &[]),
    ];
    let fixtures = fixtures("malformed", 5);
    if fixtures.is_empty() {
        return;
    }
    for (name, expected_packages, expected_gaps) in want {
        let found = catalog_root(&fixtures[*name].join("rootfs"));
        let got: Vec<_> =
            packages(&found).iter().map(|p| format!("{} {}", p.name, p.version)).collect();
        assert_eq!(&got[..], *expected_packages, "{name}");
        assert_eq!(gaps(&found), *expected_gaps, "{name}");
    }
}

/// Every file of the shared data that a cataloguer of operating systems wants.
fn databases() -> Vec<(String, FilePath, Vec<u8>)> {
    let mut databases = Vec::new();
    for (kind, count) in [("dpkg", 21), ("apk", 7), ("rpm", 6), ("malformed", 5)] {
        for (name, folder) in fixtures(kind, count) {
            for (path, file) in files(&folder.join("rootfs")) {
                let bytes = fs::read(file).unwrap();
                if catalog(&path, &bytes).is_some() {
                    databases.push((name.clone(), path, bytes));
                }
            }
        }
    }
    databases
}

/// Cuts every database after each 64th of it: what is still found must be what the whole says, or be said to be incomplete.
#[test]
fn truncated_databases_never_lie() {
    let mut kept = 0;
    for (name, path, bytes) in databases() {
        let whole = catalog(&path, &bytes).unwrap();
        for part in 0..64 {
            let cut = catalog(&path, &bytes[..bytes.len() * part / 64]).unwrap();
            // Files of `status.d` are made by hand too, without a last line break: there a cut line cannot be told from a
            // whole one. Nothing but the last field of a file that holds one package can be wrong.
            // The paragraphs of `syft-doc-examples` come from a manual and have the source behind the version. dpkg itself
            // writes it before, so that a paragraph with a version is complete.
            if !path.contains("status.d/") && name != "syft-doc-examples" {
                check_cut(&whole, &cut, &format!("{name} {path} cut at {part}/64"));
            }
            kept += packages(&cut).len();
        }
    }
    assert!(
        kept > 1000 || fixtures("apk", 7).is_empty(),
        "cut databases yield next to nothing: {kept}"
    );
}

fn check_cut(whole: &Found, cut: &Found, context: &str) {
    let is_gap = |reason| cut.gaps.iter().any(|gap| gap.reason == reason);
    let whole = packages(whole);
    for package in packages(cut) {
        let context = || format!("{context}: {package:?}");
        if package.version.is_empty() {
            assert!(is_gap(GapReason::Incomplete), "{}", context());
            continue;
        }
        // apk writes the origin behind the version: a record may end between them. Then the file is said to be cut.
        let may_lack_origin = package.kind == PackageKind::Apk && is_gap(GapReason::Truncated);
        let facts = |p: &Package| (p.version.clone(), p.source_name().to_owned(), p.module.clone());
        let agrees = |p: &&Package| {
            p.name == package.name
                && (facts(p) == facts(package)
                    || may_lack_origin && package.source.is_none() && p.version == package.version)
        };
        let same = whole.iter().copied().find(agrees).unwrap_or_else(|| panic!("{}", context()));
        // An rpm is read as a whole or not at all.
        assert!(package.kind != PackageKind::Rpm || same == package, "{}", context());
        let all: BTreeSet<&str> = same.files.iter().collect();
        assert!(package.files.iter().all(|file| all.contains(file)), "{}", context());
    }
}

/// Turns bits of every database over, some at random and some in the first bytes, where sizes and offsets are.
#[test]
fn damaged_databases_do_no_harm() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let limits = Limits::default();
    for (name, path, bytes) in databases() {
        let rounds = if bytes.len() < 200_000 { 64 } else { 8 };
        for round in 0..rounds {
            let mut damaged = bytes.clone();
            for _ in 0..=round % 8 {
                flip(&mut damaged, random.next());
                if round % 2 == 0 {
                    let head = damaged.len().min(256);
                    flip(&mut damaged[..head], random.next());
                }
            }
            let found = catalog(&path, &damaged).unwrap();
            assert!(found.records.len() <= limits.packages, "{name} {round}");
            assert!(found.gaps.len() < 16, "{name} {round}: {:?}", gaps(&found));
        }
    }
}

fn flip(bytes: &mut [u8], at: u64) {
    if let Some(byte) = bytes.get_mut((at >> 3) as usize % bytes.len().max(1)) {
        *byte ^= 1 << (at & 7);
    }
}

/// xorshift64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
}
