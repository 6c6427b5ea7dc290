//! Whole images: every package that is really there, none that an upper layer took away.

use std::collections::BTreeSet;
use std::path::Path;

use hullmark_inventory::overlay::{Layer, overlay};
use hullmark_inventory::scan::{self, Links, ScanOptions};
use hullmark_inventory::{Inventory, Presence};
use hullmark_oci::layer::{self, Expected};
use hullmark_testkit::images::{OciArchive, TestImage};
use hullmark_testkit::shared_data;

fn inventory(image: &TestImage) -> Inventory {
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
    // What differs from syft's list, and why.
    let expected: &[(&str, usize, &str, &[&str], &[&str])] = &[
        ("debian12-app", 0, "debian12-app", &[], &[]),
        ("alpine310", 0, "alpine310", &[], &[]),
        ("alpine34-synthetic", 0, "alpine34-synthetic", &[], &[]),
        ("mariner2-rpm", 0, "mariner2-rpm", &[], &[]),
        ("distroless12-polyglot", 0, "distroless12-polyglot", &[], &[]),
        ("scratch-go-esbuild", 0, "scratch-go-esbuild", &[], &[]),
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
