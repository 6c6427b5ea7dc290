//! From evidence to a verdict. Pure and total: the same input gives the same verdict, and there is always one.
//!
//! The order is fixed: first each rule, then each policy by its own mode, then the worst of the policies. Nothing that one policy
//! says is ever weakened by what another one says.

use hullmark_evidence::Evidence;
use jiff::Timestamp;

use crate::exception::{Exception, Expiry};
use crate::image::Target;
use crate::policy::{BUILT_IN, Mode, Policies, Policy, Requirement, Rule, Stage};
use crate::rules::{Changes, Checked, Facts};
use crate::verdict::{
    Decision, Excepted, Outcome, PolicyResult, Reason, ReasonCode, RuleResult, Verdict,
};

/// Decides about one image at one gate, as of `now`.
///
/// Every policy that is for the image applies; catch-alls only if no other policy does, and the built-in one, which denies, only if
/// none does at all. A policy of which no rule can be applied to this kind of target does not count as applying.
pub fn evaluate(policies: &Policies, evidence: &Evidence, stage: Stage, now: Timestamp) -> Verdict {
    let target = Target::new(&evidence.subject);
    let facts = Facts { evidence, target: &target, stage, now, exceptions: &[] };
    let mut found = Found::default();
    for unmatched in [false, true] {
        let covering = |policy: &&Policy| {
            policy.matches.unmatched == unmatched
                && policy.stages.at(stage) != Mode::Off
                && policy.matches.covers(&target)
        };
        for policy in policies.policies.iter().filter(covering) {
            found.add(policy, &facts);
        }
        if found.applied {
            break;
        }
    }
    if !found.applied {
        found.add_built_in(&target, evidence);
    }
    found.policies.sort_by(|a, b| a.policy.cmp(&b.policy));
    found.rules.sort_by(|a, b| (&a.policy, &a.rule).cmp(&(&b.policy, &b.rule)));
    Verdict {
        decision: found.policies.iter().map(|p| p.decision).max().unwrap_or(Decision::Deny),
        subject: evidence.subject.clone(),
        stage,
        policies: found.policies,
        rules: found.rules,
        policy_hash: policies.hash(),
        evaluated: now,
        valid_until: found.changes.earliest(),
    }
}

#[derive(Default)]
struct Found {
    policies: Vec<PolicyResult>,
    rules: Vec<RuleResult>,
    changes: Changes,
    /// Whether a policy applied: one that was evaluated, at least in part.
    applied: bool,
}

impl Found {
    fn add(&mut self, policy: &Policy, facts: &Facts<'_>) {
        let mode = policy.stages.at(facts.stage);
        let mut decision = Decision::Allow;
        for rule in &policy.require {
            let judged = judge(rule, facts);
            self.changes.merge(judged.changes);
            self.applied |= judged.outcome != Outcome::NotEvaluated;
            if judged.outcome == Outcome::Fail {
                decision = decision.max(mode.decision());
            }
            self.rules.push(RuleResult {
                policy: policy.id.clone(),
                rule: rule.name.clone(),
                kind: rule.requirement.kind(),
                mode,
                outcome: judged.outcome,
                reasons: judged.reasons,
                notes: judged.notes,
            });
        }
        self.policies.push(PolicyResult {
            policy: policy.id.clone(),
            mode,
            decision,
            catch_all: policy.matches.unmatched,
        });
    }

    fn add_built_in(&mut self, target: &Target<'_>, evidence: &Evidence) {
        let (name, pattern) = match target.reference() {
            Some(reference) => (reference.to_string(), reference.name()),
            None => (evidence.subject.name.clone(), "file:**".to_owned()),
        };
        self.policies.push(PolicyResult {
            policy: BUILT_IN.to_owned(),
            mode: Mode::Enforce,
            decision: Decision::Deny,
            catch_all: true,
        });
        self.rules.push(RuleResult {
            policy: BUILT_IN.to_owned(),
            rule: "unmatched".to_owned(),
            kind: "unmatched",
            mode: Mode::Enforce,
            outcome: Outcome::Fail,
            reasons: vec![Reason::new(
                ReasonCode::NoPolicyMatches,
                format!("no policy is for `{name}` at this gate"),
                format!("add a policy with `{pattern}` under `match.images`, or a catch-all with `match.unmatched: true`"),
            )],
            notes: Vec::new(),
        });
    }
}

impl Mode {
    /// What a failure means.
    fn decision(self) -> Decision {
        match self {
            Self::Off | Self::Audit => Decision::Allow,
            Self::Warn => Decision::Warn,
            Self::Enforce => Decision::Deny,
        }
    }
}

struct Judged {
    outcome: Outcome,
    reasons: Vec<Reason>,
    notes: Vec<Reason>,
    changes: Changes,
}

/// Judges one rule. Recursion is bounded by the depth of a document.
fn judge(rule: &Rule, facts: &Facts<'_>) -> Judged {
    let facts = &Facts { exceptions: &rule.exceptions, ..*facts };
    let checked = match &rule.requirement {
        Requirement::Registries(rule) => rule.check(facts),
        Requirement::Pin(rule) => rule.check(facts),
        Requirement::Vulnerabilities(rule) => rule.check(facts),
        Requirement::Scan(rule) => rule.check(facts),
        Requirement::Gaps(rule) => rule.check(facts),
        Requirement::Packages(rule) => rule.check(facts),
        Requirement::Licenses(rule) => rule.check(facts),
        Requirement::Age(rule) => rule.check(facts),
        Requirement::User(rule) => rule.check(facts),
        Requirement::Deny(rule) => rule.check(),
        Requirement::AnyOf(branches) => return judge_branches(branches, 1, facts),
        Requirement::AllOf(branches) => return judge_branches(branches, branches.len(), facts),
        Requirement::AtLeast(least, branches) => return judge_branches(branches, *least, facts),
    };
    apply_exceptions(checked, facts)
}

fn apply_exceptions(checked: Checked<'_>, facts: &Facts<'_>) -> Judged {
    let Checked { violations, mut notes, mut changes, not_applicable } = checked;
    let mut reasons = Vec::with_capacity(violations.len());
    let mut used = vec![0usize; facts.exceptions.len()];
    for violation in violations {
        let mut reason = violation.reason;
        // The longest-lasting stands last: it is the one that people need to know.
        for (at, exception) in facts.exceptions.iter().enumerate() {
            if !exception.covers(&violation.keys, facts.target) {
                continue;
            }
            used[at] += 1;
            if !exception.expires.is_over(facts.now) {
                let Exception { reason: why, expires, .. } = exception;
                reason.excepted = Some(Excepted { reason: why.clone(), expires: *expires });
            }
        }
        reasons.push(reason);
    }
    for (exception, used) in facts.exceptions.iter().zip(used) {
        if let Expiry::At(moment) = exception.expires {
            changes.add(facts.now, moment);
        }
        notes.extend(note(exception, used, facts.now));
    }
    let outcome = if reasons.iter().any(|reason| reason.excepted.is_none()) {
        Outcome::Fail
    } else if !reasons.is_empty() {
        Outcome::Excepted
    } else if not_applicable {
        Outcome::NotEvaluated
    } else {
        Outcome::Pass
    };
    Judged { outcome, reasons, notes, changes }
}

/// Says of an exception that it ended, or that nothing needs it.
fn note(exception: &Exception, used: usize, now: Timestamp) -> Option<Reason> {
    let (code, state) = if exception.expires.is_over(now) {
        let covered = if used == 0 {
            "nothing needs it any more".to_owned()
        } else {
            format!("what it covered counts again ({used})")
        };
        (ReasonCode::ExceptionExpired, format!("ended on {}: {covered}", exception.expires))
    } else if used == 0 {
        (
            ReasonCode::ExceptionUnused,
            "is not needed: nothing that it covers fails the rule".to_owned(),
        )
    } else {
        return None;
    };
    let named = [
        exception.id.as_deref(),
        exception.package.as_ref().map(crate::Glob::as_str),
        exception.path.as_ref().map(crate::Glob::as_str),
        exception.image.as_ref().map(crate::ImagePattern::as_str),
    ];
    let named: Vec<&str> = named.into_iter().flatten().collect();
    let message =
        format!("the exception for `{}` (\"{}\") {state}", named.join("`, `"), exception.reason);
    Some(Reason::note(code, message))
}

/// Judges alternatives, of which at least `least` must hold. One that cannot be applied to the target does not hold.
fn judge_branches(branches: &[Rule], least: usize, facts: &Facts<'_>) -> Judged {
    let judged: Vec<Judged> = branches.iter().map(|branch| judge(branch, facts)).collect();
    let number = |wanted: &[Outcome]| judged.iter().filter(|j| wanted.contains(&j.outcome)).count();
    let passed = number(&[Outcome::Pass]);
    let held = number(&[Outcome::Pass, Outcome::Excepted]);
    let outcome = if passed >= least {
        Outcome::Pass
    } else if held >= least {
        Outcome::Excepted
    } else {
        Outcome::Fail
    };
    let mut result =
        Judged { outcome, reasons: Vec::new(), notes: Vec::new(), changes: Changes::default() };
    if outcome == Outcome::Fail {
        let total = branches.len();
        result.reasons.push(Reason::new(
            ReasonCode::TooFewAlternatives,
            format!("{held} of {total} parts hold, {least} must"),
            format!("make {} more of them hold", least - held),
        ));
    }
    for (branch, judged) in branches.iter().zip(judged) {
        let shown = match outcome {
            Outcome::Fail => matches!(judged.outcome, Outcome::Fail | Outcome::NotEvaluated),
            Outcome::Excepted => judged.outcome == Outcome::Excepted,
            Outcome::Pass | Outcome::NotEvaluated => false,
        };
        let within = |mut reason: Reason| {
            reason.branch = Some(match reason.branch {
                Some(inner) => format!("{}/{inner}", branch.name),
                None => branch.name.clone(),
            });
            reason
        };
        if shown {
            result.reasons.extend(judged.reasons.into_iter().map(within));
        }
        result.notes.extend(judged.notes.into_iter().map(within));
        result.changes.merge(judged.changes);
    }
    result
}
