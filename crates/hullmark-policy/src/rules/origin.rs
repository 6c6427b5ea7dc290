//! Where an image comes from: `registries` and `pin`.

use serde::Deserialize;

use super::{Checked, Facts};
use crate::image::{ImagePattern, Matched};
use crate::policy::Stage;
use crate::verdict::ReasonCode;

/// `registries: {allow: […], deny: […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registries {
    /// The image is one of these; empty for no such limit.
    pub allow: Vec<ImagePattern>,
    /// The image is none of these. Stronger than `allow`.
    pub deny: Vec<ImagePattern>,
}

/// `pin: {digest: required}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Whether the reference has to name a digest.
    pub digest: Required,
}

/// The only value of a switch that nobody would write in order to turn it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Required {
    /// It has to be there.
    Required,
}

impl Registries {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        let Some(reference) = facts.target.reference() else {
            checked.fail(
                ReasonCode::UnknownReference,
                "the target has no reference, so the registry it comes from is unknown",
                "check the image by its reference; or exclude local targets with `!file:**` and give them a policy of their own",
            );
            return checked;
        };
        // A reference without a tag names none of the denied tags: a digest decides what is pulled, whatever tag stands beside it.
        if let Some(denied) = self.deny.iter().find(|p| p.matches(facts.target) == Matched::Yes) {
            checked.fail(
                ReasonCode::RegistryDenied,
                format!("`{reference}` is denied by `{denied}`"),
                "use an image that no `deny` pattern of this rule covers",
            );
        }
        let allowed = self.allow.iter().any(|p| p.matches(facts.target) == Matched::Yes);
        if !self.allow.is_empty() && !allowed {
            checked.fail(
                ReasonCode::RegistryNotAllowed,
                format!("`{reference}` is not among the allowed images"),
                format!("use an image of {}", listed(&self.allow)),
            );
        }
        checked
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        (self.allow.is_empty() && self.deny.is_empty())
            .then_some("`registries` needs at least one pattern in `allow` or `deny`")
    }
}

impl Pin {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let Self { digest: Required::Required } = self;
        let mut checked = Checked::default();
        match (facts.target.reference(), &facts.evidence.subject.digest) {
            (Some(reference), _) if reference.digest().is_some() => {}
            (Some(reference), digest) => {
                let fix = match digest {
                    Some(digest) => {
                        format!("write `{}`", reference.with_digest(digest.clone()))
                    }
                    None => "add `@sha256:…` to the reference".to_owned(),
                };
                checked.fail(
                    ReasonCode::DigestMissing,
                    format!("`{reference}` names no digest, so what it means can change"),
                    fix,
                );
            }
            (None, _) if facts.stage == Stage::Build => {
                checked.not_applicable = true;
                checked.note(
                    ReasonCode::NotApplicable,
                    "a target that is not in a registry has no reference to pin",
                );
            }
            (None, _) => checked.fail(
                ReasonCode::UnknownReference,
                "the target has no reference, so whether it is pinned is unknown",
                "check the image by its reference",
            ),
        }
        checked
    }
}

fn listed(patterns: &[ImagePattern]) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = patterns.iter().take(SHOWN).map(|p| format!("`{p}`")).collect();
    if patterns.len() > SHOWN {
        names.push(format!("{} more", patterns.len() - SHOWN));
    }
    names.join(", ")
}
