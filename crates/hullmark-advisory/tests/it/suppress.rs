//! VEX documents, ignore rules, and judging again.

use std::collections::BTreeSet;

use hullmark_advisory::Finding;
use hullmark_advisory::finding::SuppressedBy;
use hullmark_advisory::ignore::Rules;
use hullmark_advisory::index::{Change, Index, changes};
use hullmark_advisory::matching::{Options, find};
use hullmark_advisory::vex::{self, Vex};
use hullmark_inventory::{Inventory, PackageKind};
use serde_json::{Value, json};

use crate::support::{database_of, day, inventory, os, package, with_source};

fn record(id: &str, ecosystem: &str, name: &str, cve: &str, fixed: &str) -> Value {
    json!({"id": id, "modified": "2024-01-01T00:00:00Z", "aliases": [cve], "affected": [
        {"package": {"ecosystem": ecosystem, "name": name},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
}

fn findings() -> (Inventory, Vec<Finding>) {
    let db = database_of(&[
        record("PYSEC-1", "PyPI", "a", "CVE-2024-1", "2"),
        record("PYSEC-2", "PyPI", "b", "CVE-2024-1", "2"),
        record("DSA-1", "Debian:12", "openssl", "CVE-2024-2", "9"),
    ]);
    let deb = with_source(package(PackageKind::Deb, "libssl3", "3"), "openssl", None);
    let packages =
        vec![package(PackageKind::Python, "a", "1"), package(PackageKind::Python, "b", "1"), deb];
    let inventory = inventory(Some(os("debian", "12")), packages);
    let found = find(&db, &inventory, &Options::default()).expect("matches").findings;
    assert_eq!(found.len(), 3);
    (inventory, found)
}

fn open_vex(statements: Value) -> Vec<u8> {
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex/1", "author": "x",
        "timestamp": "2024-05-01T00:00:00Z", "version": 1, "statements": statements})
    .to_string()
    .into_bytes()
}

fn suppressed(documents: &[Vex]) -> Vec<String> {
    let (inventory, mut found) = findings();
    let subject = BTreeSet::from(["sha256:aa".to_owned(), "example.org/app:1".to_owned()]);
    vex::apply(documents, &inventory, &subject, &mut found);
    let by_vex = |f: &&Finding| f.suppressed.as_ref().is_some_and(|s| s.by == SuppressedBy::Vex);
    found.iter().filter(by_vex).map(|f| inventory.packages[f.package].name.clone()).collect()
}

#[test]
fn vex_speaks_of_products_and_their_parts() {
    let statement = |products: Value| {
        json!([{"vulnerability": {"name": "CVE-2024-1"}, "products": products,
            "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"}])
    };
    for (products, expected) in [
        (json!([{"@id": "pkg:pypi/a"}]), vec!["a"]),
        (json!([{"@id": "pkg:pypi/a@1"}]), vec!["a"]),
        (json!([{"@id": "pkg:pypi/a@1.5"}]), vec![]),
        (json!([{"@id": "pkg:npm/a"}]), vec![]),
        (json!([{"@id": "pkg:oci/app@sha256%3Aaa"}]), vec!["a", "b"]),
        (json!([{"@id": "pkg:oci/app@sha256%3Abb"}]), vec![]),
        (json!([{"@id": "pkg:oci/app"}]), vec![]),
        (
            json!([{"@id": "example.org/app:1", "subcomponents": [{"@id": "pkg:pypi/b"}]}]),
            vec!["b"],
        ),
        (json!([{"@id": "example.org/other:1", "subcomponents": [{"@id": "pkg:pypi/b"}]}]), vec![]),
        (json!([{"@id": "x", "hashes": {"sha-256": "aa"}}]), vec!["a", "b"]),
        (json!(["pkg:pypi/a"]), vec!["a"]),
        (json!([]), vec![]),
    ] {
        let document = vex::parse(&open_vex(statement(products.clone())), "file").expect("parses");
        assert_eq!(suppressed(&[document]), expected, "{products}");
    }
}

#[test]
fn the_last_statement_counts() {
    let document = |status: &str, time: &str| {
        let json = open_vex(
            json!([{"vulnerability": {"name": "CVE-2024-1"}, "products": [{"@id": "pkg:pypi/a"}],
            "status": status, "impact_statement": "x", "timestamp": time}]),
        );
        vex::parse(&json, "file").expect("parses")
    };
    let (early, late) = ("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z");
    for (first, second, expected) in [
        (document("not_affected", early), document("affected", late), 0),
        (document("affected", late), document("not_affected", early), 0),
        (document("affected", early), document("fixed", late), 1),
        (document("not_affected", early), document("under_investigation", late), 0),
    ] {
        assert_eq!(suppressed(&[first, second]).len(), expected);
    }
}

#[test]
fn unusable_vex_is_refused() {
    for statements in [
        json!([{"vulnerability": {"name": "CVE-1"}, "status": "maybe"}]),
        json!([{"vulnerability": {"name": "CVE-1"}, "status": "not_affected"}]),
        json!([{"status": "fixed"}]),
        json!({}),
    ] {
        assert!(vex::parse(&open_vex(statements.clone()), "file").is_err(), "{statements}");
    }
    assert!(vex::parse(b"[", "file").is_err());
}

#[test]
fn csaf_vex_speaks_of_components() {
    let csaf = |status: &str| {
        json!({"document": {"category": "csaf_vex", "title": "t", "tracking": {"id": "VEX-1", "current_release_date": "2024-05-01T00:00:00Z"}},
        "product_tree": {"full_product_names": [
            {"product_id": "app", "name": "app", "product_identification_helper": {"purl": "pkg:oci/app@sha256%3Aaa"}},
            {"product_id": "a", "name": "a", "product_identification_helper": {"purl": "pkg:pypi/a@1"}}],
          "relationships": [{"category": "default_component_of", "product_reference": "a", "relates_to_product_reference": "app",
            "full_product_name": {"product_id": "app:a", "name": "a in app"}}]},
        "vulnerabilities": [{"cve": "CVE-2024-1", "flags": [{"label": "component_not_present", "product_ids": ["app:a"]}],
            "product_status": {status: ["app:a"]}}]})
        .to_string()
    };
    for (status, expected) in [("known_not_affected", vec!["a"]), ("known_affected", vec![])] {
        let document = vex::parse(csaf(status).as_bytes(), "file").expect("parses");
        assert_eq!(document.id, "VEX-1");
        assert_eq!(suppressed(&[document]), expected, "{status}");
    }
}

#[test]
fn ignore_rules_select_by_everything_that_they_give_and_end() {
    for (rule, expected) in [
        ("{id: CVE-2024-1, reason: x}", vec!["a", "b"]),
        ("{id: PYSEC-1, reason: x}", vec!["a"]),
        ("{id: CVE-2024-1, package: b, reason: x}", vec!["b"]),
        ("{package: openssl, reason: x}", vec!["libssl3"]),
        ("{path: 'some/*', reason: x}", vec!["a", "b", "libssl3"]),
        ("{path: 'some', reason: x}", vec![]),
        ("{purl: 'pkg:pypi/a', reason: x}", vec!["a"]),
        ("{purl: 'pkg:pypi/a@2', reason: x}", vec![]),
        ("{id: CVE-2024-1, reason: x, expires: 2026-11-21}", vec!["a", "b"]),
        ("{id: CVE-2024-1, reason: x, expires: 2026-11-20}", vec![]),
    ] {
        let rules =
            Rules::parse(&format!("ignore:\n  - {rule}\n"), ".hullmarkignore").expect("parses");
        let (inventory, mut found) = findings();
        let ended = rules.apply(day(), &inventory, &mut found).len();
        let mut names: Vec<&str> = found
            .iter()
            .filter(|f| f.suppressed.as_ref().is_some_and(|s| s.by == SuppressedBy::Ignore))
            .map(|f| inventory.packages[f.package].name.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{rule}");
        assert_eq!(ended, usize::from(rule.contains("11-20")), "{rule}");
    }
}

#[test]
fn a_delta_changes_findings_without_images() {
    let old = database_of(&[
        record("PYSEC-1", "PyPI", "a", "CVE-2024-1", "2"),
        record("PYSEC-2", "PyPI", "b", "CVE-2024-2", "2"),
        record("PYSEC-3", "PyPI", "same", "CVE-2024-3", "2"),
        record("DSA-1", "Debian:12", "openssl", "CVE-2024-4", "2"),
    ]);
    let new = database_of(&[
        record("PYSEC-1", "PyPI", "a", "CVE-2024-1", "3"),
        record("PYSEC-3", "PyPI", "same", "CVE-2024-3", "2"),
        record("DSA-1", "Debian:12", "openssl", "CVE-2024-4", "4"),
    ]);
    let changed = changes(&old, &new).expect("compares");
    let name = |ecosystem: &str, name: &str| (ecosystem.to_owned(), name.to_owned());
    assert_eq!(
        changed,
        BTreeSet::from([name("Debian", "openssl"), name("PyPI", "a"), name("PyPI", "b")])
    );

    let deb = || with_source(package(PackageKind::Deb, "libssl3", "3"), "openssl", None);
    let python = |name: &str, version: &str| package(PackageKind::Python, name, version);
    let mut index = Index::default();
    index.add(
        7,
        &inventory(Some(os("debian", "12")), vec![python("A", "1"), python("b", "1"), deb()]),
    );
    index.add(8, &inventory(Some(os("debian", "11")), vec![python("a", "2.5"), deb()]));
    index.add(9, &inventory(None, vec![python("same", "1"), python("b", "9")]));
    assert_eq!(index.postings("PyPI", "A").len(), 2);
    let events = index.rejudge(&old, &new, &changed, &Options::default()).expect("judges");
    let shown: Vec<String> = events
        .iter()
        .map(|event| {
            let (word, finding) = match &event.change {
                Change::New(finding) => ("new", finding),
                Change::Gone(finding) => ("gone", finding),
                Change::Changed(finding) => ("changed", finding),
            };
            format!("{}/{} {word} {}", event.posting.inventory, event.posting.package, finding.id)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "7/0 changed CVE-2024-1",
            "7/1 gone CVE-2024-2",
            "7/2 new CVE-2024-4",
            "8/0 new CVE-2024-1"
        ]
    );
    assert_eq!(changes(&new, &new).expect("compares"), BTreeSet::new());
}
