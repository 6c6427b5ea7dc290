//! Which licenses are accepted: `licenses`.
//!
//! `OR` is the recipient's choice: such an expression is accepted if one of its sides is. `AND`, and several licenses of one
//! package, all apply. `WITH` adds permissions to a license, so a pattern without it covers the license with any exception too.

use std::fmt;
use std::str::FromStr;

use hullmark_inventory::{Package, PackageKind};
use serde::{Deserialize, Deserializer};

use super::spdx::{Expression, Gnu, License, normal_id};
use super::vulnerabilities::named;
use super::{Checked, Facts, Unjudged};
use crate::exception::Keys;
use crate::glob::matches_text;
use crate::verdict::ReasonCode;

/// `licenses: {deny: […], allow: […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Licenses {
    /// Accepted licenses; empty for all that are not denied.
    pub allow: Vec<LicensePattern>,
    /// Licenses that are not accepted. Stronger than `allow`.
    pub deny: Vec<LicensePattern>,
    /// Packages whose license is missing or not understood.
    pub unknown: Unjudged,
    /// Only packages of these kinds are judged; empty for all.
    pub kinds: Vec<PackageKind>,
}

/// A license's SPDX id, with `*` for any characters, optionally `WITH` an exception.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LicensePattern {
    text: String,
    id: String,
    /// Covers `-only` and `-or-later` alike: a GNU license without either.
    both: bool,
    exception: Option<String>,
}

/// Why a text is not a license pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a license: write one SPDX id, as in `MIT`, `GPL-3.0*` or `GPL-2.0-only WITH Classpath-exception-2.0`"
)]
pub struct ParseLicensePatternError(String);

/// How a license fares. Ordered: of alternatives the least counts, of a sum the greatest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Judged {
    Accepted,
    Unknown(String),
    NotAllowed(String),
    Denied(String),
}

impl Licenses {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        for package in &facts.evidence.inventory.packages {
            if self.kinds.is_empty() || self.kinds.contains(&package.kind) {
                self.check_package(package, &mut checked);
            }
        }
        checked
    }

    fn check_package<'a>(&self, package: &'a Package, checked: &mut Checked<'a>) {
        let keys = |id| Keys { id, package: Some(package), ..Keys::default() };
        if package.licenses.is_empty() {
            if self.unknown == Unjudged::Deny {
                checked.fail_for(
                    keys(None),
                    ReasonCode::UnknownLicense,
                    format!("{} has no known license", named(package)),
                    format!(
                        "except {} with its license as the reason, or set `unknown: ignore`",
                        package.name
                    ),
                );
            }
            return;
        }
        for text in &package.licenses {
            let (code, problem) = match self.judge(text, package.kind) {
                Judged::Accepted => continue,
                Judged::Unknown(_) if self.unknown == Unjudged::Ignore => continue,
                Judged::Unknown(text) => {
                    (ReasonCode::UnknownLicense, format!("`{text}`, which is not understood"))
                }
                Judged::NotAllowed(id) => {
                    (ReasonCode::LicenseNotAllowed, format!("`{id}`, which is not allowed"))
                }
                Judged::Denied(id) => {
                    (ReasonCode::LicenseDenied, format!("`{id}`, which is denied"))
                }
            };
            checked.fail_for(
                keys(Some(text)),
                code,
                format!("{} is under {problem}", named(package)),
                format!("replace {}, or except it", package.name),
            );
        }
    }

    fn judge(&self, text: &str, kind: PackageKind) -> Judged {
        // Cargo's old way of writing a choice.
        let choice =
            (kind == PackageKind::Cargo && text.contains('/')).then(|| text.replace('/', " OR "));
        match Expression::parse(choice.as_deref().unwrap_or(text)) {
            Some(expression) => self.judge_expression(&expression),
            None => self.judge_prose(text),
        }
    }

    /// Recursion is bounded by the parser's depth.
    fn judge_expression(&self, expression: &Expression) -> Judged {
        match expression {
            Expression::License(license) => {
                if self.deny.iter().any(|pattern| pattern.covers(license)) {
                    Judged::Denied(license.written.clone())
                } else if self.allow.is_empty() || self.allow.iter().any(|p| p.covers(license)) {
                    Judged::Accepted
                } else {
                    Judged::NotAllowed(license.written.clone())
                }
            }
            Expression::Or(parts) => {
                parts.iter().map(|p| self.judge_expression(p)).min().unwrap_or(Judged::Accepted)
            }
            Expression::And(parts) => {
                parts.iter().map(|p| self.judge_expression(p)).max().unwrap_or(Judged::Accepted)
            }
        }
    }

    /// A text that names no license by id may still be named as a whole.
    fn judge_prose(&self, text: &str) -> Judged {
        let lower = text.trim().to_lowercase();
        let shown: String = text.chars().take(80).collect();
        if self.deny.iter().any(|p| p.covers_prose(&lower)) {
            Judged::Denied(shown)
        } else if self.allow.iter().any(|p| p.covers_prose(&lower)) {
            Judged::Accepted
        } else {
            Judged::Unknown(shown)
        }
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        (self.allow.is_empty() && self.deny.is_empty())
            .then_some("`licenses` needs at least one entry in `allow` or `deny`")
    }
}

impl LicensePattern {
    fn covers(&self, license: &License) -> bool {
        let exception = match (&self.exception, &license.exception) {
            (None, _) => true,
            (Some(wanted), Some(has)) => matches_text(wanted, has),
            (Some(_), None) => false,
        };
        let id = if self.both { without_suffix(&license.id) } else { license.id.as_str() };
        exception && matches_text(&self.id, id)
    }

    fn covers_prose(&self, lower: &str) -> bool {
        self.exception.is_none() && matches_text(&self.text.to_lowercase(), lower)
    }
}

fn without_suffix(id: &str) -> &str {
    id.strip_suffix("-only").or_else(|| id.strip_suffix("-or-later")).unwrap_or(id)
}

impl FromStr for LicensePattern {
    type Err = ParseLicensePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseLicensePatternError(text.chars().take(100).collect());
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let operator = |w: &str| ["and", "or"].iter().any(|o| w.eq_ignore_ascii_case(o));
        if words.is_empty() || text.len() > 200 || words.iter().any(|w| operator(w)) {
            return Err(error());
        }
        let with = words.iter().position(|w| w.eq_ignore_ascii_case("with"));
        let (name, exception) = match with {
            Some(at) if at > 0 && at + 2 == words.len() => (&words[..at], Some(words[at + 1])),
            Some(_) => return Err(error()),
            None => (&words[..], None),
        };
        let name = name.join(" ");
        let lower = name.to_ascii_lowercase();
        let both = Gnu::parse(&lower).is_some_and(|gnu| gnu.later.is_none());
        let normal = match Expression::parse(&name) {
            Some(Expression::License(license)) => license.id,
            _ => normal_id(&name),
        };
        let id = if both { without_suffix(&normal).to_owned() } else { normal };
        let exception = exception.map(str::to_ascii_lowercase);
        Ok(Self { text: text.to_owned(), id, both, exception })
    }
}

impl fmt::Display for LicensePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for LicensePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
