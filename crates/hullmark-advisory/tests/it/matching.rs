//! Matching, case by case; each accepted case with a twin that must not match.

use hullmark_advisory::finding::{Fix, NameUsed, SuppressedBy};
use hullmark_advisory::matching::{Matched, Options, Query, UbuntuPro, explain, find};
use hullmark_advisory::{Database, Finding, Severity, Status};
use hullmark_inventory::{GapReason, Inventory, OsRelease, Owner, Package, PackageKind};
use serde_json::{Value, json};

use crate::support::{database_of, import, inventory, os, package, with_source};

fn matched(db: &Database, os: Option<OsRelease>, packages: Vec<Package>) -> Matched {
    find(db, &inventory(os, packages), &Options::default()).expect("matches")
}

/// `id status fix`, of every finding.
fn shown(findings: &[Finding]) -> Vec<String> {
    let fix = |finding: &Finding| match &finding.fix {
        Fix::Available(version) => version.clone(),
        Fix::None => "-".into(),
        Fix::Declined(why) | Fix::Deferred(why) => why.clone(),
    };
    findings
        .iter()
        .map(|f| format!("{} {} {}", f.id, format!("{:?}", f.status).to_lowercase(), fix(f)))
        .collect()
}

fn record(id: &str, ecosystem: &str, name: &str, events: Value) -> Value {
    json!({"id": id, "modified": "2024-01-01T00:00:00Z", "published": "2024-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": ecosystem, "name": name},
            "ranges": [{"type": "ECOSYSTEM", "events": events}]}]})
}

fn fixed(version: &str) -> Value {
    json!([{"introduced": "0"}, {"fixed": version}])
}

#[test]
fn debian_matches_source_name_and_version() {
    let mut dsa = record("DSA-1-1", "Debian:12", "openssl", fixed("3.0.11-1~deb12u2"));
    dsa["upstream"] = json!(["CVE-2023-1", "CVE-2023-2"]);
    let db = database_of(&[dsa, record("DLA-9-1", "Debian:10", "openssl", fixed("9"))]);
    let libssl =
        |version: &str| with_source(package(PackageKind::Deb, "libssl3", version), "openssl", None);
    let found = matched(&db, Some(os("debian", "12")), vec![libssl("3.0.11-1~deb12u1")]);
    assert_eq!(
        shown(&found.findings),
        ["CVE-2023-1 open 3.0.11-1~deb12u2", "CVE-2023-2 open 3.0.11-1~deb12u2"]
    );
    let basis = &found.findings[0].basis[0];
    assert_eq!((basis.by, basis.name.as_str()), (NameUsed::Source, "openssl"));
    assert_eq!((basis.range.as_str(), basis.scheme.as_str()), (">= 0, < 3.0.11-1~deb12u2", "dpkg"));
    assert_eq!(found.used.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["Debian:12"]);

    let fixed_one = matched(&db, Some(os("debian", "12")), vec![libssl("3.0.11-1~deb12u2")]);
    assert_eq!(fixed_one.findings, []);
    // The package of that name, built from another source.
    let other = with_source(package(PackageKind::Deb, "openssl", "1"), "openssl-fork", None);
    assert_eq!(matched(&db, Some(os("debian", "12")), vec![other]).findings, []);
    // The source's own version counts, not the package's.
    let rebuilt = with_source(package(PackageKind::Deb, "libssl3", "1"), "openssl", Some("3.0.12"));
    assert_eq!(matched(&db, Some(os("debian", "12")), vec![rebuilt]).findings, []);
}

#[test]
fn what_cannot_be_judged_is_a_gap() {
    let db = database_of(&[record("DSA-1-1", "Debian:12", "a", fixed("2"))]);
    let packages =
        || vec![package(PackageKind::Deb, "a", "1"), package(PackageKind::Npm, "b", "1")];
    let reasons = |found: &Matched| found.gaps.iter().map(|g| g.reason).collect::<Vec<_>>();
    for (os_release, findings, reason) in [
        (Some(os("debian", "12")), 1, GapReason::NoAdvisories),
        (None, 0, GapReason::UnknownOs),
        (Some(os("gentoo", "")), 0, GapReason::UnknownOs),
        (Some(os("debian", "13")), 0, GapReason::NoAdvisories),
        (Some(os("alpine", "3.20")), 0, GapReason::NoAdvisories),
    ] {
        let found = matched(&db, os_release.clone(), packages());
        assert_eq!(found.findings.len(), findings, "{os_release:?}");
        assert!(reasons(&found).contains(&reason), "{os_release:?} {:?}", found.gaps);
        let npm = found.gaps.iter().any(|gap| gap.detail.contains("`npm`"));
        assert!(npm, "{:?}", found.gaps);
    }
}

#[test]
fn third_party_packages_are_not_the_distributions() {
    let db = database_of(&[
        record("DSA-1-1", "Debian:12", "docker-ce", fixed("9")),
        record("ALSA-1", "AlmaLinux:8", "epel-thing", fixed("0:9-1")),
    ]);
    for (id, version, kind, name, vendor, expected) in [
        ("debian", "12", PackageKind::Deb, "docker-ce", "Docker <support@docker.com>", 0),
        ("debian", "12", PackageKind::Deb, "docker-ce", "Debian Go <team@example.org>", 1),
        ("almalinux", "8", PackageKind::Rpm, "epel-thing", "Fedora Project", 0),
        ("almalinux", "8", PackageKind::Rpm, "epel-thing", "AlmaLinux", 1),
        ("almalinux", "8", PackageKind::Rpm, "epel-thing", "", 1),
    ] {
        let mut subject = package(kind, name, "1-1");
        subject.vendor = Some(vendor.into());
        let found = matched(&db, Some(os(id, version)), vec![subject]);
        assert_eq!(found.findings.len(), expected, "{name} by {vendor}");
        assert_eq!(found.gaps.is_empty(), expected == 1, "{name} by {vendor}");
    }
}

#[test]
fn versions_that_do_not_parse_are_undetermined() {
    let db = database_of(&[
        record("PYSEC-1", "PyPI", "a", fixed("2.0")),
        record("PYSEC-2", "PyPI", "b", fixed("not a version!")),
    ]);
    for (name, version, expected) in [
        ("a", "1.0", Some(Status::Open)),
        ("a", "", Some(Status::Undetermined)),
        ("a", "one!", Some(Status::Undetermined)),
        ("a", "2.0", None),
        ("b", "1.0", Some(Status::Undetermined)),
        ("c", "", None),
    ] {
        let found = matched(&db, None, vec![package(PackageKind::Python, name, version)]);
        assert_eq!(found.findings.first().map(|f| f.status), expected, "{name} {version}");
        if expected == Some(Status::Undetermined) {
            assert!(found.findings[0].basis[0].note.is_some(), "{name} {version} says why");
        }
    }
}

#[test]
fn ranges_are_evaluated_as_the_schema_says() {
    let events = |list: Value| record("PYSEC-1", "PyPI", "a", list);
    for (list, affected, free) in [
        (
            json!([{"introduced": "1"}, {"last_affected": "2"}]),
            vec!["1", "1.5", "2"],
            vec!["0.9", "2.0.1"],
        ),
        (
            json!([{"fixed": "4"}, {"introduced": "3"}, {"introduced": "0"}, {"fixed": "2"}]),
            vec!["0", "1", "3", "3.9"],
            vec!["2", "2.5", "4"],
        ),
        (json!([{"introduced": "0"}, {"limit": "2"}]), vec!["1"], vec!["2", "3"]),
        (json!([{"introduced": "2"}, {"fixed": "2"}]), vec![], vec!["1", "2", "3"]),
        (
            json!([{"introduced": "1"}, {"fixed": "2"}, {"introduced": "2"}, {"fixed": "3"}]),
            vec!["1", "2"],
            vec!["3"],
        ),
        (json!([{"introduced": "0"}]), vec!["0", "99"], vec![]),
    ] {
        let db = database_of(&[events(list.clone())]);
        let hit = |version: &str| {
            !matched(&db, None, vec![package(PackageKind::Python, "A", version)])
                .findings
                .is_empty()
        };
        for version in affected {
            assert!(hit(version), "{version} in {list}");
        }
        for version in free {
            assert!(!hit(version), "{version} not in {list}");
        }
    }
}

#[test]
fn listed_versions_count_beside_ranges() {
    let mut listed = record("PYSEC-1", "PyPI", "a", fixed("1.0"));
    listed["affected"][0]["versions"] = json!(["0.5", "2.0", "3.0.0", "odd one"]);
    let db = database_of(&[listed]);
    for (version, expected) in [
        ("0.5", true),
        ("2.0", true),
        ("3.0", true),
        ("odd one", true),
        ("1.0", false),
        ("2.0.1", false),
    ] {
        let found = matched(&db, None, vec![package(PackageKind::Python, "a", version)]);
        let open = found.findings.iter().any(|f| f.status == Status::Open);
        assert_eq!(open, expected, "{version}");
    }
}

#[test]
fn aliases_merge_and_upstream_expands() {
    let mut ghsa = record("GHSA-1", "PyPI", "a", fixed("2"));
    ghsa["aliases"] = json!(["CVE-2024-1", "PYSEC-1"]);
    ghsa["severity"] =
        json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]);
    let mut pysec = record("PYSEC-1", "PyPI", "a", fixed("2.1"));
    pysec["aliases"] = json!(["CVE-2024-1"]);
    pysec["summary"] = json!("the ecosystem's own words");
    let mut related = record("PYSEC-2", "PyPI", "a", fixed("3"));
    related["related"] = json!(["CVE-2024-1"]);
    let db = database_of(&[ghsa, pysec, related]);
    let found = matched(&db, None, vec![package(PackageKind::Python, "a", "1")]).findings;
    assert_eq!(shown(&found), ["CVE-2024-1 open 2.1", "PYSEC-2 open 3"]);
    assert_eq!(found[0].aliases, ["GHSA-1", "PYSEC-1"]);
    assert_eq!(found[0].summary, "the ecosystem's own words");
    assert_eq!(found[0].severity, Severity::Critical);
    assert_eq!(found[0].cvss.as_ref().map(|c| c.score), Some(9.8));
    assert_eq!(found[0].basis.len(), 2);
}

#[test]
fn withdrawn_and_later_records_do_not_count_and_are_explained() {
    let mut withdrawn = record("PYSEC-1", "PyPI", "a", fixed("2"));
    withdrawn["withdrawn"] = json!("2024-03-01T00:00:00Z");
    let mut later = record("PYSEC-2", "PyPI", "a", fixed("2"));
    later["published"] = json!("2024-06-01T00:00:00Z");
    let db = database_of(&[withdrawn, later]);
    let inventory = inventory(None, vec![package(PackageKind::Python, "a", "1")]);
    let at = |day: &str| {
        let options = Options { at: Some(day.parse().expect("a date")), ..Options::default() };
        shown(&find(&db, &inventory, &options).expect("matches").findings)
    };
    assert_eq!(
        shown(&find(&db, &inventory, &Options::default()).expect("matches").findings),
        ["PYSEC-2 open 2"]
    );
    assert_eq!(
        at("2024-02-01T00:00:00Z"),
        ["PYSEC-1 open 2"],
        "not yet withdrawn, the other not yet there"
    );
    assert_eq!(at("2024-04-01T00:00:00Z"), [""; 0]);
    let explained =
        explain(&db, &inventory, Query::Id("PYSEC-1"), &Options::default()).expect("explains");
    assert_eq!(explained[0].status, Status::NotAffected);
    assert!(explained[0].basis[0].note.as_deref().is_some_and(|n| n.contains("withdrawn")));
}

#[test]
fn non_findings_are_explained() {
    let db = database_of(&[record("PYSEC-1", "PyPI", "a", fixed("2"))]);
    let fixed_one = inventory(None, vec![package(PackageKind::Python, "A", "2.1")]);
    assert_eq!(find(&db, &fixed_one, &Options::default()).expect("matches").findings, []);
    for query in [Query::Id("PYSEC-1"), Query::Package("A")] {
        let explained = explain(&db, &fixed_one, query, &Options::default()).expect("explains");
        assert_eq!(explained[0].status, Status::Fixed);
        assert_eq!(explained[0].basis[0].range, ">= 0, < 2");
    }
    let nothing = explain(&db, &fixed_one, Query::Id("PYSEC-9"), &Options::default());
    assert_eq!(nothing.expect("explains"), []);
}

#[test]
fn modules_match_both_ways() {
    let modular = |stream: Option<&str>| {
        let mut record =
            record("ALSA-1", "AlmaLinux:8", "nodejs", fixed("1:12.22.5-1.module_el8.4.0+1"));
        record["summary"] = json!("Important: nodejs:12 security update");
        if let Some(stream) = stream {
            record["affected"][0]["ecosystem_specific"] = json!({"rpm_modularity": stream});
        }
        record["related"] = json!(["CVE-2021-1"]);
        record
    };
    let installed = |module: Option<&str>, version: &str| {
        let mut package = package(PackageKind::Rpm, "nodejs", version);
        package.module = module.map(Into::into);
        vec![package]
    };
    let old = "1:12.16.1-1.module_el8.3.0+1";
    for stream in [None, Some("nodejs:12")] {
        let db = database_of(&[modular(stream)]);
        for (module, version, expected) in [
            (Some("nodejs:12:8010020190612143614:x"), old, 1),
            (Some("nodejs:10:8010020190612143614:x"), old, 0),
            (None, "1:12.16.1-1.el8", 0),
            (None, old, 1),
            (Some("nodejs:12:801:x"), "1:12.22.5-1.module_el8.4.0+1", 0),
        ] {
            let found = matched(&db, Some(os("almalinux", "8.5")), installed(module, version));
            assert_eq!(found.findings.len(), expected, "{stream:?} {module:?} {version}");
        }
    }
    let plain = database_of(&[record("ALSA-2", "AlmaLinux:8", "nodejs", fixed("1:99-1.el8"))]);
    let of =
        |module| matched(&plain, Some(os("almalinux", "8")), installed(module, old)).findings.len();
    assert_eq!((of(Some("nodejs:12:1:x")), of(None)), (0, 1));
}

#[test]
fn a_build_that_carries_the_fix_of_its_own_minor_release_is_fixed() {
    let mut builds = record("ALSA-1", "AlmaLinux:8", "a", fixed("1-1.module_el8.5.0+2"));
    let second = record("ALSA-1", "AlmaLinux:8", "a", fixed("1-1.module_el8.3.0+1"));
    let entry = second["affected"][0].clone();
    builds["affected"].as_array_mut().expect("a list").push(entry);
    builds["summary"] = json!("Low: a:1 update");
    let db = database_of(&[builds]);
    for (version, expected) in [("1-1.module_el8.3.0+1", 0), ("1-0.module_el8.3.0+0", 1)] {
        let mut subject = package(PackageKind::Rpm, "a", version);
        subject.module = Some("a:1:8:x".into());
        let found = matched(&db, Some(os("almalinux", "8")), vec![subject]);
        assert_eq!(found.findings.len(), expected, "{version}");
    }
}

#[test]
fn rocky_matches_sources_whatever_their_epoch() {
    let db = database_of(&[record("RLSA-1", "Rocky Linux:8", "perl", fixed("4:5.26.3-420.el8"))]);
    for (version, source, expected) in [
        // Built with the source's version: the package's epoch is the source's.
        ("4:5.26.3-419.el8", None, 1),
        ("4:5.26.3-420.el8", None, 0),
        ("4:5.26.3-419.el8", Some("5.26.3-419.el8"), 1),
        // A version of its own: the source's epoch is unknown and does not decide.
        ("1.28-419.el8", Some("5.26.3-419.el8"), 1),
        ("1.28-420.el8", Some("5.26.3-420.el8"), 0),
    ] {
        let subject = with_source(package(PackageKind::Rpm, "perl-Errno", version), "perl", source);
        let found = matched(&db, Some(os("rocky", "8.6")), vec![subject]);
        assert_eq!(found.findings.len(), expected, "{version} {source:?}");
    }
}

#[test]
fn ubuntu_streams() {
    let plain = record("UBUNTU-CVE-2024-1", "Ubuntu:18.04:LTS", "a", fixed("1-2"));
    let pro = record("UBUNTU-CVE-2024-2", "Ubuntu:Pro:18.04:LTS", "a", fixed("1-1+esm2"));
    let mut both = record("UBUNTU-CVE-2024-3", "Ubuntu:18.04:LTS", "a", fixed("1-1"));
    let pro_part =
        record("X", "Ubuntu:Pro:18.04:LTS", "a", fixed("1-1+esm9"))["affected"][0].clone();
    both["affected"].as_array_mut().expect("a list").push(pro_part);
    let fips = record("UBUNTU-CVE-2024-4", "Ubuntu:Pro:FIPS:18.04:LTS", "a", fixed("1-1+fips9"));
    let db = database_of(&[plain, pro, both, fips]);
    let found = |version: &str, ubuntu_pro| {
        let inventory =
            inventory(Some(os("ubuntu", "18.04")), vec![package(PackageKind::Deb, "a", version)]);
        let options = Options { ubuntu_pro, ..Options::default() };
        shown(&find(&db, &inventory, &options).expect("matches").findings)
    };
    // Without a subscription: open, and nothing to upgrade to.
    assert_eq!(found("1-1", UbuntuPro::Detached), ["CVE-2024-1 open 1-2", "CVE-2024-2 open -"]);
    assert_eq!(
        found("1-1+esm1", UbuntuPro::Detached),
        ["CVE-2024-2 open 1-1+esm2", "CVE-2024-3 open 1-1+esm9"]
    );
    assert_eq!(found("1-1+esm9", UbuntuPro::Detached), [""; 0]);
    assert_eq!(found("1-1+fips1", UbuntuPro::Detached), ["CVE-2024-4 open 1-1+fips9"]);
    assert_eq!(found("1-1+esm9", UbuntuPro::Attached), [""; 0]);
    assert!(found("1-1", UbuntuPro::Attached).contains(&"CVE-2024-2 open 1-1+esm2".to_owned()));
}

#[test]
fn red_hat_streams_decide_for_packages_built_for_them() {
    let mut rhsa = record("RHSA-1", "Red Hat:enterprise_linux:8::baseos", "a", fixed("0:1-9.el8"));
    let eus = record("X", "Red Hat:rhel_eus:8.6::baseos", "a", fixed("0:1-2.el8_6"));
    let entry = eus["affected"][0].clone();
    rhsa["affected"].as_array_mut().expect("a list").push(entry);
    rhsa["upstream"] = json!(["CVE-2024-1"]);
    let other = record("RHSA-2", "Red Hat:openshift:4.12::el8", "a", fixed("0:99-1.el8"));
    let db = database_of(&[rhsa, other]);
    for (version, expected) in
        [("1-1.el8", 1), ("1-9.el8", 0), ("1-2.el8_6", 0), ("1-1.el8_6", 1), ("1-2.el8_4", 1)]
    {
        let found =
            matched(&db, Some(os("rhel", "8.9")), vec![package(PackageKind::Rpm, "a", version)]);
        assert_eq!(found.findings.len(), expected, "{version}");
    }
}

#[test]
fn go_versions_and_the_standard_library() {
    let db = database_of(&[
        record("GO-1", "Go", "stdlib", fixed("1.20.5")),
        record("GO-2", "Go", "example.org/m", fixed("0.0.0-20220101000000-abcdefabcdef")),
        record(
            "GO-3",
            "Go",
            "example.org/n",
            json!([{"introduced": "1.0.0"}, {"fixed": "2.0.0+incompatible"}]),
        ),
    ]);
    for (name, version, expected) in [
        ("stdlib", "go1.20.4", 1),
        ("stdlib", "1.20.5", 0),
        ("example.org/m", "v0.0.0-20211231000000-abcdefabcdef", 1),
        ("example.org/m", "v0.0.0-20220101000000-abcdefabcdef", 0),
        ("example.org/n", "v1.9.0+incompatible", 1),
        ("example.org/n", "v2.0.0+incompatible", 0),
        ("example.org/N", "v1.9.0", 0),
    ] {
        let found = matched(&db, None, vec![package(PackageKind::Go, name, version)]);
        assert_eq!(found.findings.len(), expected, "{name} {version}");
    }
    let toolchain = matched(&db, None, vec![package(PackageKind::Binary, "go", "1.20.4")]);
    assert_eq!(toolchain.findings.len(), 1);
    let devel = matched(&db, None, vec![package(PackageKind::Go, "example.org/m", "(devel)")]);
    assert_eq!(devel.findings[0].status, Status::Undetermined);
}

#[test]
fn maven_artifacts_and_their_qualifiers() {
    let range = json!([{"introduced": "2.0-beta9"}, {"fixed": "2.3.1"}, {"introduced": "2.4"}, {"fixed": "2.15.0"}]);
    let db = database_of(&[
        record("GHSA-1", "Maven", "org.apache.logging.log4j:log4j-core", range),
        record("GHSA-2", "Maven", "org.springframework:spring-core", fixed("5.3.18.RELEASE")),
    ]);
    for (name, version, expected) in [
        ("org.apache.logging.log4j:log4j-core", "2.0-beta9", 1),
        ("org.apache.logging.log4j:log4j-core", "2.0-beta8", 0),
        ("org.apache.logging.log4j:log4j-core", "2.3.1", 0),
        ("org.apache.logging.log4j:log4j-core", "2.14.1", 1),
        ("org.apache.logging.log4j:log4j-core", "2.15.0-rc1", 1),
        ("org.apache.logging.log4j:log4j-core", "2.15.0", 0),
        ("log4j-core", "2.14.1", 0),
        ("org.springframework:spring-core", "5.3.17.RELEASE", 1),
        ("org.springframework:spring-core", "5.3.18", 0),
    ] {
        let found = matched(&db, None, vec![package(PackageKind::Maven, name, version)]);
        assert_eq!(found.findings.len(), expected, "{name} {version}");
    }
}

#[test]
fn suse_modules_judge_by_source() {
    let module = "SUSE:Linux Enterprise Module for Basesystem 15 SP5";
    let mut update =
        record("SUSE-SU-2023:1-1", module, "openssl-1_1", fixed("1.1.1l-150500.17.3.1"));
    update["related"] = json!(["CVE-2023-1", "CVE-2023-2"]);
    let other = record(
        "SUSE-SU-2023:2-1",
        "SUSE:Linux Enterprise Module for Basesystem 15 SP6",
        "openssl-1_1",
        fixed("9-1"),
    );
    let leap = record("openSUSE-SU-2023:3-1", "openSUSE:Leap 15.5", "openssl-1_1", fixed("9-1"));
    let db = database_of(&[update, other, leap]);
    let system = OsRelease {
        pretty_name: Some("SUSE Linux Enterprise Server 15 SP5".into()),
        ..os("sles", "15.5")
    };
    for (version, vendor, expected) in [
        (
            "1.1.1l-150500.15.4",
            "SUSE LLC <https://www.suse.com/>",
            &["CVE-2023-1", "CVE-2023-2"][..],
        ),
        ("1.1.1l-150500.17.3.1", "SUSE LLC <https://www.suse.com/>", &[]),
        ("1.1.1l-150500.15.4", "Somebody Else", &[]),
    ] {
        let mut subject =
            with_source(package(PackageKind::Rpm, "libopenssl1_1", version), "openssl-1_1", None);
        subject.vendor = Some(vendor.into());
        let found = matched(&db, Some(system.clone()), vec![subject]).findings;
        let ids: Vec<&str> = found.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids, expected, "{version} by {vendor}");
    }
}

#[test]
fn malware_is_critical() {
    let db = database_of(&[
        json!({"id": "MAL-2024-1", "modified": "2024-01-01T00:00:00Z", "affected": [
        {"package": {"ecosystem": "PyPI", "name": "123bla"}, "versions": ["0.0.1"]}]}),
    ]);
    let of = |version: &str| {
        matched(&db, None, vec![package(PackageKind::Python, "123bla", version)]).findings
    };
    assert_eq!((of("0.0.1")[0].malware, of("0.0.1")[0].severity), (true, Severity::Critical));
    assert_eq!(of("0.0.2"), []);
}

#[test]
fn a_distributions_word_covers_what_it_packages() {
    let mut covered = record("PYSEC-1", "PyPI", "setuptools", fixed("70"));
    covered["aliases"] = json!(["CVE-2024-1"]);
    let mut unknown = record("PYSEC-2", "PyPI", "setuptools", fixed("71"));
    unknown["aliases"] = json!(["CVE-2024-2"]);
    let mut dsa = record("DSA-1-1", "Debian:12", "python-setuptools", fixed("66.1.1-1+deb12u1"));
    dsa["upstream"] = json!(["CVE-2024-1"]);
    let mut elsewhere = record("DSA-2-1", "Debian:12", "another", fixed("1"));
    elsewhere["upstream"] = json!(["CVE-2024-2"]);
    let db = database_of(&[covered, unknown, dsa, elsewhere]);

    let deb = with_source(
        package(PackageKind::Deb, "python3-setuptools", "66.1.1-1+deb12u1"),
        "python-setuptools",
        None,
    );
    let mut python = package(PackageKind::Python, "setuptools", "66.1.1");
    python.owned_by = Some(Owner {
        kind: PackageKind::Deb,
        name: "python3-setuptools".into(),
        version: "66.1.1-1+deb12u1".into(),
    });
    let suppressed = |packages: Vec<Package>| -> Vec<(String, bool)> {
        let found = matched(&db, Some(os("debian", "12")), packages).findings;
        found
            .into_iter()
            .map(|f| (f.id, f.suppressed.is_some_and(|s| s.by == SuppressedBy::Owner)))
            .collect()
    };
    let both = |a, b| [("CVE-2024-1".to_owned(), a), ("CVE-2024-2".to_owned(), b)];
    assert_eq!(suppressed(vec![deb.clone(), python.clone()]), both(true, false));
    // Somebody else's deb: the distribution says nothing about it.
    let mut stranger = deb;
    stranger.vendor = Some("X <x@docker.com>".into());
    assert_eq!(suppressed(vec![stranger, python.clone()]), both(false, false));
    // Not owned at all.
    python.owned_by = None;
    assert_eq!(suppressed(vec![python]), both(false, false));
}

#[test]
fn states_become_fixes() {
    let tracker = json!({"a": {
        "CVE-2024-1": {"releases": {"bookworm": {"status": "open", "urgency": "unimportant"}}},
        "CVE-2024-2": {"releases": {"bookworm": {"status": "open", "urgency": "low", "nodsa": "Minor", "nodsa_reason": "postponed"}}},
        "CVE-2024-3": {"releases": {"bookworm": {"status": "resolved", "fixed_version": "0", "urgency": "high"}}},
        "CVE-2024-4": {"releases": {"bookworm": {"status": "undetermined", "urgency": "high"}}},
        "CVE-2024-5": {"releases": {"bookworm": {"status": "open", "urgency": "end-of-life"}}}}});
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tracker.json");
    std::fs::write(&file, tracker.to_string()).expect("writes");
    let (dir, report) = import(&[file]);
    assert_eq!(report.problems, []);
    let db = Database::open(dir.path()).expect("opens");
    let subject = || inventory(Some(os("debian", "12")), vec![package(PackageKind::Deb, "a", "1")]);
    let mut found = find(&db, &subject(), &Options::default()).expect("matches").findings;
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(
        shown(&found),
        [
            "CVE-2024-1 open -",
            "CVE-2024-2 open postponed",
            "CVE-2024-4 undetermined under-investigation",
            "CVE-2024-5 open end-of-life"
        ]
    );
    assert_eq!(found[0].severity, Severity::Negligible);
    let denied = explain(&db, &subject(), Query::Id("CVE-2024-3"), &Options::default());
    assert_eq!(denied.expect("explains")[0].status, Status::NotAffected);
}

/// Real records that scanners' test suites carry, each against a version inside and one outside of its range.
#[test]
fn samples_match_what_they_say() {
    let Some(samples) = hullmark_testkit::shared_data("feeds/samples") else { return };
    let (dir, _) = import(&[samples]);
    let db = Database::open(dir.path()).expect("opens");
    let sources = |kind, name: &str, version: &str| package(kind, name, version);
    for (os_release, package, id, expected) in [
        (
            Some(os("ubuntu", "18.04")),
            sources(PackageKind::Deb, "wayland", "1.16.0-1ubuntu1.1~18.04.3"),
            "CVE-2021-3782",
            true,
        ),
        (
            Some(os("ubuntu", "18.04")),
            sources(PackageKind::Deb, "wayland", "1.16.0-1ubuntu1.1~18.04.4"),
            "CVE-2021-3782",
            false,
        ),
        (
            Some(os("rocky", "8.7")),
            sources(PackageKind::Rpm, "firefox", "102.10.0-1.el8_7"),
            "CVE-2023-32205",
            true,
        ),
        (
            Some(os("rocky", "8.7")),
            sources(PackageKind::Rpm, "firefox", "102.11.0-2.el8_7"),
            "CVE-2023-32205",
            false,
        ),
        (
            Some(os("rocky", "9.2")),
            sources(PackageKind::Rpm, "firefox", "102.10.0-1.el8_7"),
            "CVE-2023-32205",
            false,
        ),
        (
            Some(os("rhel", "8.6")),
            sources(PackageKind::Rpm, "git-lfs", "2.13.3-3.el8_6"),
            "CVE-2023-45288",
            true,
        ),
        (
            Some(os("rhel", "8.6")),
            sources(PackageKind::Rpm, "git-lfs", "2.13.3-3.el8_6.1"),
            "CVE-2023-45288",
            false,
        ),
        (
            Some(os("debian", "11")),
            sources(PackageKind::Deb, "chromium", "120"),
            "CVE-2024-3847",
            true,
        ),
        (
            Some(os("debian", "12")),
            sources(PackageKind::Deb, "chromium", "120"),
            "CVE-2024-3847",
            false,
        ),
        (
            Some(os("alpine", "3.4.6")),
            sources(PackageKind::Apk, "openssl", "1.0.2p-r0"),
            "CVE-2018-5407",
            true,
        ),
        (
            Some(os("alpine", "3.4.6")),
            sources(PackageKind::Apk, "openssl", "1.0.2q-r0"),
            "CVE-2018-5407",
            false,
        ),
        (None, sources(PackageKind::Bitnami, "node", "12.18.3"), "CVE-2020-8201", true),
        (None, sources(PackageKind::Bitnami, "node", "12.18.4"), "CVE-2020-8201", false),
        (None, sources(PackageKind::Binary, "node", "14.10.0"), "CVE-2020-8201", true),
        (None, sources(PackageKind::Python, "123bla", "0.0.1"), "MAL-2024-10238", true),
    ] {
        let found = matched(&db, os_release.clone(), vec![package.clone()]);
        let hit = found.findings.iter().any(|f| f.id == id && f.status == Status::Open);
        assert_eq!(
            hit,
            expected,
            "{os_release:?} {} {} {id}: {:?}",
            package.name,
            package.version,
            shown(&found.findings)
        );
    }
}

#[test]
fn the_modular_list_of_centos_8_matches_streams_only() {
    let Some(dir) = crate::support::all_feeds() else { return };
    let Some(path) = hullmark_testkit::shared_data("packages/lists/CentOS8Modularitylabel.json")
    else {
        return;
    };
    let db = Database::open(dir).expect("opens");
    let list = crate::support::read_json(&path);
    let packages: Vec<Package> = list["packages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| {
            let text = |field: &str| p[field].as_str().unwrap_or_default();
            let epoch = p["epoch"].as_u64().map(|e| format!("{e}:")).unwrap_or_default();
            let version = format!("{epoch}{}-{}", text("version"), text("release"));
            let mut package = package(PackageKind::Rpm, text("name"), &version);
            package.module =
                Some(text("modularity_label").into()).filter(|l: &String| !l.is_empty());
            package
        })
        .collect();
    let modular = packages.iter().filter(|p| p.module.is_some()).count();
    // The packages are CentOS's; AlmaLinux rebuilds the same sources, so its feed serves as stand-in here.
    let inventory: Inventory = inventory(Some(os("almalinux", "8")), packages);
    let found = find(&db, &inventory, &Options::default()).expect("matches");
    assert!(modular > 0 && !found.findings.is_empty());
    for finding in &found.findings {
        let package = &inventory.packages[finding.package];
        let label = package.module.as_deref();
        for basis in finding.basis.iter().filter(|b| b.outcome == Status::Open) {
            let from_module = basis.range.contains(".module_el");
            assert_eq!(from_module, label.is_some(), "{} {label:?} {basis:?}", package.name);
            if let Some(label) = label {
                let stream: String = label.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
                let record = &db.search(&basis.record).expect("searches")[0].1;
                // A few titles name the module without its stream; those can only be held against the module's packages.
                let title = record.summary.split(' ').nth(1).unwrap_or_default();
                assert!(!title.contains(':') || title == stream, "{stream} in {}", record.summary);
            }
        }
    }
}
