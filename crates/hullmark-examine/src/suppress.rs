//! Applies VEX documents and ignore rules to findings.

use std::collections::BTreeSet;

use hullmark_advisory::ignore::Rule;
use hullmark_advisory::vex::{self, Vex};
use hullmark_evidence::{Evidence, Subject};
use jiff::Timestamp;

use crate::Suppressions;

/// Marks what is suppressed, VEX before ignore files, and returns the ignore rules that have ended.
pub(crate) fn apply(
    evidence: &mut Evidence,
    suppressions: &Suppressions,
    attached: &[Vex],
    now: Timestamp,
) -> Vec<String> {
    let Evidence { subject, inventory, findings, .. } = evidence;
    let documents: Vec<Vex> = suppressions.vex.iter().chain(attached).cloned().collect();
    vex::apply(&documents, inventory, &identifiers(subject), findings);
    let mut ended = Vec::new();
    for rules in suppressions.ignore.iter() {
        for rule in rules.apply(now, inventory, findings) {
            ended.push(format!("{}: {}", rules.source, described(rule)));
        }
    }
    ended
}

/// What a VEX document may call the image.
fn identifiers(subject: &Subject) -> BTreeSet<String> {
    let digests = [&subject.digest, &subject.index].into_iter().flatten().map(ToString::to_string);
    digests.chain([subject.name.clone()]).chain(subject.reference.clone()).collect()
}

fn described(rule: &Rule) -> String {
    let parts = [&rule.id, &rule.package, &rule.path];
    let named: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    let expires = rule.expires.map_or_else(String::new, |at| format!(" ended at {at}"));
    format!("the rule for `{}`{expires}", named.join(" "))
}
