//! The kinds of rules: what each reads of the evidence, and what it finds wrong.
//!
//! A rule that lacks a fact it needs finds that wrong too (its codes begin with `unknown-`): what is not known never passes.

mod gaps;
mod licenses;
mod origin;
mod packages;
mod spdx;
mod version;
mod vulnerabilities;
mod whole_image;

use hullmark_evidence::Evidence;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

use crate::exception::{Exception, Keys};
use crate::image::Target;
use crate::policy::Stage;
use crate::verdict::{Reason, ReasonCode};

pub use gaps::{AllowedGap, Gaps};
pub use licenses::{LicensePattern, Licenses};
pub use origin::{Pin, Registries, Required};
pub use packages::{PackagePattern, Packages};
pub use version::VersionRange;
pub use vulnerabilities::{Condition, GraceFrom, Trusted, Vulnerabilities};
pub use whole_image::{Age, Deny, Scan, User};

/// What to do with what cannot be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unjudged {
    /// It fails the rule.
    #[default]
    Deny,
    /// It is left out.
    Ignore,
}

/// Everything that a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) target: &'a Target<'a>,
    pub(crate) stage: Stage,
    pub(crate) now: Timestamp,
    /// The rule's own exceptions, for the rules that count.
    pub(crate) exceptions: &'a [Exception],
}

impl Facts<'_> {
    /// Whether an exception that has not ended covers this.
    pub(crate) fn is_excepted(&self, keys: &Keys<'_>) -> bool {
        self.exceptions.iter().any(|e| !e.expires.is_over(self.now) && e.covers(keys, self.target))
    }
}

/// What a rule found.
#[derive(Default)]
pub(crate) struct Checked<'a> {
    /// What is wrong, before exceptions.
    pub(crate) violations: Vec<Violation<'a>>,
    /// What else there is to know.
    pub(crate) notes: Vec<Reason>,
    /// When the result can change at the earliest.
    pub(crate) changes: Changes,
    /// Whether the rule means nothing for this target at this gate.
    pub(crate) not_applicable: bool,
}

/// One thing that is wrong.
pub(crate) struct Violation<'a> {
    pub(crate) reason: Reason,
    pub(crate) keys: Keys<'a>,
}

/// The earliest moment in the future at which something changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes(Option<Timestamp>);

impl Changes {
    /// Takes note of a moment; one that has passed changes nothing any more.
    pub(crate) fn add(&mut self, now: Timestamp, moment: Timestamp) {
        if moment > now {
            self.0 = Some(self.0.map_or(moment, |earliest| earliest.min(moment)));
        }
    }

    /// Takes note of everything in `other`.
    pub(crate) fn merge(&mut self, other: Self) {
        if let Some(moment) = other.0 {
            self.0 = Some(self.0.map_or(moment, |earliest| earliest.min(moment)));
        }
    }

    /// Returns the earliest moment.
    pub(crate) fn earliest(self) -> Option<Timestamp> {
        self.0
    }
}

impl<'a> Checked<'a> {
    /// Adds a violation of the image as a whole.
    pub(crate) fn fail(
        &mut self,
        code: ReasonCode,
        message: impl AsRef<str>,
        fix: impl AsRef<str>,
    ) {
        self.fail_for(Keys::default(), code, message, fix);
    }

    /// Adds a violation that exceptions can name.
    pub(crate) fn fail_for(
        &mut self,
        keys: Keys<'a>,
        code: ReasonCode,
        message: impl AsRef<str>,
        fix: impl AsRef<str>,
    ) {
        self.violations.push(Violation { reason: Reason::new(code, message, fix), keys });
    }

    pub(crate) fn note(&mut self, code: ReasonCode, message: impl AsRef<str>) {
        self.notes.push(Reason::note(code, message));
    }
}

/// Writes a moment as people read it: the day alone where it is the day's first moment.
pub(crate) fn day(moment: Timestamp) -> String {
    let text = moment.to_string();
    match text.split_once('T') {
        Some((day, "00:00:00Z")) => day.to_owned(),
        _ => text,
    }
}

/// Reads a value that is either a word or a mapping. Unlike an untagged enum it keeps the places of errors.
pub(crate) fn word_or_map<'de, D, T>(
    deserializer: D,
    expected: &'static str,
    word: fn(&str) -> Option<T>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct WordOrMap<T> {
        expected: &'static str,
        word: fn(&str) -> Option<T>,
    }

    impl<'de, T: Deserialize<'de>> Visitor<'de> for WordOrMap<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.word)(text)
                .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self.expected))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(WordOrMap { expected, word })
}
