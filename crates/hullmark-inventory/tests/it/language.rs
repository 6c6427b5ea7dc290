//! Tests of `language`: fixtures of real packages against what other tools find in them, and hostile twins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hullmark_inventory::catalog::{self, File, Found};
use hullmark_inventory::fragment::Record;
use hullmark_inventory::{GapReason, Package};
use hullmark_oci::{FilePath, Limits};
use serde_json::Value;

/// What the cataloguers make of one file; nothing if none wants it.
pub(crate) fn read(path: &str, bytes: &[u8]) -> Found {
    read_within(path, bytes, &Limits::default())
}

/// The same within other limits.
pub(crate) fn read_within(path: &str, bytes: &[u8], limits: &Limits) -> Found {
    let (path, mut found, mut content) = (FilePath::from(path), Found::default(), bytes);
    if let Some(cataloger) = catalog::catalogers().find(|c| (c.wants)(&path)) {
        let mut file = File::new(&path, bytes.len() as u64, 0o644, &mut content, limits);
        (cataloger.read)(&mut file, &mut found).unwrap();
    }
    found
}

/// The packages among what was found.
pub(crate) fn packages(found: &Found) -> Vec<&Package> {
    found
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Package(package) => Some(&**package),
            _ => None,
        })
        .collect()
}

/// `name version` of each package, sorted.
pub(crate) fn names(found: &Found) -> Vec<String> {
    let mut names: Vec<_> =
        packages(found).iter().map(|p| format!("{} {}", p.name, p.version)).collect();
    names.sort();
    names
}

/// The reasons of the gaps.
pub(crate) fn reasons(found: &Found) -> Vec<GapReason> {
    found.gaps.iter().map(|gap| gap.reason).collect()
}

/// Everything found in a root file system, by path.
fn read_rootfs(root: &Path) -> Found {
    let mut all = Found::default();
    let mut folders = vec![root.to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for file in files {
        let inside = file.strip_prefix(root).unwrap().to_str().unwrap();
        let found = read(inside, &fs::read(&file).unwrap());
        all.records.extend(found.records);
        all.gaps.extend(found.gaps);
    }
    all
}

/// One fixture: what was found, and `name version` as expected.
struct Fixture {
    found: Found,
    expected: Vec<String>,
}

fn fixture(name: &str) -> Option<Fixture> {
    let folder = hullmark_testkit::shared_data(&format!("packages/{name}"))?;
    let expected: Value =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let mut expected: Vec<String> = expected["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| format!("{} {}", p["name"].as_str().unwrap(), p["version"].as_str().unwrap()))
        .collect();
    expected.sort();
    Some(Fixture { found: read_rootfs(&folder.join("rootfs")), expected })
}

/// A name as PEP 503 folds it: what syft prints, while we keep what the distribution says.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

#[test]
fn python_fixtures_agree() {
    for name in [
        "python-flask-2018",
        "python-trivy-egg-and-dist",
        "python-syft-variants",
        "python-scalibr-wheelegg",
    ] {
        let Some(fixture) = fixture(&format!("python/{name}")) else { return };
        let mut got: Vec<String> = packages(&fixture.found)
            .iter()
            .map(|p| format!("{} {}", fold(&p.name), p.version))
            .collect();
        got.sort();
        assert_eq!(got, fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn npm_fixtures_agree() {
    for name in ["npm-node-modules", "npm-syft-pkg-json-variants"] {
        let Some(fixture) = fixture(&format!("npm/{name}")) else { return };
        assert_eq!(names(&fixture.found), fixture.expected, "{name}");
        assert!(fixture.found.gaps.is_empty(), "{name}: {:?}", fixture.found.gaps);
    }
}

#[test]
fn npm_descriptions_have_many_shapes() {
    let Some(fixture) = fixture("npm/npm-syft-pkg-json-variants") else { return };
    let by_folder: BTreeMap<String, &Package> = packages(&fixture.found)
        .into_iter()
        .map(|p| (p.path.parent().unwrap().file_name().to_owned(), p))
        .collect();
    for (folder, licenses, vendor) in [
        ("package", "Artistic-2.0", Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)")),
        (
            "package-license-object",
            "ISC",
            Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)"),
        ),
        (
            "package-license-objects",
            "MIT,Apache-2.0",
            Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)"),
        ),
        (
            "package-malformed-license",
            "MIT",
            Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)"),
        ),
        ("package-no-license", "", Some("Isaac Z. Schlueter <i@izs.me> (http://blog.izs.me)")),
        ("package-nested-author", "Artistic-2.0", Some("Isaac Z. Schlueter")),
    ] {
        let package = by_folder[folder];
        assert_eq!(package.licenses.join(","), licenses, "{folder}");
        assert_eq!(package.vendor.as_deref(), vendor, "{folder}");
    }
    assert_eq!(by_folder["package-private"].property("npm.private"), Some("true"));
}

#[test]
fn npm_gaps() {
    for (path, bytes, want_names, want_gaps) in [
        ("n/node_modules/a/package.json", &br#"{"name":"a"}"#[..], "a ", "Incomplete"),
        ("n/node_modules/a/package.json", br#"{"type":"module"}"#, "", ""),
        ("n/node_modules/a/package.json", br#"{"name":"a","version":"#, "", "Truncated"),
        ("n/node_modules/a/package.json", b"\0\0\0\0", "", "Malformed"),
        ("n/node_modules/a/package.json", b"[1]", "", "Malformed"),
        ("n/node_modules/a/lib/package.json", br#"{"name":"b"}"#, "", ""),
        ("n/node_modules/a/lib/package.json", br#"{"name":"b","version":"1"}"#, "b 1", ""),
        ("n/node_modules/a/test/b/package.json", br#"{"name":"b","version":"1"}"#, "", ""),
        ("srv/package.json", br#"{"private":true,"workspaces":["*"]}"#, "", ""),
        ("srv/package.json", br#"{"name":"app","version":"1.0.0"}"#, "app 1.0.0", ""),
    ] {
        let found = read(path, bytes);
        let gaps: Vec<_> = reasons(&found).iter().map(|r| format!("{r:?}")).collect();
        assert_eq!(
            (names(&found).join(","), gaps.join(",")),
            (want_names.into(), want_gaps.into()),
            "{path}"
        );
    }
}

#[test]
fn python_gaps() {
    for (bytes, want_names, want_gaps) in [
        (&b"Name: a\nVersion: 1\n"[..], "a 1", ""),
        (b"Name: a\n", "a ", "Incomplete"),
        (b"Version: 1\n", "", "Incomplete"),
        (b"", "", "Incomplete"),
        (b"\xff\xfe\x00", "", "Incomplete"),
    ] {
        let found = read("x/a.dist-info/METADATA", bytes);
        let gaps: Vec<_> = reasons(&found).iter().map(|r| format!("{r:?}")).collect();
        assert_eq!(
            (names(&found).join(","), gaps.join(",")),
            (want_names.into(), want_gaps.into())
        );
    }
}
