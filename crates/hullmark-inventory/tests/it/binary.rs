//! Tests of `binary`: real programs, programs built here, and hostile twins of both.

use std::collections::BTreeSet;
use std::path::Path;

use hullmark_inventory::catalog::binary::{self, Executables};
use hullmark_inventory::catalog::{File, Found};
use hullmark_inventory::fragment::Record;
use hullmark_inventory::{Package, PackageKind};
use hullmark_oci::{FilePath, Limits};

/// Reads one file as the layer walker would.
fn scan(path: &str, content: &[u8], executables: Executables, limits: &Limits) -> Found {
    let path = FilePath::from(path);
    let mut found = Found::default();
    let head = &content[..content.len().min(64)];
    if binary::wants(head, 0o755, executables) {
        let mut stream = content;
        let mut file = File::new(&path, content.len() as u64, 0o755, &mut stream, limits);
        binary::read(&mut file, executables, &mut found).unwrap();
    }
    found
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

fn names(found: &Found) -> BTreeSet<(String, String)> {
    packages(found).iter().map(|p| (p.name.clone(), p.version.clone())).collect()
}

/// Name and version of the packages that a fixture expects.
fn expected(fixture: &Path) -> BTreeSet<(String, String)> {
    let text = std::fs::read(fixture.join("expected.json")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap().to_owned();
    value["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let (name, version) = (text(p, "name"), text(p, "version"));
            // The reference writes the toolchain's tag where the advisories have a release.
            let version = version.strip_prefix("go").unwrap_or(&version).to_owned();
            (name, version)
        })
        .collect()
}

#[test]
fn a_published_go_program_agrees_with_its_expectation() {
    let Some(fixture) = hullmark_testkit::shared_data("packages/gobinary/go-shfmt-elf") else {
        return;
    };
    let content = std::fs::read(fixture.join("rootfs/usr/local/bin/shfmt")).unwrap();
    let found = scan("usr/local/bin/shfmt", &content, Executables::Skip, &Limits::default());
    assert_eq!(found.gaps, []);
    assert_eq!(names(&found), expected(&fixture));
    assert!(packages(&found).iter().all(|p| p.kind == PackageKind::Go));
    let main = packages(&found)[1].clone();
    assert_eq!(main.name, "mvdan.cc/sh/v3");
    for (property, want) in [
        ("go.main", "true"),
        ("go.path", "mvdan.cc/sh/v3/cmd/shfmt"),
        ("go.os", "linux"),
        ("go.arch", "amd64"),
        ("go.cgo", "0"),
        ("vcs.revision", "a3f0c75d21d918756fa38de8b5d3429efde7948b"),
    ] {
        assert_eq!(main.property(property), Some(want), "{property}");
    }
}
