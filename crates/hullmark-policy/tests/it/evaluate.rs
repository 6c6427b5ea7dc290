//! Rules, each with evidence that passes and a twin that does not.

use hullmark_advisory::Severity;
use hullmark_policy::{BUILT_IN, DEFAULT_POLICY, Decision, ReasonCode, Stage, evaluate};

use crate::support::*;

#[test]
fn the_default_policy_allows_a_clean_image_and_denies_a_critical_one() {
    let policies = parse(DEFAULT_POLICY);
    let mut evidence = evidence();
    assert_allows(&evaluate(&policies, &evidence, Stage::Build, at(NOW)));
    evidence.findings.push(finding("CVE-2025-1", Severity::Critical));
    let verdict = evaluate(&policies, &evidence, Stage::Build, at(NOW));
    assert_denies(&verdict, &[ReasonCode::Vulnerability]);
}

#[test]
fn what_no_policy_is_for_is_denied_by_the_built_in_catch_all() {
    let text = policy(&["pin: {digest: required}"]).replace("'**'", "registry.example.com/other/**");
    let verdict = evaluate(&parse(&text), &evidence(), Stage::Build, at(NOW));
    assert_eq!(verdict.decision, Decision::Deny);
    assert_eq!(verdict.policies[0].policy, BUILT_IN);
    assert_denies(&verdict, &[ReasonCode::NoPolicyMatches]);
}
