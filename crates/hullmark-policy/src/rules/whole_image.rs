//! Rules about the image as a whole: `age`, `user`, `scan`, `deny`.

use hullmark_evidence::{AdvisorySource, SubjectKind};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{Checked, Facts, day, word_or_map};
use crate::number::Period;
use crate::verdict::ReasonCode;

/// How far an image may have been created in the future: clocks differ.
const MAX_SKEW: i64 = 600;

/// `age: {maxAge: 90d}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Age {
    /// How long ago the image may have been created.
    pub max_age: Period,
}

/// `scan: {maxAge: 24h, dbMaxAge: 7d}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Scan {
    /// How long ago the image may have been examined.
    pub max_age: Option<Period>,
    /// How long ago the advisories may have been brought up to date.
    pub db_max_age: Option<Period>,
}

/// `user: nonroot`, or `user: {nonroot: [name…]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Names that are known not to mean root.
    pub nonroot: Vec<String>,
}

/// `deny: message`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Deny {
    /// What people are told.
    pub message: String,
}

impl Age {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        let Some(created) = facts.evidence.image.created else {
            checked.fail(
                ReasonCode::UnknownCreated,
                "the image does not say when it was created",
                "build it with a creation date",
            );
            return checked;
        };
        let skew = jiff::SignedDuration::from_secs(MAX_SKEW);
        let earliest = created.checked_sub(skew).unwrap_or(Timestamp::MIN);
        let end = self.max_age.after(created);
        checked.changes.add(facts.now, earliest);
        checked.changes.add(facts.now, end);
        if earliest > facts.now {
            checked.fail(
                ReasonCode::CreatedInFuture,
                format!("the image says it was created on {}, in the future", day(created)),
                "build it with the right creation date",
            );
        } else if end <= facts.now {
            checked.fail(
                ReasonCode::ImageTooOld,
                format!(
                    "the image was created on {} and may be used for {}",
                    day(created),
                    self.max_age
                ),
                "build it again, or use a newer one",
            );
        }
        checked
    }
}

impl Scan {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        if let Some(max_age) = self.max_age {
            let examined = facts.evidence.examined;
            let end = max_age.after(examined);
            checked.changes.add(facts.now, end);
            if end <= facts.now {
                checked.fail(
                    ReasonCode::ScanTooOld,
                    format!(
                        "the image was examined on {}, and that holds for {max_age}",
                        day(examined)
                    ),
                    "examine it again",
                );
            }
        }
        if let Some(max_age) = self.db_max_age {
            Self::check_advisories(facts, max_age, &mut checked);
        }
        checked
    }

    fn check_advisories(facts: &Facts<'_>, max_age: Period, checked: &mut Checked<'_>) {
        const UPDATE: &str = "update the advisories with `hullmark db update`";
        let sources = &facts.evidence.advisories;
        if !sources.iter().any(AdvisorySource::is_advisories)
            && !facts.evidence.inventory.packages.is_empty()
        {
            checked.fail(ReasonCode::UnknownAdvisories, "no advisories were asked", UPDATE);
        }
        for source in sources {
            let Some(updated) = source.updated else {
                checked.fail(
                    ReasonCode::UnknownAdvisoriesAge,
                    format!(
                        "it is unknown when the advisories of {} were updated",
                        source.ecosystem
                    ),
                    UPDATE,
                );
                continue;
            };
            let end = max_age.after(updated);
            checked.changes.add(facts.now, end);
            if end <= facts.now {
                checked.fail(
                    ReasonCode::AdvisoriesTooOld,
                    format!(
                        "the advisories of {} were updated on {}, and that holds for {max_age}",
                        source.ecosystem,
                        day(updated)
                    ),
                    UPDATE,
                );
            }
        }
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        (self.max_age.is_none() && self.db_max_age.is_none())
            .then_some("`scan` needs `maxAge`, `dbMaxAge`, or both")
    }
}

impl User {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        const FIX: &str = "set a numeric user other than 0, as in `USER 65532`";
        let mut checked = Checked::default();
        if facts.evidence.subject.kind != SubjectKind::Image {
            checked.fail(
                ReasonCode::UnknownUser,
                "the target is not an image, so whom it runs as is unknown",
                "check the image itself",
            );
            return checked;
        }
        let whole = facts.evidence.image.user.as_str();
        let name = whole.split(':').next().unwrap_or_default();
        // Runtimes read a user as a number if they can, with a sign and leading zeros; only what is left is looked up by name.
        match (name, name.parse::<i64>()) {
            ("", _) => {
                checked.fail(ReasonCode::UserIsRoot, "the image sets no user, so it runs as root", FIX);
            }
            ("root", _) | (_, Ok(0)) => checked.fail(
                ReasonCode::UserIsRoot,
                format!("the image runs as root (`{whole}`)"),
                FIX,
            ),
            (_, Ok(1..=0xffff_fffe)) => {}
            _ if self.nonroot.iter().any(|known| known == name) => {}
            _ => checked.fail(
                ReasonCode::UnknownUser,
                format!("the image runs as `{name}`, which the image itself may make another name of root"),
                format!("{FIX}; or list the name under `nonroot`"),
            ),
        }
        checked
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        let bad = |name: &String| {
            name.is_empty() || name == "root" || name.contains(':') || name.parse::<i64>().is_ok()
        };
        self.nonroot
            .iter()
            .any(bad)
            .then_some("`nonroot` lists names of users other than root, without group; numbers need no listing")
    }
}

impl<'de> Deserialize<'de> for User {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            nonroot: Vec<String>,
        }
        struct Either(User);
        impl<'de> Deserialize<'de> for Either {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Document::deserialize(deserializer).map(|d| Self(User { nonroot: d.nonroot }))
            }
        }
        let word = |text: &str| (text == "nonroot").then(|| Either(Self::default()));
        word_or_map(deserializer, "`nonroot` or a mapping with `nonroot`", word)
            .map(|e: Either| e.0)
    }
}

impl Deny {
    pub(crate) fn check<'a>(&self) -> Checked<'a> {
        let mut checked = Checked::default();
        checked.fail(ReasonCode::Denied, &self.message, "use another image, or change the policy");
        checked
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        self.message.trim().is_empty().then_some("`deny` needs a message that says why")
    }
}
