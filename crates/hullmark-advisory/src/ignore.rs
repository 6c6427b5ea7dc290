//! Ignore rules: findings that somebody decided not to count, with a reason, perhaps until a date.
//!
//! ```yaml
//! ignore:
//!   - id: CVE-2024-1234          # at least one of id, package, path, purl
//!     package: openssl
//!     path: usr/share/**         # glob: * within a folder, ** across folders
//!     purl: pkg:deb/debian/openssl
//!     reason: not reachable from the network
//!     expires: 2027-01-31        # optional; counts until the end of that day (UTC)
//! ```

use hullmark_inventory::purl::{self, PackageUrl};
use hullmark_inventory::{Inventory, Package};
use jiff::Timestamp;
use serde::Deserialize;

use crate::finding::{Finding, SuppressedBy, Suppression};

/// Bytes of an ignore file.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The rules of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The file, for people.
    pub source: String,
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
}

/// One rule. What is given must all hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Any id of the vulnerability, or of a record about it.
    pub id: Option<String>,
    /// The package's name, or its source's.
    pub package: Option<String>,
    /// Glob over the path of the package's evidence.
    pub path: Option<String>,
    /// Package URL: type, namespace and name, and the version if it gives one.
    pub purl: Option<PackageUrl>,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// Why a file is no list of ignore rules.
#[derive(Debug, thiserror::Error)]
pub enum IgnoreError {
    /// It is too large.
    #[error("ignore file is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is not YAML (or JSON) of the expected shape.
    #[error("ignore file is malformed: {0}")]
    Malformed(String),
    /// A rule would ignore everything.
    #[error("ignore rule {0} selects nothing: give an id, package, path or purl")]
    Everything(usize),
    /// A rule gives no reason.
    #[error("ignore rule {0} has no reason")]
    Reason(usize),
    /// A rule has a malformed purl.
    #[error("ignore rule {0} has a malformed purl: `{1}`")]
    Purl(usize, String),
    /// A rule has a malformed date.
    #[error(
        "ignore rule {0} has a malformed date: `{1}` (expected `YYYY-MM-DD` or an RFC 3339 time)"
    )]
    Date(usize, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    ignore: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    package: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    expires: Option<String>,
}

impl Rules {
    /// Reads an ignore file, YAML or JSON.
    ///
    /// # Errors
    /// If it is malformed, or a rule lacks a selector or a reason. Nothing is ignored by mistake.
    pub fn parse(text: &str, source: &str) -> Result<Self, IgnoreError> {
        if text.len() > MAX_BYTES {
            return Err(IgnoreError::TooLarge);
        }
        let file: RawFile =
            serde_saphyr::from_str(text).map_err(|e| IgnoreError::Malformed(e.to_string()))?;
        let rules = file.ignore.into_iter().enumerate().map(|(at, raw)| raw.rule(at + 1));
        Ok(Self { source: source.into(), rules: rules.collect::<Result<_, _>>()? })
    }

    /// Suppresses the findings that rules speak of, and returns the rules that have ended: those no longer count.
    pub fn apply(
        &self,
        now: Timestamp,
        inventory: &Inventory,
        findings: &mut [Finding],
    ) -> Vec<&Rule> {
        let (ended, valid): (Vec<&Rule>, Vec<&Rule>) =
            self.rules.iter().partition(|rule| rule.expires.is_some_and(|expires| expires <= now));
        for finding in findings.iter_mut().filter(|f| f.suppressed.is_none()) {
            let Some(package) = inventory.packages.get(finding.package) else { continue };
            let url = purl::of(package, inventory.os.as_ref());
            if let Some(rule) = valid.iter().find(|rule| rule.covers(finding, package, &url)) {
                finding.suppressed = Some(Suppression {
                    by: SuppressedBy::Ignore,
                    source: self.source.clone(),
                    reason: rule.reason.clone(),
                    expires: rule.expires,
                });
            }
        }
        ended
    }
}

impl RawRule {
    fn rule(self, number: usize) -> Result<Rule, IgnoreError> {
        if [&self.id, &self.package, &self.path, &self.purl].iter().all(|s| s.is_none()) {
            return Err(IgnoreError::Everything(number));
        }
        if self.reason.trim().is_empty() {
            return Err(IgnoreError::Reason(number));
        }
        let purl = match self.purl {
            Some(text) => Some(text.parse().map_err(|_| IgnoreError::Purl(number, text))?),
            None => None,
        };
        let expires = match self.expires {
            Some(text) => Some(end_of(&text).ok_or(IgnoreError::Date(number, text))?),
            None => None,
        };
        Ok(Rule {
            id: self.id,
            package: self.package,
            path: self.path,
            purl,
            reason: self.reason,
            expires,
        })
    }
}

/// A time as it is, or the end of a day.
fn end_of(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

impl Rule {
    fn covers(&self, finding: &Finding, package: &Package, url: &PackageUrl) -> bool {
        let id = |id: &String| {
            *id == finding.id
                || finding.aliases.contains(id)
                || finding.basis.iter().any(|basis| basis.record == *id)
        };
        let purl = |wanted: &PackageUrl| {
            wanted.kind() == url.kind()
                && wanted.namespace() == url.namespace()
                && wanted.name() == url.name()
                && wanted.version().is_none_or(|version| url.version() == Some(version))
        };
        self.id.as_ref().is_none_or(id)
            && self
                .package
                .as_ref()
                .is_none_or(|n| *n == package.name || n == package.source_name())
            && self.path.as_ref().is_none_or(|glob| glob_matches(glob, package.path.as_str()))
            && self.purl.as_ref().is_none_or(purl)
    }
}

/// Whether a path matches a glob: `*` and `?` within a component, `**` across components. Linear in both, times the number
/// of components: a star remembers only where it last stood.
fn glob_matches(glob: &str, path: &str) -> bool {
    let globs: Vec<&str> = glob.trim_start_matches('/').split('/').collect();
    let parts: Vec<&str> = path.split('/').collect();
    wild(
        &globs,
        &parts,
        |g| *g == "**",
        |g, p| {
            let (g, p): (Vec<char>, Vec<char>) = (g.chars().collect(), p.chars().collect());
            wild(&g, &p, |c| *c == '*', |g, p| *g == '?' || g == p)
        },
    )
}

/// Matches a pattern with wildcards that stand for any number of items.
fn wild<G, P>(
    pattern: &[G],
    items: &[P],
    is_wild: impl Fn(&G) -> bool,
    same: impl Fn(&G, &P) -> bool,
) -> bool {
    let (mut at, mut item) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while item < items.len() {
        if pattern.get(at).is_some_and(&is_wild) {
            star = Some((at, item));
            at += 1;
        } else if pattern.get(at).is_some_and(|g| same(g, &items[item])) {
            at += 1;
            item += 1;
        } else if let Some((star_at, star_item)) = star {
            star = Some((star_at, star_item + 1));
            at = star_at + 1;
            item = star_item + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(is_wild)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_anchored_and_know_folders() {
        for (glob, path, expected) in [
            ("usr/**", "usr/lib/x", true),
            ("usr/*", "usr/lib/x", false),
            ("**/x", "usr/lib/x", true),
            ("**", "a/b", true),
            ("usr/*/x", "usr/lib/x", true),
            ("usr/l?b/x", "usr/lib/x", true),
            ("usr", "usr/lib", false),
            ("lib/x", "usr/lib/x", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
        ] {
            assert_eq!(glob_matches(glob, path), expected, "{glob} {path}");
        }
    }

    #[test]
    fn rules_need_a_selector_and_a_reason() {
        for (text, why) in [
            ("ignore: [{reason: x}]", "selects nothing"),
            ("ignore: [{id: CVE-1}]", "no reason"),
            ("ignore: [{id: CVE-1, reason: x, expires: soon}]", "malformed date"),
            ("ignore: [{purl: 'nonsense', reason: x}]", "malformed purl"),
            ("ignore: [{id: CVE-1, reason: x, packge: y}]", "malformed"),
            ("[]", "malformed"),
        ] {
            let error = Rules::parse(text, "file").expect_err(why).to_string();
            assert!(error.contains(why), "{error} does not say {why}");
        }
        let rules = Rules::parse("ignore: [{id: CVE-1, reason: x, expires: 2027-01-31}]", "file");
        let expires = rules.expect("parses").rules[0].expires;
        assert_eq!(expires, "2027-02-01T00:00:00Z".parse().ok());
    }
}
