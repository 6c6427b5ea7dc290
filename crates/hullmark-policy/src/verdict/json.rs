//! Verdicts as JSON, `hullmark.verdict/v1`. The shape is a promise to other programs: `schemas/verdict.v1.json` describes it.

use jiff::Timestamp;
use serde::Serialize;

use super::{Reason, RuleResult, Verdict};
use crate::exception::Expiry;

/// The name and version of the document.
pub const SCHEMA: &str = "hullmark.verdict/v1";

/// A verdict as a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictDocument<'a> {
    schema: &'static str,
    decision: &'static str,
    stage: &'static str,
    subject: SubjectDocument<'a>,
    evaluated: Timestamp,
    valid_until: Option<Timestamp>,
    policy_hash: &'a str,
    policies: Vec<PolicyDocument<'a>>,
    rules: Vec<RuleDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubjectDocument<'a> {
    name: &'a str,
    reference: Option<&'a str>,
    digest: Option<&'a str>,
    index: Option<&'a str>,
    platform: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyDocument<'a> {
    policy: &'a str,
    mode: &'static str,
    decision: &'static str,
    catch_all: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleDocument<'a> {
    policy: &'a str,
    rule: &'a str,
    kind: &'static str,
    mode: &'static str,
    outcome: &'static str,
    reasons: Vec<ReasonDocument<'a>>,
    notes: Vec<ReasonDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonDocument<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    fix: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excepted: Option<ExceptedDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct ExceptedDocument<'a> {
    reason: &'a str,
    /// A moment, or `never`.
    expires: String,
}

/// Returns the verdict as a document, ready to be serialised.
pub fn document(verdict: &Verdict) -> VerdictDocument<'_> {
    let subject = &verdict.subject;
    VerdictDocument {
        schema: SCHEMA,
        decision: verdict.decision.as_str(),
        stage: verdict.stage.as_str(),
        subject: SubjectDocument {
            name: &subject.name,
            reference: subject.reference.as_deref(),
            digest: subject.digest.as_ref().map(hullmark_oci::Digest::as_str),
            index: subject.index.as_ref().map(hullmark_oci::Digest::as_str),
            platform: subject.platform.as_ref().map(ToString::to_string),
        },
        evaluated: verdict.evaluated,
        valid_until: verdict.valid_until,
        policy_hash: verdict.policy_hash.as_str(),
        policies: verdict
            .policies
            .iter()
            .map(|policy| PolicyDocument {
                policy: &policy.policy,
                mode: policy.mode.as_str(),
                decision: policy.decision.as_str(),
                catch_all: policy.catch_all,
            })
            .collect(),
        rules: verdict.rules.iter().map(rule).collect(),
    }
}

fn rule(result: &RuleResult) -> RuleDocument<'_> {
    RuleDocument {
        policy: &result.policy,
        rule: &result.rule,
        kind: result.kind,
        mode: result.mode.as_str(),
        outcome: result.outcome.as_str(),
        reasons: result.reasons.iter().map(reason).collect(),
        notes: result.notes.iter().map(reason).collect(),
    }
}

fn reason(reason: &Reason) -> ReasonDocument<'_> {
    ReasonDocument {
        code: reason.code.as_str(),
        message: &reason.message,
        fix: &reason.fix,
        branch: reason.branch.as_deref(),
        excepted: reason.excepted.as_ref().map(|excepted| ExceptedDocument {
            reason: &excepted.reason,
            expires: match excepted.expires {
                Expiry::At(moment) => moment.to_string(),
                Expiry::Never => "never".to_owned(),
            },
        }),
    }
}
