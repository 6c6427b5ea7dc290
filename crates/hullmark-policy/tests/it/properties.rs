//! What must hold of every policy and all evidence.

use hullmark_advisory::finding::{Epss, Fix, Kev, SuppressedBy, Suppression};
use hullmark_advisory::{Severity, Status};
use hullmark_evidence::{Evidence, SubjectKind};
use hullmark_inventory::{Gap, GapReason};
use hullmark_oci::FilePath;
use hullmark_policy::{Outcome, Policies, Stage, Verdict, evaluate, verdict};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::support::{NOW, at, evidence, finding};

/// A policy as the test handles it; [`Document::text`] writes it down.
#[derive(Clone, Debug)]
struct Document {
    name: String,
    image: &'static str,
    unmatched: bool,
    mode: &'static str,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    body: &'static str,
    exceptions: Vec<&'static str>,
}

const IMAGES: &[&str] = &[
    "**",
    "registry.example.com/**",
    "registry.example.com/shop/pay:1.*",
    "docker.io/library/*",
    "file:**",
];

const RULES: &[&str] = &[
    "vulnerabilities: {}",
    "vulnerabilities: {deny: [{severity: high}, {kev: true, grace: 10d}]}",
    "vulnerabilities: {deny: [{severity: low, count: '>1'}, {epss: '>=0.5'}], vex: ignore}",
    "vulnerabilities: {graceFrom: fixAvailable, undetermined: ignore, uncovered: ignore, deny: [{severity: unknown}, {severity: medium, fixable: true, grace: 30d}]}",
    "registries: {allow: [registry.example.com]}",
    "registries: {deny: ['**:latest']}",
    "pin: {digest: required}",
    "scan: {maxAge: 24h, dbMaxAge: 7d}",
    "gaps: deny",
    "gaps: {allow: [truncated]}",
    "packages: {deny: [{name: 'lib*', version: '<3'}], require: [{name: requests}]}",
    "licenses: {deny: [GPL-3.0]}",
    "licenses: {allow: [Apache-2.0], unknown: ignore}",
    "age: {maxAge: 40d}",
    "user: nonroot",
    "deny: no",
    "anyOf: [{pin: {digest: required}}, {age: {maxAge: 40d}}]",
    "allOf: [{gaps: deny}, {user: nonroot}]",
    "atLeast: {count: 2, of: [{gaps: deny}, {user: nonroot}, {vulnerabilities: {deny: [{severity: high}]}}]}",
];

const EXCEPTIONS: &[&str] = &[
    "{id: CVE-1, reason: r, expires: never}",
    "{id: CVE-2, reason: r, expires: 2026-11-05}",
    "{package: 'lib*', reason: s, expires: 2026-10-05}",
    "{path: 'a/**', reason: r, expires: 2026-12-01}",
    "{image: 'registry.example.com/**', reason: r, expires: '2026-11-01T12:00:01Z'}",
];

impl Document {
    fn text(&self) -> String {
        let rules: Vec<String> = self
            .rules
            .iter()
            .enumerate()
            .map(|(at, rule)| (rule.name(at), rule))
            .map(|(name, rule)| {
                let exceptions = rule.exceptions.join(", ");
                format!("{{name: {name}, {}, exceptions: [{exceptions}]}}", rule.body)
            })
            .collect();
        format!(
            "apiVersion: hullmark.io/v1alpha1\nkind: ClusterTrustPolicy\nmetadata: {{name: {}}}\nspec:\n  \
             match: {{images: ['{}'], unmatched: {}}}\n  stages: {{build: {}}}\n  require: [{}]\n",
            self.name,
            self.image,
            self.unmatched,
            self.mode,
            rules.join(", ")
        )
    }
}

impl Rule {
    /// A name that stays with the rule when rules are reordered.
    fn name(&self, at: usize) -> String {
        let body = RULES.iter().position(|body| *body == self.body).unwrap_or(at);
        format!("r{body}")
    }
}

fn judge(documents: &[Document], evidence: &Evidence) -> Verdict {
    judge_at(documents, evidence, at(NOW))
}

fn judge_at(documents: &[Document], evidence: &Evidence, now: Timestamp) -> Verdict {
    let texts: Vec<String> = documents.iter().map(Document::text).collect();
    let policies = if texts.is_empty() {
        Policies::default()
    } else {
        let text = texts.join("---\n");
        Policies::parse(&text, "p").unwrap_or_else(|e| panic!("{e}\n{text}"))
    };
    evaluate(&policies, evidence, Stage::Build, now)
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = |body: &'static str| {
        let combined = ["anyOf", "allOf", "atLeast"].iter().any(|kind| body.starts_with(kind));
        let most = if combined { 0 } else { 2 };
        subsequence(EXCEPTIONS, 0..=most).prop_map(move |exceptions| Rule { body, exceptions })
    };
    subsequence(RULES, 1..5)
        .prop_flat_map(move |bodies| bodies.into_iter().map(rule).collect::<Vec<_>>())
        .prop_shuffle()
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let modes = select(vec!["off", "audit", "warn", "enforce", "enforce"]);
    let document = (select(IMAGES), prop::bool::weighted(0.2), modes, rules());
    vec(document, 0..4).prop_map(|documents| {
        let numbered = documents.into_iter().enumerate();
        numbered
            .map(|(at, (image, unmatched, mode, rules))| Document {
                name: format!("p{at}"),
                image,
                unmatched,
                mode,
                rules,
            })
            .collect()
    })
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let near = (-60i64..60).prop_map(|days| at(NOW) + SignedDuration::from_hours(days * 24));
    prop_oneof![9 => near, 1 => Just(Timestamp::MIN), 1 => Just(Timestamp::MAX)]
}

prop_compose! {
    fn findings()(
        (id, package, severity, status) in (
            select(vec!["CVE-1", "CVE-2", "CVE-3", "MAL-1"]),
            prop_oneof![0usize..3, Just(usize::MAX)],
            select(Severity::ALL.to_vec()),
            select(vec![Status::Open, Status::Open, Status::Undetermined, Status::Fixed, Status::NotAffected]),
        ),
        (fix, published, fix_published) in (
            select(vec![Fix::Available("2".into()), Fix::None, Fix::Declined("no".into())]),
            option::of(moment()),
            option::of(moment()),
        ),
        (kev, epss, malware) in (any::<bool>(), option::of(prop_oneof![Just(0.5f32), any::<f32>()]), prop::bool::weighted(0.1)),
        suppressed in option::weighted(0.3, (
            select(vec![SuppressedBy::Vex, SuppressedBy::Ignore, SuppressedBy::Owner]),
            option::of(moment()),
        )),
    ) -> hullmark_advisory::Finding {
        let (added, due) = (String::new(), String::new());
        hullmark_advisory::Finding {
            package, status, fix, published, fix_published, malware,
            kev: kev.then_some(Kev { added, due, ransomware: false }),
            epss: epss.map(|score| Epss { score, percentile: score }),
            suppressed: suppressed.map(|(by, expires)| Suppression {
                by, source: String::new(), reason: String::new(), expires,
            }),
            ..finding(id, severity)
        }
    }
}

prop_compose! {
    fn evidences()(
        findings in vec(findings(), 0..5),
        reference in option::weighted(0.9, select(vec![
            "registry.example.com/shop/pay:1.2",
            "docker.io/library/alpine:latest",
            "registry.example.com/shop/pay@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "Not A Reference",
            "",
        ])),
        (created, user, examined) in (option::of(moment()), select(vec!["", "0", "1000", "node"]), moment()),
        sources in subsequence(vec![0usize, 1, 2, 3], 0..=4),
        updated in option::of(moment()),
        gaps in vec(select(vec![GapReason::Truncated, GapReason::NoAdvisories, GapReason::Malformed]), 0..2),
        licenses in vec(select(vec!["MIT", "GPL-3.0-only OR Apache-2.0", "some prose", ""]), 0..3),
        kind in select(vec![SubjectKind::Image, SubjectKind::Directory, SubjectKind::Sbom]),
        name in "\\PC{0,12}",
    ) -> Evidence {
        let mut evidence = evidence();
        evidence.subject.reference = reference.map(Into::into);
        evidence.subject.kind = kind;
        evidence.subject.name = name.clone();
        evidence.findings = findings;
        evidence.image.created = created;
        evidence.image.user = user.into();
        evidence.examined = examined;
        evidence.advisories = sources.iter().map(|&at| evidence.advisories[at].clone()).collect();
        if let Some(first) = evidence.advisories.first_mut() {
            first.updated = updated;
        }
        let gap = |reason| Gap { path: FilePath::from_raw(b"a/b"), layer: None, reason, detail: name.clone() };
        evidence.inventory.gaps = gaps.into_iter().map(gap).collect();
        evidence.inventory.packages[0].licenses = licenses.into_iter().map(Into::into).collect();
        evidence
    }
}

/// Whether no catch-all decided. The first policy for an image displaces the catch-alls: the one exception from monotony.
fn is_specific(verdict: &Verdict) -> bool {
    verdict.policies.iter().all(|policy| !policy.catch_all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_rule_never_loosens(documents in documents(), evidence in evidences(), more in rules(), at in any::<prop::sample::Index>()) {
        prop_assume!(!documents.is_empty());
        let before = judge(&documents, &evidence);
        let mut documents = documents;
        let at = at.index(documents.len());
        let known: Vec<&str> = documents[at].rules.iter().map(|r| r.body).collect();
        let new: Vec<Rule> = more.into_iter().filter(|r| !known.contains(&r.body)).collect();
        documents[at].rules.extend(new);
        let after = judge(&documents, &evidence);
        prop_assert!(!is_specific(&before) || after.decision >= before.decision);
    }

    #[test]
    fn another_policy_never_loosens(documents in documents(), evidence in evidences()) {
        for left_out in 0..documents.len() {
            let mut fewer = documents.clone();
            fewer.remove(left_out);
            let before = judge(&fewer, &evidence);
            let after = judge(&documents, &evidence);
            prop_assert!(!is_specific(&before) || after.decision >= before.decision);
        }
    }

    #[test]
    fn a_policy_decides_the_same_alone_and_among_others(documents in documents(), evidence in evidences()) {
        let all = judge(&documents, &evidence);
        for policy in all.policies.iter().filter(|p| !p.catch_all) {
            let alone: Vec<Document> = documents.iter().filter(|d| d.name == policy.policy).cloned().collect();
            let alone = judge(&alone, &evidence);
            let same = alone.policies.iter().find(|p| p.policy == policy.policy);
            prop_assert_eq!(same, Some(policy));
        }
        prop_assert_eq!(all.policies.iter().map(|p| p.decision).max(), Some(all.decision));
    }

    #[test]
    fn order_never_matters(
        (documents, shuffled) in documents().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        evidence in evidences(),
    ) {
        let mut shuffled = shuffled;
        for document in &mut shuffled {
            document.rules.reverse();
            document.rules.iter_mut().for_each(|rule| rule.exceptions.reverse());
        }
        let mut turned = judge(&shuffled, &evidence);
        let straight = judge(&documents, &evidence);
        turned.policy_hash = straight.policy_hash.clone();
        prop_assert_eq!(straight, turned);
    }

    #[test]
    fn an_exception_never_tightens_and_what_it_covers_fails_without(documents in documents(), evidence in evidences()) {
        let with = judge(&documents, &evidence);
        let mut bare = documents;
        bare.iter_mut().flat_map(|d| &mut d.rules).for_each(|rule| rule.exceptions.clear());
        let without = judge(&bare, &evidence);
        prop_assert!(without.decision >= with.decision);
        for (a, b) in with.rules.iter().zip(&without.rules) {
            if a.outcome == Outcome::Excepted {
                prop_assert_eq!(b.outcome, Outcome::Fail);
            }
        }
    }

    #[test]
    fn a_verdict_holds_until_it_says(documents in documents(), evidence in evidences()) {
        let now = judge(&documents, &evidence);
        let end = now.valid_until.unwrap_or(Timestamp::MAX);
        prop_assert!(end > now.evaluated);
        // The last moment before, where a forgotten date shows.
        let last = end - SignedDuration::from_nanos(1);
        let mut later = judge_at(&documents, &evidence, last);
        later.evaluated = now.evaluated;
        prop_assert_eq!(now, later);
    }

    #[test]
    fn every_verdict_can_be_written(documents in documents(), evidence in evidences()) {
        let verdict = judge(&documents, &evidence);
        let json = serde_json::to_string(&verdict::document(&verdict)).unwrap();
        let named = json.starts_with("{\"schema\":\"hullmark.verdict/v1\"");
        prop_assert!(named);
        let text = verdict::text(&verdict, verdict::TextOptions::default(), &verdict::NoStyle);
        let plain = text.ends_with('\n') && !text.contains('\u{1b}');
        prop_assert!(plain);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", documents in documents(), at in any::<prop::sample::Index>(), byte in any::<char>()) {
        let _ = Policies::parse(&text, "p");
        let mut text: Vec<char> = documents.iter().map(Document::text).collect::<Vec<_>>().join("---\n").chars().collect();
        if !text.is_empty() {
            let at = at.index(text.len());
            text[at] = byte;
        }
        let _ = Policies::parse(&text.into_iter().collect::<String>(), "p");
    }
}
