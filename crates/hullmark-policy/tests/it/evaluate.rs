//! Rules, each with evidence that passes and a twin that does not; exceptions, modes and alternatives.

use hullmark_advisory::finding::{Epss, Fix, Kev, SuppressedBy, Suppression};
use hullmark_advisory::{Finding, Severity, Status};
use hullmark_evidence::{Evidence, SubjectKind};
use hullmark_inventory::{Gap, GapReason, Package, PackageKind};
use hullmark_oci::{Digest, FilePath};
use hullmark_policy::{
    BUILT_IN, DEFAULT_POLICY, Decision, Outcome, Policies, ReasonCode, Stage, evaluate,
};

use crate::support::*;

type Change = fn(&mut Evidence);

/// Checks each rule on the clean image changed as said: an empty list of codes means that it is allowed.
#[track_caller]
fn table(cases: &[(&str, Change, &[ReasonCode])]) {
    for (rule, change, want) in cases {
        let mut evidence = evidence();
        change(&mut evidence);
        let verdict = judge(rule, &evidence);
        assert_eq!(codes(&verdict), *want, "{rule}: {:#?}", verdict.rules);
        let decision = if want.is_empty() { Decision::Allow } else { Decision::Deny };
        assert_eq!(verdict.decision, decision, "{rule}");
    }
}

fn add(evidence: &mut Evidence, severity: Severity, change: fn(&mut Finding)) {
    let mut finding = finding(&format!("CVE-2025-{}", evidence.findings.len() + 1), severity);
    change(&mut finding);
    evidence.findings.push(finding);
}

#[test]
fn the_default_policy_allows_a_clean_image_and_denies_what_it_says() {
    let policies = parse(DEFAULT_POLICY);
    let codes_of = |change: Change| {
        let mut evidence = evidence();
        change(&mut evidence);
        let verdict = evaluate(&policies, &evidence, Stage::Build, at(NOW));
        assert_eq!(verdict.decision == Decision::Deny, !codes(&verdict).is_empty());
        codes(&verdict)
    };
    assert_eq!(codes_of(|_| {}), []);
    assert_eq!(codes_of(|e| add(e, Severity::High, |_| {})), []);
    let critical = codes_of(|e| add(e, Severity::Critical, |_| {}));
    assert_eq!(critical, [ReasonCode::Vulnerability]);
    let malware = codes_of(|e| add(e, Severity::Critical, |f| f.malware = true));
    assert_eq!(malware, [ReasonCode::Malware]);
    let stale = codes_of(|e| e.advisories[1].updated = Some(at("2026-10-25T12:00:00Z")));
    assert_eq!(stale, [ReasonCode::AdvisoriesTooOld]);
    let without = codes_of(|e| e.advisories.clear());
    assert_eq!(without, [ReasonCode::UnknownAdvisories, ReasonCode::UnknownAdvisories]);
}

#[test]
fn what_no_policy_is_for_is_denied_by_the_built_in_catch_all() {
    let text =
        policy(&["pin: {digest: required}"]).replace("'**'", "registry.example.com/other/**");
    let verdict = evaluate(&parse(&text), &evidence(), Stage::Build, at(NOW));
    assert_denies(&verdict, &[ReasonCode::NoPolicyMatches]);
    assert_eq!(verdict.policies[0].policy, BUILT_IN);
    assert!(verdict.rules[0].reasons[0].fix.contains("registry.example.com/shop/pay"));
    // A policy that is off at this gate, and no policies at all, come to the same.
    let off = policy(&["gaps: deny"]).replace("  require:", "  stages: {build: off}\n  require:");
    let verdict = evaluate(&parse(&off), &evidence(), Stage::Build, at(NOW));
    assert_denies(&verdict, &[ReasonCode::NoPolicyMatches]);
    assert_allows(&evaluate(&parse(&off), &evidence(), Stage::Push, at(NOW)));
    let verdict = evaluate(&Policies::default(), &evidence(), Stage::Build, at(NOW));
    assert_denies(&verdict, &[ReasonCode::NoPolicyMatches]);
    // So does a policy of which nothing can be applied to this kind of target.
    let mut local = evidence();
    local.subject.reference = None;
    let pin = parse(&policy(&["pin: {digest: required}"]));
    let verdict = evaluate(&pin, &local, Stage::Build, at(NOW));
    assert_denies(&verdict, &[ReasonCode::NoPolicyMatches]);
    assert_eq!(verdict.policies.len(), 2);
}

#[test]
fn a_catch_all_of_ones_own_displaces_the_built_in_one_and_yields_to_others() {
    let own = policy(&["deny: nobody looks after this image"])
        .replace("images: ['**']", "unmatched: true")
        .replace("name: p", "name: catch-all")
        .replace("  require:", "  stages: {build: warn}\n  require:");
    let verdict = evaluate(&parse(&own), &evidence(), Stage::Build, at(NOW));
    assert_eq!(verdict.decision, Decision::Warn);
    assert!(verdict.policies[0].catch_all);
    let both = format!("{own}---\n{}", policy(&["gaps: deny"]));
    let verdict = evaluate(&parse(&both), &evidence(), Stage::Build, at(NOW));
    assert_allows(&verdict);
    assert_eq!(verdict.policies.len(), 1);
}

#[test]
fn registries_and_pins() {
    use ReasonCode::*;
    const ALLOW: &str = "registries: {allow: [registry.example.com, docker.io/library/*]}";
    const DENY: &str = "registries: {deny: ['**:latest', registry.example.com/old/**]}";
    const PIN: &str = "pin: {digest: required}";
    let named = |name: &str| {
        let mut evidence = evidence();
        evidence.subject.reference =
            Some(name.parse::<hullmark_oci::Reference>().unwrap().to_string());
        evidence
    };
    let digest = Digest::sha256(b"manifest");
    for (rule, name, want) in [
        (ALLOW, "registry.example.com/a/b", &[][..]),
        (ALLOW, "alpine", &[]),
        (ALLOW, "openfaas/gateway", &[RegistryNotAllowed]),
        (ALLOW, "registry.example.com.evil.example/a", &[RegistryNotAllowed]),
        (DENY, "alpine:3", &[]),
        (DENY, "alpine", &[RegistryDenied]),
        (DENY, &format!("alpine:latest@{digest}"), &[RegistryDenied]),
        (DENY, &format!("alpine@{digest}"), &[]),
        (DENY, "registry.example.com/old/a:1", &[RegistryDenied]),
        (PIN, "alpine:3", &[DigestMissing]),
        (PIN, &format!("alpine:3@{digest}"), &[]),
    ] {
        assert_eq!(codes(&judge(rule, &named(name))), want, "{rule} on {name}");
    }
    let fix = judge(PIN, &named("alpine:3")).rules[0].reasons[0].fix.clone();
    assert_eq!(fix, format!("write `docker.io/library/alpine:3@{digest}`"));
    // Without a reference, nothing is known of a registry; there is nothing to pin at the build gate, and something wrong elsewhere.
    let mut local = evidence();
    local.subject.reference = None;
    assert_eq!(codes(&judge(ALLOW, &local)), [UnknownReference]);
    local.subject.reference = Some("not a reference".into());
    assert_eq!(codes(&judge(DENY, &local)), [UnknownReference]);
    let verdict = evaluate(&parse(&policy(&[PIN])), &local, Stage::Admission, at(NOW));
    assert_eq!(codes(&verdict), [UnknownReference]);
}

#[test]
fn vulnerabilities() {
    use ReasonCode::*;
    use Severity::*;
    const HIGH: &str = "vulnerabilities: {deny: [{severity: high}]}";
    const FIXABLE: &str = "vulnerabilities: {deny: [{severity: high, fixable: true}]}";
    const GRACE: &str = "vulnerabilities: {deny: [{severity: high, grace: 7d}]}";
    const FIX_GRACE: &str =
        "vulnerabilities: {graceFrom: fixAvailable, deny: [{severity: high, grace: 7d}]}";
    const COUNT: &str = "vulnerabilities: {deny: [{severity: medium, count: '>1'}]}";
    const KEV: &str = "vulnerabilities: {deny: [{kev: true}]}";
    const EPSS: &str = "vulnerabilities: {deny: [{epss: '>=0.5'}]}";
    const NONE: &str = "vulnerabilities: {}";
    fn suppress(evidence: &mut Evidence, by: SuppressedBy) {
        for finding in &mut evidence.findings {
            let (source, reason) = ("x".to_owned(), "y".to_owned());
            finding.suppressed = Some(Suppression { by, source, reason, expires: None });
        }
    }
    let kev = || Kev { added: String::new(), due: String::new(), ransomware: false };
    assert_eq!(kev(), kev());
    table(&[
        (HIGH, |_| {}, &[]),
        (HIGH, |e| add(e, Medium, |_| {}), &[]),
        (HIGH, |e| add(e, High, |_| {}), &[Vulnerability]),
        (HIGH, |e| add(e, Critical, |_| {}), &[Vulnerability]),
        (HIGH, |e| add(e, High, |f| f.status = Status::Fixed), &[]),
        (HIGH, |e| add(e, High, |f| f.status = Status::NotAffected), &[]),
        (HIGH, |e| add(e, High, |f| f.status = Status::Undetermined), &[UnknownStatus]),
        (
            "vulnerabilities: {undetermined: ignore, deny: [{severity: high}]}",
            |e| add(e, High, |f| f.status = Status::Undetermined),
            &[],
        ),
        (HIGH, |e| add(e, Unknown, |_| {}), &[]),
        (
            "vulnerabilities: {deny: [{severity: unknown}]}",
            |e| add(e, Unknown, |_| {}),
            &[Vulnerability],
        ),
        ("vulnerabilities: {deny: [{severity: unknown}]}", |e| add(e, High, |_| {}), &[]),
        (HIGH, |e| add(e, High, |f| f.package = 99), &[Vulnerability]),
        (FIXABLE, |e| add(e, High, |_| {}), &[Vulnerability]),
        (FIXABLE, |e| add(e, High, |f| f.fix = Fix::None), &[]),
        (FIXABLE, |e| add(e, High, |f| f.fix = Fix::Declined("no-dsa".into())), &[]),
        // Grace: to the second; no date, no grace.
        (GRACE, |e| add(e, High, |f| f.published = Some(at("2026-10-25T12:00:01Z"))), &[]),
        (
            GRACE,
            |e| add(e, High, |f| f.published = Some(at("2026-10-25T12:00:00Z"))),
            &[Vulnerability],
        ),
        (GRACE, |e| add(e, High, |f| f.published = None), &[Vulnerability]),
        (GRACE, |e| add(e, High, |f| f.published = Some(jiff::Timestamp::MAX)), &[]),
        (FIX_GRACE, |e| add(e, High, |_| {}), &[Vulnerability]),
        (FIX_GRACE, |e| add(e, High, |f| f.fix_published = Some(at(NOW))), &[]),
        (
            FIX_GRACE,
            |e| {
                add(e, High, |f| {
                    f.fix_published = Some(at(NOW));
                    f.fix = Fix::None;
                });
            },
            &[Vulnerability],
        ),
        // Counts are of distinct vulnerabilities.
        (COUNT, |e| add(e, High, |_| {}), &[]),
        (
            COUNT,
            |e| {
                add(e, High, |_| {});
                add(e, Medium, |_| {});
            },
            &[Vulnerability, Vulnerability],
        ),
        (
            COUNT,
            |e| {
                add(e, High, |f| f.id = "CVE-1".into());
                add(e, High, |f| (f.id, f.package) = ("CVE-1".into(), 1));
            },
            &[],
        ),
        (KEV, |e| add(e, Critical, |_| {}), &[]),
        (
            KEV,
            |e| {
                add(e, Low, |f| {
                    let (added, due) = (String::new(), String::new());
                    f.kev = Some(Kev { added, due, ransomware: false });
                });
            },
            &[KnownExploited],
        ),
        (KEV, |e| e.advisories.retain(hullmark_evidence::AdvisorySource::is_advisories), &[]),
        (
            KEV,
            |e| {
                add(e, Low, |_| {});
                e.advisories.retain(hullmark_evidence::AdvisorySource::is_advisories);
            },
            &[UnknownKev],
        ),
        (EPSS, |e| add(e, Low, |f| f.epss = Some(Epss { score: 0.4, percentile: 0.9 })), &[]),
        (
            EPSS,
            |e| add(e, Low, |f| f.epss = Some(Epss { score: 0.5, percentile: 0.9 })),
            &[LikelyExploited],
        ),
        (EPSS, |e| add(e, Low, |_| {}), &[]),
        (
            EPSS,
            |e| {
                add(e, Low, |_| {});
                e.advisories.retain(hullmark_evidence::AdvisorySource::is_advisories);
            },
            &[UnknownEpss],
        ),
        (NONE, |e| add(e, Critical, |_| {}), &[]),
        (NONE, |e| add(e, Low, |f| f.malware = true), &[Malware]),
        // Suppressed findings do not count, malware does.
        (
            HIGH,
            |e| {
                add(e, High, |_| {});
                suppress(e, SuppressedBy::Vex);
            },
            &[],
        ),
        (
            "vulnerabilities: {vex: ignore, deny: [{severity: high}]}",
            |e| {
                add(e, High, |_| {});
                suppress(e, SuppressedBy::Vex);
            },
            &[Vulnerability],
        ),
        (
            "vulnerabilities: {ignoreFiles: ignore, deny: [{severity: high}]}",
            |e| {
                add(e, High, |_| {});
                suppress(e, SuppressedBy::Ignore);
            },
            &[Vulnerability],
        ),
        (
            HIGH,
            |e| {
                add(e, High, |_| {});
                suppress(e, SuppressedBy::Vex);
                let ended = e.findings[0].suppressed.as_mut().unwrap();
                ended.expires = Some(at(NOW));
            },
            &[Vulnerability],
        ),
        (
            NONE,
            |e| {
                add(e, Low, |f| f.malware = true);
                suppress(e, SuppressedBy::Vex);
            },
            &[Malware],
        ),
        // Where nothing was asked, nothing is known.
        (NONE, |e| e.advisories.clear(), &[UnknownAdvisories]),
        (
            NONE,
            |e| {
                e.advisories.clear();
                e.inventory.packages.clear();
            },
            &[],
        ),
        (NONE, |e| gap(e, "", GapReason::NoAdvisories), &[UnknownCoverage]),
        ("vulnerabilities: {uncovered: ignore}", |e| gap(e, "", GapReason::NoAdvisories), &[]),
        (NONE, |e| gap(e, "a", GapReason::Truncated), &[]),
    ]);
}

fn gap(evidence: &mut Evidence, path: &str, reason: GapReason) {
    let path = FilePath::from_raw(path.as_bytes());
    evidence.inventory.gaps.push(Gap { path, layer: None, reason, detail: "x".into() });
}

#[test]
fn gaps_and_ages() {
    use ReasonCode::*;
    const ALLOWED: &str =
        "gaps: {allow: [unsupported, {reason: truncated, path: 'opt/**'}, {path: 'srv/*.jar'}]}";
    table(&[
        ("gaps: deny", |_| {}, &[]),
        ("gaps: deny", |e| gap(e, "a", GapReason::Truncated), &[Gap]),
        (ALLOWED, |e| gap(e, "a", GapReason::Unsupported), &[]),
        (ALLOWED, |e| gap(e, "opt/a/b", GapReason::Truncated), &[]),
        (ALLOWED, |e| gap(e, "opt/a/b", GapReason::Malformed), &[Gap]),
        (ALLOWED, |e| gap(e, "usr/opt/a", GapReason::Truncated), &[Gap]),
        (ALLOWED, |e| gap(e, "srv/a.jar", GapReason::Malformed), &[]),
        (ALLOWED, |e| gap(e, "srv/a/a.jar", GapReason::Malformed), &[Gap]),
        ("scan: {maxAge: 2h}", |_| {}, &[]),
        ("scan: {maxAge: 1h}", |_| {}, &[ScanTooOld]),
        ("scan: {dbMaxAge: 2d}", |_| {}, &[]),
        ("scan: {dbMaxAge: 36h}", |_| {}, &[AdvisoriesTooOld; 4]),
        ("scan: {dbMaxAge: 7d}", |e| e.advisories[1].updated = None, &[UnknownAdvisoriesAge]),
        ("scan: {dbMaxAge: 7d}", |e| e.advisories.clear(), &[UnknownAdvisories]),
        ("age: {maxAge: 32d}", |_| {}, &[]),
        ("age: {maxAge: 31d}", |_| {}, &[ImageTooOld]),
        ("age: {maxAge: 30d}", |e| e.image.created = None, &[UnknownCreated]),
        ("age: {maxAge: 30d}", |e| e.image.created = Some(at("2026-11-01T12:10:00Z")), &[]),
        (
            "age: {maxAge: 30d}",
            |e| e.image.created = Some(at("2026-11-01T12:10:01Z")),
            &[CreatedInFuture],
        ),
    ]);
}

#[test]
fn users() {
    use ReasonCode::*;
    const RULE: &str = "user: nonroot";
    const NAMED: &str = "user: {nonroot: [node]}";
    for (user, want, named) in [
        ("1000", &[][..], &[][..]),
        ("1000:0", &[], &[]),
        ("", &[UserIsRoot], &[UserIsRoot]),
        (":1000", &[UserIsRoot], &[UserIsRoot]),
        ("0", &[UserIsRoot], &[UserIsRoot]),
        ("00", &[UserIsRoot], &[UserIsRoot]),
        ("+0", &[UserIsRoot], &[UserIsRoot]),
        ("-0", &[UserIsRoot], &[UserIsRoot]),
        ("0:1000", &[UserIsRoot], &[UserIsRoot]),
        ("root", &[UserIsRoot], &[UserIsRoot]),
        ("root:wheel", &[UserIsRoot], &[UserIsRoot]),
        ("node", &[UnknownUser], &[]),
        ("node:node", &[UnknownUser], &[]),
        ("toor", &[UnknownUser], &[UnknownUser]),
        ("-1", &[UnknownUser], &[UnknownUser]),
        ("4294967296", &[UnknownUser], &[UnknownUser]),
        ("99999999999999999999999", &[UnknownUser], &[UnknownUser]),
    ] {
        let mut evidence = evidence();
        evidence.image.user = user.into();
        assert_eq!(codes(&judge(RULE, &evidence)), want, "{user:?}");
        assert_eq!(codes(&judge(NAMED, &evidence)), named, "{user:?}");
    }
    let mut folder = evidence();
    folder.subject.kind = SubjectKind::Directory;
    assert_eq!(codes(&judge(RULE, &folder)), [UnknownUser]);
}

#[test]
fn packages() {
    use ReasonCode::*;
    table(&[
        ("packages: {deny: [{name: 'telnet*'}]}", |_| {}, &[]),
        ("packages: {deny: [{name: 'lib*'}]}", |_| {}, &[PackageDenied]),
        ("packages: {deny: [{name: 'lib*', kind: rpm}]}", |_| {}, &[]),
        ("packages: {deny: [{name: ssl}]}", |_| {}, &[]),
        ("packages: {deny: [{name: libssl3, version: '<3.0.11'}]}", |_| {}, &[]),
        ("packages: {deny: [{name: libssl3, version: '<3.0.11-1.1'}]}", |_| {}, &[PackageDenied]),
        // As Debian orders it, a tilde lies before the end.
        ("packages: {deny: [{name: libssl3, version: '<=3.0.11-1~1'}]}", |_| {}, &[]),
        ("packages: {deny: [{name: requests, version: '>=2.0, <2.32'}]}", |_| {}, &[PackageDenied]),
        ("packages: {deny: [{name: requests, version: '>=2.0, <2.31'}]}", |_| {}, &[]),
        (
            "packages: {deny: [{name: requests, version: '<2.32'}]}",
            |e| e.inventory.packages[1].version = "two".into(),
            &[UnknownVersion],
        ),
        (
            "packages: {deny: [{name: requests, version: '<2.32'}]}",
            |e| e.inventory.packages[1].version.clear(),
            &[UnknownVersion],
        ),
        (
            "packages: {deny: [{name: requests, version: '<2.32'}, {name: requests}]}",
            |e| e.inventory.packages[1].version.clear(),
            &[PackageDenied],
        ),
        (
            "packages: {deny: [{name: 'org.apache.*:log4j-core', version: '<2.17.1'}]}",
            |e| java(e, "2.17.0"),
            &[PackageDenied],
        ),
        (
            "packages: {deny: [{name: 'org.apache.*:log4j-core', version: '<2.17.1'}]}",
            |e| java(e, "2.17.1"),
            &[],
        ),
        ("packages: {require: [{name: libssl3, kind: deb}]}", |_| {}, &[]),
        ("packages: {require: [{name: libssl3, kind: apk}]}", |_| {}, &[PackageMissing]),
        ("packages: {require: [{name: libssl3, version: '>=3.0.13'}]}", |_| {}, &[PackageMissing]),
        (
            "packages: {require: [{name: requests, version: '>=2.0'}]}",
            |e| e.inventory.packages[1].version = "two".into(),
            &[PackageMissing],
        ),
    ]);
}

fn java(evidence: &mut Evidence, version: &str) {
    let name = "org.apache.logging.log4j:log4j-core";
    let path = FilePath::from_raw(b"app.jar");
    evidence.inventory.packages.push(Package::new(PackageKind::Maven, name, version, &path));
}

#[test]
fn licenses() {
    use ReasonCode::*;
    let judge_license = |rule: &str, license: &str, kind| {
        let mut evidence = evidence();
        let mut package = Package::new(kind, "x", "1", &FilePath::from_raw(b"x"));
        package.licenses.extend((!license.is_empty()).then(|| license.to_owned()));
        evidence.inventory.packages = vec![package];
        codes(&judge(rule, &evidence))
    };
    const DENY: &str = "licenses: {deny: [GPL-3.0, 'AGPL*', 'SSPL-1.0']}";
    const ALLOW: &str =
        "licenses: {allow: [MIT, Apache-2.0, GPL-2.0-only WITH Classpath-exception-2.0]}";
    for (rule, license, want) in [
        (DENY, "MIT", &[][..]),
        (DENY, "GPL-3.0-only", &[LicenseDenied]),
        (DENY, "GPL-3.0-or-later", &[LicenseDenied]),
        (DENY, "GPL-3", &[LicenseDenied]),
        (DENY, "gpl-3.0+", &[LicenseDenied]),
        (DENY, "GPL-3.0-only WITH GCC-exception-3.1", &[LicenseDenied]),
        (DENY, "LGPL-3.0-only", &[]),
        (DENY, "GPL-2.0-only", &[]),
        (DENY, "AGPL-3.0-only", &[LicenseDenied]),
        // A choice is the recipient's; a sum is not.
        (DENY, "MIT OR GPL-3.0-only", &[]),
        (DENY, "MIT AND GPL-3.0-only", &[LicenseDenied]),
        (DENY, "GPL-3.0-only OR AGPL-3.0-only", &[LicenseDenied]),
        (DENY, "MIT AND (ISC OR GPL-3.0-only)", &[]),
        (DENY, "", &[UnknownLicense]),
        (DENY, "see the file COPYING", &[UnknownLicense]),
        (ALLOW, "MIT License", &[]),
        (ALLOW, "ISC", &[LicenseNotAllowed]),
        (ALLOW, "ISC OR MIT", &[]),
        (ALLOW, "ISC AND MIT", &[LicenseNotAllowed]),
        (ALLOW, "GPL-2.0-only", &[LicenseNotAllowed]),
        (ALLOW, "GPL-2.0-only WITH Classpath-exception-2.0", &[]),
        (ALLOW, "Apache-2.0 WITH LLVM-exception", &[]),
        ("licenses: {unknown: ignore, deny: [MIT]}", "", &[]),
        ("licenses: {unknown: ignore, deny: [MIT]}", "some prose here", &[]),
        ("licenses: {deny: [MIT], kinds: [npm]}", "MIT", &[]),
        ("licenses: {allow: ['Public *']}", "Public domain dedication", &[]),
    ] {
        assert_eq!(judge_license(rule, license, PackageKind::Deb), want, "{rule} on {license}");
    }
    assert_eq!(judge_license(ALLOW, "MIT/ISC", PackageKind::Cargo), []);
    assert_eq!(judge_license(ALLOW, "MIT/ISC", PackageKind::Deb), [UnknownLicense]);
}

#[test]
fn an_exception_covers_what_it_names_until_it_ends() {
    use ReasonCode::*;
    let mut evidence = evidence();
    add(&mut evidence, Severity::High, |f| f.aliases = vec!["GHSA-x".into()]);
    let rule = |exception: &str| {
        format!("vulnerabilities: {{deny: [{{severity: high}}]}}, exceptions: [{{{exception}}}]")
    };
    for (exception, covered) in [
        ("id: CVE-2025-1, reason: r, expires: never", true),
        ("id: cve-2025-1, reason: r, expires: never", true),
        ("id: GHSA-x, reason: r, expires: never", true),
        ("id: CVE-2025-10, reason: r, expires: never", false),
        ("id: CVE-2025, reason: r, expires: never", false),
        ("package: libssl3, reason: r, expires: never", true),
        ("package: 'libssl*', reason: r, expires: never", true),
        ("package: ssl, reason: r, expires: never", false),
        ("package: libssl3, id: CVE-2, reason: r, expires: never", false),
        ("path: 'var/lib/dpkg/**', reason: r, expires: never", true),
        ("path: 'var/lib', reason: r, expires: never", false),
        ("image: registry.example.com/shop/pay, reason: r, expires: never", true),
        ("image: 'registry.example.com/shop/pay:1.*', reason: r, expires: never", true),
        ("image: registry.example.com/shop, reason: r, expires: never", false),
        // Ends with the first moment of its day, or to the second.
        ("id: CVE-2025-1, reason: r, expires: 2026-11-02", true),
        ("id: CVE-2025-1, reason: r, expires: 2026-11-01", false),
        ("id: CVE-2025-1, reason: r, expires: '2026-11-01T12:00:01Z'", true),
        ("id: CVE-2025-1, reason: r, expires: '2026-11-01T12:00:00Z'", false),
    ] {
        let verdict = judge(&rule(exception), &evidence);
        let (decision, outcome) = if covered {
            (Decision::Allow, Outcome::Excepted)
        } else {
            (Decision::Deny, Outcome::Fail)
        };
        assert_eq!(
            (verdict.decision, verdict.rules[0].outcome),
            (decision, outcome),
            "{exception}"
        );
        assert_eq!(verdict.rules[0].reasons.len(), 1, "still shown");
    }
    let note = |exception: &str| judge(&rule(exception), &evidence).rules[0].notes[0].clone();
    let expired = note("id: CVE-2025-1, reason: r, expires: 2026-11-01");
    assert_eq!(expired.code, ExceptionExpired);
    assert!(expired.message.contains("counts again (1)"), "{}", expired.message);
    assert_eq!(note("id: CVE-9, reason: r, expires: never").code, ExceptionUnused);
    // A digest-only reference does not tell its tag, and an exception does not guess.
    evidence.subject.reference =
        Some(format!("registry.example.com/shop/pay@{}", Digest::sha256(b"manifest")));
    let tagged = rule("image: 'registry.example.com/shop/pay:1.*', reason: r, expires: never");
    assert_eq!(judge(&tagged, &evidence).decision, Decision::Deny);
}

#[test]
fn exceptions_are_taken_off_before_counting() {
    let mut evidence = evidence();
    for _ in 0..3 {
        add(&mut evidence, Severity::High, |_| {});
    }
    let rule = |ids: &[&str]| {
        let exceptions: Vec<String> =
            ids.iter().map(|id| format!("{{id: {id}, reason: r, expires: never}}")).collect();
        format!(
            "vulnerabilities: {{deny: [{{severity: high, count: '>1'}}]}}, exceptions: [{}]",
            exceptions.join(", ")
        )
    };
    let outcome = |ids: &[&str]| judge(&rule(ids), &evidence).rules[0].outcome;
    assert_eq!(outcome(&[]), Outcome::Fail);
    assert_eq!(outcome(&["CVE-2025-1"]), Outcome::Fail);
    assert_eq!(outcome(&["CVE-2025-1", "CVE-2025-2"]), Outcome::Excepted);
    let shown = &judge(&rule(&["CVE-2025-1", "CVE-2025-2"]), &evidence).rules[0].reasons;
    assert!(shown.iter().all(|r| r.excepted.is_some()) && shown.len() == 2, "{shown:?}");
}

#[test]
fn alternatives() {
    const PASS: &str = "{gaps: deny}";
    const FAIL: &str = "{name: old, age: {maxAge: 1d}}";
    const SKIP: &str = "{pin: {digest: required}}";
    let excepted = format!(
        "{{name: ex, age: {{maxAge: 1d}}, exceptions: [{{image: '{}', reason: r, expires: never}}]}}",
        "**"
    );
    let excepted = excepted.as_str();
    let mut local = evidence();
    local.subject.reference = None;
    use Outcome::*;
    for (kind, parts, want) in [
        ("anyOf", vec![PASS, FAIL], Pass),
        ("anyOf", vec![FAIL, FAIL.replace("old", "b").as_str()], Fail),
        ("anyOf", vec![FAIL, excepted], Excepted),
        ("anyOf", vec![PASS, excepted], Pass),
        ("anyOf", vec![SKIP, FAIL], Fail),
        ("anyOf", vec![SKIP], Fail),
        ("allOf", vec![PASS, excepted], Excepted),
        ("allOf", vec![PASS, FAIL], Fail),
        ("allOf", vec![PASS], Pass),
        ("two", vec![PASS, FAIL, excepted], Excepted),
        ("two", vec![PASS, FAIL, SKIP], Fail),
    ] {
        let list = parts.join(", ");
        let rule = match kind {
            "two" => format!("atLeast: {{count: 2, of: [{list}]}}"),
            kind => format!("{kind}: [{list}]"),
        };
        assert_eq!(judge(&rule, &local).rules[0].outcome, want, "{rule}");
    }
    let verdict = judge(&format!("allOf: [{PASS}, {FAIL}]"), &local);
    assert_denies(&verdict, &[ReasonCode::TooFewAlternatives, ReasonCode::ImageTooOld]);
    assert_eq!(verdict.rules[0].reasons[1].branch.as_deref(), Some("old"));
}

#[test]
fn each_policy_is_judged_by_its_own_mode_and_the_worst_wins() {
    let policy = |name: &str, mode: &str, rule: &str| {
        policy(&[rule])
            .replace("name: p", &format!("name: {name}"))
            .replace("  require:", &format!("  stages: {{build: {mode}}}\n  require:"))
    };
    let (fail, pass) = ("age: {maxAge: 1d}", "gaps: deny");
    for (policies, want) in [
        (vec![("enforce", fail)], Decision::Deny),
        (vec![("warn", fail)], Decision::Warn),
        (vec![("audit", fail)], Decision::Allow),
        (vec![("enforce", fail), ("warn", fail), ("audit", fail)], Decision::Deny),
        (vec![("warn", fail), ("enforce", pass)], Decision::Warn),
        (vec![("audit", fail), ("enforce", pass)], Decision::Allow),
        (vec![("warn", pass), ("enforce", fail)], Decision::Deny),
        (vec![("off", fail), ("enforce", pass)], Decision::Allow),
    ] {
        let document = |(at, (mode, rule)): (usize, &(&str, &str))| {
            (policy(&format!("p{at}"), mode, rule), policy(&format!("p{}", 9 - at), mode, rule))
        };
        let (forward, backward): (Vec<_>, Vec<_>) =
            policies.iter().enumerate().map(document).unzip();
        for texts in [forward, backward] {
            let policies = parse(&texts.join("---\n"));
            assert_eq!(evaluate(&policies, &evidence(), Stage::Build, at(NOW)).decision, want);
        }
    }
}

#[test]
fn a_verdict_says_until_when_it_holds() {
    let mut evidence = evidence();
    add(&mut evidence, Severity::High, |f| f.published = Some(at("2026-10-30T00:00:00Z")));
    for (rule, want) in [
        ("gaps: deny", None),
        ("vulnerabilities: {deny: [{severity: high, grace: 7d}]}", Some("2026-11-06T00:00:00Z")),
        ("vulnerabilities: {deny: [{severity: critical, grace: 7d}]}", None),
        ("vulnerabilities: {deny: [{severity: high, grace: 1d}]}", None),
        ("scan: {dbMaxAge: 7d}", Some("2026-11-07T00:00:00Z")),
        ("scan: {dbMaxAge: 7d, maxAge: 2h}", Some("2026-11-01T13:00:00Z")),
        ("age: {maxAge: 60d}", Some("2026-11-30T00:00:00Z")),
        (
            "gaps: deny, exceptions: [{path: a, reason: r, expires: 2027-01-01}]",
            Some("2027-01-01T00:00:00Z"),
        ),
    ] {
        let verdict = judge(rule, &evidence);
        assert_eq!(verdict.valid_until, want.map(at), "{rule}");
    }
}

#[test]
fn what_an_author_of_an_image_writes_cannot_reach_the_terminal() {
    let mut evidence = evidence();
    evidence.inventory.packages[0].name = "x\u{1b}[2J\u{202e}\n".into();
    let verdict = judge("packages: {deny: [{name: 'x*'}]}", &evidence);
    let reason = &verdict.rules[0].reasons[0];
    assert!(!reason.message.contains(['\u{1b}', '\u{202e}', '\n']), "{:?}", reason.message);
    assert!(!reason.fix.contains(['\u{1b}', '\u{202e}', '\n']), "{:?}", reason.fix);
}
