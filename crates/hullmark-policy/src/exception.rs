//! Exceptions: what a rule would refuse and somebody takes responsibility for, until a date.

use std::fmt;

use hullmark_advisory::Finding;
use hullmark_inventory::Package;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};

use crate::glob::Glob;
use crate::image::{ImagePattern, Matched, Target};

/// Suspends one rule for what it names. The rule is still evaluated, and the result says what was excepted and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Document")]
pub struct Exception {
    /// When it ends. First, so that of two exceptions the one that lasts longer is the greater.
    pub expires: Expiry,
    /// What the rule names: a vulnerability (by any of its ids), a license, the reason of a gap.
    pub id: Option<String>,
    /// Name of the package.
    pub package: Option<Glob>,
    /// Path of the package's evidence, or of the gap.
    pub path: Option<Glob>,
    /// The image.
    pub image: Option<ImagePattern>,
    /// Why.
    pub reason: String,
}

/// When an exception ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    /// At this moment, which is no longer covered.
    At(Timestamp),
    /// It does not end. Has to be written out.
    Never,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Document {
    id: Option<String>,
    package: Option<Glob>,
    path: Option<Glob>,
    image: Option<ImagePattern>,
    reason: String,
    expires: Expiry,
}

impl TryFrom<Document> for Exception {
    type Error = &'static str;

    fn try_from(document: Document) -> Result<Self, Self::Error> {
        let Document { id, package, path, image, reason, expires } = document;
        if id.is_none() && package.is_none() && path.is_none() && image.is_none() {
            return Err(
                "an exception names what it is for: at least one of `id`, `package`, `path`, `image`",
            );
        }
        if reason.trim().is_empty() {
            return Err("an exception needs a reason");
        }
        if id.as_ref().is_some_and(|id| id.trim().is_empty()) {
            return Err("the id of an exception is empty");
        }
        Ok(Self { expires, id, package, path, image, reason })
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self::Never);
        }
        let date = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok();
        // A time without offset parses as a date too, and would silently lose the time.
        let moment = if text.contains([':', 'T', ' ']) {
            text.parse::<Timestamp>().ok()
        } else {
            date().map(|day| day.timestamp())
        };
        moment.map(Self::At).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{}` is not an expiry: write a date (`2026-10-15`, from whose first moment in UTC the exception no longer counts), a time (`2026-10-15T12:00:00Z`) or `never`",
                text.chars().take(50).collect::<String>()
            ))
        })
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(moment) => write!(f, "{}", crate::rules::day(*moment)),
            Self::Never => f.write_str("never"),
        }
    }
}

impl Expiry {
    /// Whether the exception no longer counts.
    pub fn is_over(self, now: Timestamp) -> bool {
        match self {
            Self::At(moment) => moment <= now,
            Self::Never => false,
        }
    }
}

/// What a violation is about, as exceptions name it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys<'a> {
    /// The vulnerability, license or reason.
    pub(crate) id: Option<&'a str>,
    /// The finding, for its other ids.
    pub(crate) finding: Option<&'a Finding>,
    /// The package.
    pub(crate) package: Option<&'a Package>,
    /// The path, where there is no package.
    pub(crate) path: Option<&'a str>,
}

impl Exception {
    /// Whether every key that the exception names fits. What cannot be told does not fit.
    pub(crate) fn covers(&self, keys: &Keys<'_>, target: &Target<'_>) -> bool {
        let path = keys.path.or_else(|| keys.package.map(|p| p.path.as_str()));
        self.id.as_deref().is_none_or(|id| keys.is_named(id))
            && self
                .package
                .as_ref()
                .is_none_or(|glob| keys.package.is_some_and(|p| glob.matches(&p.name)))
            && self.path.as_ref().is_none_or(|glob| path.is_some_and(|p| glob.matches(p)))
            && self.image.as_ref().is_none_or(|image| image.matches(target) == Matched::Yes)
    }
}

impl Keys<'_> {
    fn is_named(&self, id: &str) -> bool {
        let aliases = self.finding.map(|f| f.aliases.as_slice()).unwrap_or_default();
        self.id.is_some_and(|own| own.eq_ignore_ascii_case(id))
            || aliases.iter().any(|alias| alias.eq_ignore_ascii_case(id))
    }
}
