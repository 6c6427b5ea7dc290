//! Evidence and policies to test with.

use hullmark_advisory::finding::Fix;
use hullmark_advisory::{Finding, Severity, Status};
use hullmark_evidence::{AdvisorySource, Evidence, ImageFacts, Subject, SubjectKind};
use hullmark_inventory::{Inventory, Package, PackageKind};
use hullmark_oci::{Digest, FilePath};
use hullmark_policy::{Decision, Policies, ReasonCode, RuleResult, Stage, Verdict, evaluate};
use jiff::Timestamp;

/// The moment that tests take place.
pub(crate) const NOW: &str = "2026-11-01T12:00:00Z";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An image with two packages, fresh advisories of every kind, and nothing wrong.
pub(crate) fn evidence() -> Evidence {
    let path = FilePath::from_raw(b"var/lib/dpkg/status");
    let mut openssl = Package::new(PackageKind::Deb, "libssl3", "3.0.11-1", &path);
    openssl.licenses = vec!["Apache-2.0".into()];
    let path = FilePath::from_raw(b"usr/lib/python3/site-packages/requests-2.31.0.dist-info");
    let mut requests = Package::new(PackageKind::Python, "requests", "2.31.0", &path);
    requests.licenses = vec!["Apache 2.0".into()];
    let source = |ecosystem: &str| AdvisorySource {
        ecosystem: ecosystem.into(),
        digest: Digest::sha256(ecosystem.as_bytes()),
        records: 10,
        newest: Some(at("2026-10-31T00:00:00Z")),
        updated: Some(at("2026-10-31T00:00:00Z")),
    };
    Evidence {
        subject: Subject {
            name: "registry.example.com/shop/pay:1.2".into(),
            reference: Some("registry.example.com/shop/pay:1.2".into()),
            digest: Some(Digest::sha256(b"manifest")),
            index: None,
            platform: None,
            kind: SubjectKind::Image,
        },
        image: ImageFacts {
            created: Some(at("2026-10-01T00:00:00Z")),
            user: "65532:65532".into(),
            ..ImageFacts::default()
        },
        inventory: Inventory { packages: vec![openssl, requests], ..Inventory::default() },
        findings: Vec::new(),
        advisories: vec![source("kev"), source("Debian:12"), source("epss"), source("PyPI")],
        examined: at("2026-11-01T11:00:00Z"),
    }
}

/// A finding against the first package, published a year ago.
pub(crate) fn finding(id: &str, severity: Severity) -> Finding {
    Finding {
        package: 0,
        id: id.into(),
        aliases: Vec::new(),
        status: Status::Open,
        fix: Fix::Available("3.0.13-1".into()),
        severity,
        cvss: None,
        published: Some(at("2025-11-01T00:00:00Z")),
        fix_published: None,
        modified: None,
        kev: None,
        epss: None,
        malware: false,
        summary: String::new(),
        references: Vec::new(),
        basis: Vec::new(),
        suppressed: None,
    }
}

/// A policy for every image with the given rules, each a flow mapping.
pub(crate) fn policy(rules: &[&str]) -> String {
    let mut text =
        "apiVersion: hullmark.io/v1alpha1\nkind: ClusterTrustPolicy\nmetadata: {name: p}\n\
                    spec:\n  match: {images: ['**']}\n  require:\n"
            .to_owned();
    for (number, rule) in rules.iter().enumerate() {
        text.push_str(&format!("    - {{name: r{number}, {rule}}}\n"));
    }
    text
}

pub(crate) fn parse(text: &str) -> Policies {
    Policies::parse(text, "p.yaml").unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Judges with one rule.
pub(crate) fn judge(rule: &str, evidence: &Evidence) -> Verdict {
    judge_at(rule, evidence, NOW)
}

pub(crate) fn judge_at(rule: &str, evidence: &Evidence, now: &str) -> Verdict {
    evaluate(&parse(&policy(&[rule])), evidence, Stage::Build, at(now))
}

/// The codes of what is wrong, excepted reasons left out.
pub(crate) fn codes(verdict: &Verdict) -> Vec<ReasonCode> {
    let open = |rule: &RuleResult| {
        let open = rule.reasons.iter().filter(|r| r.excepted.is_none());
        open.map(|r| r.code).collect::<Vec<_>>()
    };
    verdict.rules.iter().flat_map(open).collect()
}

#[track_caller]
pub(crate) fn assert_allows(verdict: &Verdict) {
    assert_eq!(verdict.decision, Decision::Allow, "{:#?}", verdict.rules);
}

#[track_caller]
pub(crate) fn assert_denies(verdict: &Verdict, want: &[ReasonCode]) {
    assert_eq!(codes(verdict), want, "{:#?}", verdict.rules);
    assert_eq!(verdict.decision, Decision::Deny);
}
