//! What may have remained unread: `gaps`.

use hullmark_inventory::{Gap, GapReason};
use serde::{Deserialize, Deserializer};

use super::{Checked, Facts, word_or_map};
use crate::exception::Keys;
use crate::glob::Glob;
use crate::verdict::ReasonCode;

/// `gaps: deny`, or `gaps: {allow: […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Gaps that are tolerated.
    pub allow: Vec<AllowedGap>,
}

/// A gap that is tolerated: by its reason, its path, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedGap {
    /// Why it was not analysed.
    pub reason: Option<GapReason>,
    /// The file.
    pub path: Option<Glob>,
}

impl Gaps {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        for gap in &facts.evidence.inventory.gaps {
            if self.allow.iter().any(|allowed| allowed.covers(gap)) {
                continue;
            }
            let (place, fix) = if gap.path.as_str().is_empty() {
                ("the image".to_owned(), "find out why")
            } else {
                (format!("`{}`", gap.path.as_str()), "repair or remove the file")
            };
            let detail =
                if gap.detail.is_empty() { String::new() } else { format!(": {}", gap.detail) };
            checked.fail_for(
                Keys {
                    id: Some(gap.reason.as_str()),
                    path: Some(gap.path.as_str()),
                    ..Keys::default()
                },
                ReasonCode::Gap,
                format!("{place} could not be analysed ({}){detail}", gap.reason.as_str()),
                match gap.reason {
                    GapReason::NoAdvisories | GapReason::StaleAdvisories => {
                        "update the advisories with `hullmark db update`".to_owned()
                    }
                    _ => format!("{fix}, or allow the gap in the policy"),
                },
            );
        }
        checked
    }
}

impl AllowedGap {
    fn covers(&self, gap: &Gap) -> bool {
        self.reason.is_none_or(|reason| reason == gap.reason)
            && self.path.as_ref().is_none_or(|path| path.matches(gap.path.as_str()))
    }
}

impl<'de> Deserialize<'de> for Gaps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            allow: Vec<AllowedGap>,
        }
        struct Either(Gaps);
        impl<'de> Deserialize<'de> for Either {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Document::deserialize(deserializer).map(|d| Self(Gaps { allow: d.allow }))
            }
        }
        let word = |text: &str| (text == "deny").then(|| Either(Self::default()));
        word_or_map(deserializer, "`deny` or a mapping with `allow`", word).map(|e: Either| e.0)
    }
}

impl<'de> Deserialize<'de> for AllowedGap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            reason: Option<GapReason>,
            path: Option<Glob>,
        }
        struct Either(AllowedGap);
        impl<'de> Deserialize<'de> for Either {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let Document { reason, path } = Document::deserialize(deserializer)?;
                if reason.is_none() && path.is_none() {
                    return Err(serde::de::Error::custom(
                        "an allowed gap needs a `reason`, a `path`, or both",
                    ));
                }
                Ok(Self(AllowedGap { reason, path }))
            }
        }
        let word = |text: &str| {
            let reason = GapReason::deserialize(serde::de::value::StrDeserializer::<
                serde::de::value::Error,
            >::new(text));
            reason.ok().map(|reason| Either(Self { reason: Some(reason), path: None }))
        };
        word_or_map(
            deserializer,
            "the reason of a gap (such as `unsupported`) or a mapping with `reason` and `path`",
            word,
        )
        .map(|e: Either| e.0)
    }
}
