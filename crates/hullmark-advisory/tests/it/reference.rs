//! Agreement with matches that were computed apart from this project.

use std::collections::BTreeSet;
use std::path::Path;

use hullmark_advisory::Database;
use hullmark_advisory::matching::{Options, find};
use hullmark_inventory::{Inventory, Package, PackageKind};
use serde_json::Value;

use crate::support::{all_feeds, inventory, os, package, read_json, with_source};

type Match = (String, String, String);

/// Every (package, version, record) that made a finding of packages in `ecosystem`.
fn matches(db: &Database, inventory: &Inventory, ecosystem: &str) -> BTreeSet<Match> {
    let matched = find(db, inventory, &Options::default()).expect("matches");
    let basis = matched.findings.iter().flat_map(|finding| &finding.basis);
    basis
        .filter(|basis| basis.ecosystem == ecosystem)
        .map(|basis| (basis.name.clone(), basis.version.clone(), basis.record.clone()))
        .collect()
}

fn expected(reference: &Value, subject: &str, ecosystem: &str) -> BTreeSet<Match> {
    let set = reference
        .as_array()
        .expect("a list")
        .iter()
        .find(|set| set["subject"] == subject && set["ecosystem"] == ecosystem)
        .unwrap_or_else(|| panic!("no reference for {subject} {ecosystem}"));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let matches: BTreeSet<Match> = set["matches"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (text(&m["package"]), text(&m["version"]), text(&m["id"])))
        .collect();
    assert_eq!(set["count"], matches.len(), "{subject} {ecosystem}");
    matches
}

/// Packages as syft lists them beside each image.
fn syft_packages(path: &Path) -> Vec<Package> {
    let list = read_json(path);
    let packages = list["packages"].as_array().expect("a list").iter();
    packages
        .filter_map(|p| {
            let text = |field: &str| p[field].as_str().unwrap_or_default();
            let kind = match text("type") {
                "deb" => PackageKind::Deb,
                "apk" => PackageKind::Apk,
                "python" => PackageKind::Python,
                "npm" => PackageKind::Npm,
                "rust-crate" => PackageKind::Cargo,
                _ => return None,
            };
            let plain = package(kind, text("name"), text("version"));
            let upstream = text("purl").split(['?', '&']).find_map(|q| q.strip_prefix("upstream="));
            Some(match upstream {
                Some(upstream) => {
                    let (name, version) = upstream.split_once("%40").unwrap_or((upstream, ""));
                    let version = Some(version).filter(|v| !v.is_empty());
                    with_source(plain, name, version)
                }
                None => plain,
            })
        })
        .collect()
}

/// Packages of `packages/lists`, with epoch, version and release put together.
fn listed_packages(path: &Path, kind: PackageKind) -> Vec<Package> {
    let list = read_json(path);
    let full = |p: &Value, prefix: &str| {
        let text =
            |field: &str| p[format!("{prefix}{field}")].as_str().unwrap_or_default().to_owned();
        let epoch = p[format!("{prefix}epoch")].as_u64().unwrap_or(0);
        let mut version = if epoch > 0 { format!("{epoch}:") } else { String::new() };
        version.push_str(&text("version"));
        if !text("release").is_empty() {
            version = format!("{version}-{}", text("release"));
        }
        version
    };
    let packages = list["packages"].as_array().expect("a list").iter();
    packages
        .map(|p| {
            let plain = package(kind, p["name"].as_str().expect("a name"), &full(p, ""));
            let source = p["source_name"].as_str().expect("a source");
            with_source(plain, source, Some(&full(p, "source_")))
        })
        .collect()
}

#[test]
fn agrees_with_the_reference() {
    let Some(dir) = all_feeds() else { return };
    let Some(data) = hullmark_testkit::shared_data("") else { return };
    let db = Database::open(dir).expect("opens");
    let reference = read_json(&data.join("feeds/reference-matches.json"));

    let app = "images/debian12-app.oci.tar (squashed)";
    let inventory_of_app = inventory(
        Some(os("debian", "12")),
        syft_packages(&data.join("images/debian12-app.syft.json")),
    );
    let buster = "packages/lists/trivy-debian-buster.json";
    let inventory_of_buster =
        inventory(Some(os("debian", "10")), listed_packages(&data.join(buster), PackageKind::Deb));
    let crates = "packages/rustbinary/cargo-auditable-elf";
    let inventory_of_crates =
        inventory(None, cargo_packages(&data.join(crates).join("expected.json")));
    let alpine34 = "images/alpine34-synthetic.oci.tar";
    let inventory_of_alpine34 = inventory(
        Some(os("alpine", "3.4.6")),
        syft_packages(&data.join("images/alpine34-synthetic.syft.json")),
    );
    let alpine310 = "images/alpine310.oci.tar";
    let inventory_of_alpine310 = inventory(
        Some(os("alpine", "3.10.4")),
        syft_packages(&data.join("images/alpine310.syft.json")),
    );

    let mut compared = 0;
    for (subject, ecosystem, inventory) in [
        (app, "PyPI", &inventory_of_app),
        (app, "npm", &inventory_of_app),
        (buster, "Debian:10", &inventory_of_buster),
        (crates, "crates.io", &inventory_of_crates),
        (alpine34, "Alpine:v3.4", &inventory_of_alpine34),
        (alpine310, "Alpine:v3.10", &inventory_of_alpine310),
    ] {
        let ours = matches(&db, inventory, ecosystem);
        let theirs = expected(&reference, subject, ecosystem);
        let missing: Vec<_> = theirs.difference(&ours).collect();
        let more: Vec<_> = ours.difference(&theirs).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{subject} {ecosystem}: missing {missing:?}, more {more:?}"
        );
        compared += 1;
    }
    assert_eq!(compared, reference.as_array().expect("a list").len(), "every subject was compared");
}

fn cargo_packages(path: &Path) -> Vec<Package> {
    let expected = read_json(path);
    let packages = expected["packages"].as_array().expect("a list").iter();
    packages
        .map(|p| {
            let text = |field: &str| p[field].as_str().expect("text").to_owned();
            package(PackageKind::Cargo, &text("name"), &text("version"))
        })
        .collect()
}

/// Bitnami gives a CVSS 4 vector and, computed elsewhere, the severity that goes with it.
#[test]
fn scores_agree_with_the_severity_that_is_published_beside_the_vector() {
    let Some(zip) = hullmark_testkit::shared_data("feeds/Bitnami/all.zip") else { return };
    let mut archive =
        zip::ZipArchive::new(std::fs::File::open(zip).expect("opens")).expect("is a zip");
    let (mut compared, mut different) = (0, Vec::new());
    for index in 0..archive.len() {
        let record: Value =
            serde_json::from_reader(archive.by_index(index).expect("an entry")).expect("is JSON");
        let ratings = record["affected"][0]["severity"].as_array().cloned().unwrap_or_default();
        let [rating] = &ratings[..] else { continue };
        let vector = rating["score"].as_str().unwrap_or_default();
        let label = record["database_specific"]["severity"].as_str().unwrap_or_default();
        let Some(score) = hullmark_advisory::cvss::base_score(vector) else {
            panic!("`{vector}` has no score");
        };
        // Bitnami's label counts threat and environment where a vector gives them; the base score does not.
        let beyond_base = |part: &str| {
            part.split_once(':')
                .is_some_and(|(name, value)| (name == "E" || name.starts_with('M')) && value != "X")
        };
        if vector.split('/').any(beyond_base) {
            continue;
        }
        compared += 1;
        let label = if label == "None" { "negligible" } else { label };
        let ours = hullmark_advisory::cvss::severity_of_score(score).as_str();
        if !ours.eq_ignore_ascii_case(label) {
            different.push(format!("{vector}: {score} is {ours}, published {label}"));
        }
    }
    assert!(compared > 7000, "{compared}");
    assert_eq!(different, [""; 0]);
}
