//! Whole images: every package that is really there, none that an upper layer took away.

use std::collections::BTreeSet;
use std::path::Path;

use hullmark_inventory::overlay::{Layer, overlay};
use hullmark_inventory::scan::{self, Links, ScanOptions};
use hullmark_inventory::{Inventory, Presence};
use hullmark_oci::layer::{self, Expected};
use hullmark_testkit::images::{OciArchive, TestImage};
use hullmark_testkit::shared_data;

pub(super) fn inventory(image: &TestImage) -> Inventory {
    let options = ScanOptions::default();
    let fragments: Vec<_> = image
        .layers
        .iter()
        .map(|(descriptor, blob, diff_id)| {
            let expected = Expected {
                digest: descriptor.digest.clone(),
                size: descriptor.size,
                diff_id: Some(diff_id.clone()),
            };
            let stream = layer::Layer::open(blob.as_slice(), expected, &options.limits).unwrap();
            let (scanned, stream) = scan::scan(stream, &Links::new(), &options).unwrap();
            stream.finish().unwrap();
            (diff_id, scanned.fragment)
        })
        .collect();
    let layers: Vec<_> =
        fragments.iter().map(|(id, fragment)| Layer { diff_id: Some(id), fragment }).collect();
    overlay(&layers)
}

/// `name version` of every package that syft lists, and of every one that we do.
fn compare(archive: &Path, syft: &Path, at: usize) -> (BTreeSet<String>, BTreeSet<String>) {
    let image = &OciArchive::read(archive).images()[at];
    let ours = inventory(image)
        .packages
        .iter()
        .filter(|p| p.presence == Presence::Installed)
        .map(|p| format!("{} {} {}", p.kind.as_str(), p.name, p.version))
        .collect();
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(syft).unwrap()).unwrap();
    let theirs = document["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            let kind = match p["type"].as_str().unwrap() {
                "go-module" => "go",
                "rust-crate" => "cargo",
                "java-archive" => "maven",
                "php-composer" => "composer",
                "dotnet" => "nuget",
                other => other,
            };
            let version = p["version"].as_str().unwrap();
            format!("{kind} {} {version}", p["name"].as_str().unwrap())
        })
        .collect();
    (ours, theirs)
}

#[test]
fn every_image_holds_what_it_should() {
    let Some(images) = shared_data("images") else { return };
    // What differs from syft's list (more, fewer), and why.
    let expected: &[(&str, usize, &str, &[&str], &[&str])] = &[
        // Python names are kept as their metadata writes them; syft lower-cases. Matching normalises (PEP 503).
        (
            "debian12-app",
            0,
            "debian12-app",
            &["python Flask 0.12.2", "python Jinja2 2.10", "python Werkzeug 0.15.2"],
            &["python flask 0.12.2", "python jinja2 2.10", "python werkzeug 0.15.2"],
        ),
        // Programs known by their content; on Alpine 3.10 each is linked to the apk that owns it.
        (
            "alpine310",
            0,
            "alpine310",
            &["binary busybox 1.30.1", "binary openssl 1.1.1d", "binary zlib 1.2.11"],
            &[],
        ),
        // The image's busybox is not the one its (synthetic) database speaks of. A version that is missing is not `UNKNOWN`.
        (
            "alpine34-synthetic",
            0,
            "alpine34-synthetic",
            &["apk invalidPackageWithoutAVersion ", "binary busybox 1.35.0"],
            &["apk invalidPackageWithoutAVersion UNKNOWN"],
        ),
        ("mariner2-rpm", 0, "mariner2-rpm", &[], &[]),
        // Maven packages are named `group:artifact`: advisories are keyed so.
        (
            "distroless12-polyglot",
            0,
            "distroless12-polyglot",
            &["maven org.yaml:snakeyaml 1.33"],
            &["maven snakeyaml 1.33"],
        ),
        // The standard library's version is a version; `go1.19.4` is a release's name.
        (
            "scratch-go-esbuild",
            0,
            "scratch-go-esbuild",
            &["go stdlib 1.19.4"],
            &["go stdlib go1.19.4"],
        ),
        ("multiarch-index", 0, "multiarch-index-amd64", &[], &[]),
        ("multiarch-index", 1, "multiarch-index-arm64", &[], &[]),
    ];
    let mut report = String::new();
    for (image, at, list, more, fewer) in expected {
        let archive = images.join(format!("{image}.oci.tar"));
        let (ours, theirs) = compare(&archive, &images.join(format!("{list}.syft.json")), *at);
        let only_ours: Vec<&str> = ours.difference(&theirs).map(String::as_str).collect();
        let only_theirs: Vec<&str> = theirs.difference(&ours).map(String::as_str).collect();
        if only_ours != *more || only_theirs != *fewer {
            report.push_str(&format!("{image}: more {only_ours:#?} fewer {only_theirs:#?}\n"));
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn what_an_upper_layer_takes_away_is_gone_and_owners_are_known() {
    let Some(images) = shared_data("images") else { return };
    let read = |name: &str| inventory(&OciArchive::read(&images.join(name)).images()[0]);
    let app = read("debian12-app.oci.tar");
    // Purged by dpkg, deleted by a whiteout, hidden by an opaque folder.
    for gone in ["deb tzdata", "python urllib3 1.24.1", "python setuptools 65.5.0"] {
        let seen = app
            .packages
            .iter()
            .find(|p| format!("{} {} {}", p.kind.as_str(), p.name, p.version).starts_with(gone));
        assert_eq!(seen, None, "{gone}");
    }
    let layers: BTreeSet<_> = app
        .packages
        .iter()
        .filter(|p| p.kind == hullmark_inventory::PackageKind::Deb)
        .map(|p| p.layer.clone())
        .collect();
    assert_eq!(layers.len(), 1, "a later rewrite of the database brings no package of its own");
    let alpine = read("alpine310.oci.tar");
    let owner = |name: &str| {
        let package = alpine.packages.iter().find(|p| p.name == name && !p.kind.is_os()).unwrap();
        package.owned_by.as_ref().map(|owner| format!("{} {}", owner.name, owner.version))
    };
    assert_eq!(owner("busybox").as_deref(), Some("busybox 1.30.1-r3"));
    assert_eq!(owner("openssl").as_deref(), Some("libcrypto1.1 1.1.1d-r2"));
}
