//! Examples, the reference page and the schemas agree with the program.

use std::fs;
use std::path::PathBuf;

use hullmark_advisory::Severity;
use hullmark_policy::{DEFAULT_POLICY, Policies, ReasonCode, Stage, evaluate, verdict};
use serde_json::Value;

use crate::support::{NOW, at, evidence, finding, judge, parse, policy};

fn repository(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn schema(path: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&read(path)).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Every text of a policy that is shown to people, with its name.
fn shown() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(repository("examples/policies")).unwrap() {
        let path = entry.unwrap().path();
        texts.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
    }
    for (number, block) in read("docs/policy.md").split("```yaml\n").skip(1).enumerate() {
        let block = block.split("```").next().unwrap();
        let text = match block.strip_prefix("# rule\n") {
            Some(rule) => {
                let rule: String = rule.lines().map(|l| format!("      {l}\n")).collect();
                format!("{}    - name: r\n{rule}", policy(&[]))
            }
            None => block.to_owned(),
        };
        texts.push((format!("docs/policy.md block {}", number + 1), text));
    }
    assert!(texts.len() > 15, "{}", texts.len());
    texts
}

#[test]
fn examples_and_the_reference_page_parse_and_fit_the_schema() {
    let schema = schema("schemas/policy.v1alpha1.json");
    for (name, text) in shown() {
        Policies::parse(&text, &name).unwrap_or_else(|e| panic!("{e}"));
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        for document in documents {
            let errors: Vec<String> =
                schema.iter_errors(&document).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}");
        }
    }
}

#[test]
fn the_policy_schema_refuses_what_the_program_refuses() {
    let schema = schema("schemas/policy.v1alpha1.json");
    for rule in [
        "vulnerabilities: {deny: [{severty: high}]}",
        "vulnerabilities: {deny: [{grace: 7d}]}",
        "vulnerabilities: {deny: [{severity: high, grace: 7 days}]}",
        "gaps: allow",
        "gaps: {allow: [truncted]}",
        "registries: {}",
        "pin: {digest: optional}",
        "packages: {deny: [{kind: deb}]}",
        "licenses: {unknown: deny}",
        "user: root",
        "anyOf: []",
        "gaps: deny, exceptions: [{id: a, reason: r}]",
        "gaps: deny, exceptions: [{reason: r, expires: never}]",
        "gaps: deny, age: {maxAge: 1d}",
        "signatures: {}",
        "exceptions: []",
    ] {
        let text = policy(&[rule]);
        assert!(Policies::parse(&text, "p").is_err(), "{rule}");
        let document: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(!schema.is_valid(&document), "{rule}");
    }
}

#[test]
fn verdicts_fit_their_schema_and_the_schema_and_the_page_know_every_code() {
    let text = read("schemas/verdict.v1.json");
    let page = read("docs/policy.md");
    let parsed: Value = serde_json::from_str(&text).unwrap();
    let codes = parsed["$defs"]["reason"]["properties"]["code"]["enum"].as_array().unwrap();
    assert_eq!(codes.len(), ReasonCode::ALL.len());
    for code in ReasonCode::ALL {
        assert!(codes.iter().any(|c| c == code.as_str()), "{}", code.as_str());
        assert!(page.contains(&format!("| `{}` |", code.as_str())), "{}", code.as_str());
    }
    let schema = schema("schemas/verdict.v1.json");
    let mut bad = evidence();
    bad.findings = vec![finding("CVE-1", Severity::Critical), finding("CVE-2", Severity::High)];
    let rule = "vulnerabilities: {deny: [{severity: high}]}, exceptions: [{id: CVE-2, reason: r, expires: 2027-01-01}, {id: CVE-3, reason: r, expires: never}]";
    for verdict in [
        judge(rule, &bad),
        judge("anyOf: [{age: {maxAge: 1d}}, {pin: {digest: required}}]", &evidence()),
        judge("gaps: deny", &evidence()),
        evaluate(&Policies::default(), &evidence(), Stage::Runtime, at(NOW)),
    ] {
        let document = serde_json::to_value(verdict::document(&verdict)).unwrap();
        let errors: Vec<String> = schema.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{document:#}");
        let mut tampered = document.clone();
        tampered["decision"] = "pass".into();
        assert!(!schema.is_valid(&tampered));
    }
}

#[test]
fn a_verdict_reads_like_this() {
    let mut evidence = evidence();
    for number in 1..=7 {
        let mut finding = finding(&format!("CVE-2025-{number}"), Severity::Critical);
        finding.summary = "not shown".into();
        evidence.findings.push(finding);
    }
    let text = policy(&[
        "vulnerabilities: {deny: [{severity: critical, fixable: true, grace: 7d}]}, exceptions: [{id: CVE-2025-7, reason: not reachable, expires: 2027-01-01}]",
        "scan: {dbMaxAge: 7d}",
        "anyOf: [{name: pinned, pin: {digest: required}}, {name: young, age: {maxAge: 7d}}]",
    ]);
    let verdict = evaluate(&parse(&text), &evidence, Stage::Build, at(NOW));
    let options = verdict::TextOptions { reasons: 2, ..verdict::TextOptions::default() };
    let shown = verdict::text(&verdict, options, &verdict::NoStyle);
    let longest = shown.lines().filter(|l| !l.contains("sha256:")).map(|l| l.chars().count()).max();
    assert!(longest <= Some(80), "{longest:?}");
    insta::assert_snapshot!(shown, @r"
    DENY  registry.example.com/shop/pay:1.2
          sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f

    FAIL  p/r0 (vulnerabilities)
          - CVE-2025-1 (critical) in libssl3 3.0.11-1; over the limit `severity:
            critical, fixable: true, grace: 7d`
            fix: upgrade libssl3 to 3.0.13-1 or later
          - CVE-2025-2 (critical) in libssl3 3.0.11-1; over the limit `severity:
            critical, fixable: true, grace: 7d`
            fix: upgrade libssl3 to 3.0.13-1 or later
          … and 4 more
          - CVE-2025-7 (critical) in libssl3 3.0.11-1; over the limit `severity:
            critical, fixable: true, grace: 7d`
            excepted: not reachable (until 2027-01-01)

    FAIL  p/r2 (anyOf)
          - 0 of 2 parts hold, 1 must
            fix: make 1 more of them hold
          - [pinned] `registry.example.com/shop/pay:1.2` names no digest, so what it
            means can change
            fix: write
                 `registry.example.com/shop/pay:1.2@sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f`
          … and 1 more

    PASS  p/r1 (scan)

    2 of 3 rules failed at the build gate; the verdict holds until 2026-11-07
    ");
    let hash = sha256sum(DEFAULT_POLICY);
    assert_eq!(parse(DEFAULT_POLICY).hash().as_str(), hash, "as sha256sum prints it");
}

fn sha256sum(text: &str) -> String {
    hullmark_oci::Digest::sha256(text.as_bytes()).to_string()
}
