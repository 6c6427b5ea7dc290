//! Globs: anchored at both ends, `*` within a segment, `**` for any number of whole segments. Nothing else is special.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Characters of one pattern. Bounds the time of a match, which is the product of both lengths.
const LENGTH: usize = 1024;

/// A pattern for names and paths, whose segments are separated by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glob {
    text: String,
    segments: Vec<Segment>,
}

/// One segment of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// `**`: any number of segments, none included.
    Any,
    /// Text in which `*` stands for any characters.
    Text(String),
}

/// Why a text is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a pattern: {reason}")]
pub struct ParseGlobError {
    text: String,
    reason: &'static str,
}

impl Glob {
    /// Whether the whole of `text` is what the pattern describes.
    pub fn matches(&self, text: &str) -> bool {
        let segments: Vec<&str> = text.split('/').collect();
        matches_segments(&self.segments, &segments)
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Glob {
    type Err = ParseGlobError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseGlobError { text: text.chars().take(200).collect(), reason };
        if text.is_empty() {
            return Err(fail("it is empty"));
        }
        if text.len() > LENGTH {
            return Err(fail("it is longer than 1024 bytes"));
        }
        Ok(Self { text: text.to_owned(), segments: parse_segments(text).map_err(fail)? })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

pub(crate) fn parse_segments(text: &str) -> Result<Vec<Segment>, &'static str> {
    text.split('/')
        .map(|segment| match segment {
            "**" => Ok(Segment::Any),
            text if text.contains("**") => {
                Err("`**` stands for whole segments: write `a/**` or `a*`, not `a**`")
            }
            text => Ok(Segment::Text(text.to_owned())),
        })
        .collect()
}

/// Matches segments, remembering only the last `**`: what an earlier one took never needs to change.
pub(crate) fn matches_segments(pattern: &[Segment], text: &[&str]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Segment::Any) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(Segment::Text(segment)) if matches_text(segment, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    retry = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|segment| *segment == Segment::Any)
}

/// Matches one segment.
pub(crate) fn matches_text(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&byte) if byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    retry = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_anchored_and_stop_at_segments() {
        for (pattern, text, want) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "ba", false),
            ("a*", "abc", true),
            ("a*", "a", true),
            ("a*", "a/b", false),
            ("*", "a/b", false),
            ("*c*e", "abcde", true),
            ("*c*e", "abcdf", false),
            ("a*b*c", "aXbXbXc", true),
            ("**", "a/b/c", true),
            ("**", "a", true),
            ("a/**", "a", true),
            ("a/**", "a/b/c", true),
            ("a/**", "ab/c", false),
            ("**/c", "a/b/c", true),
            ("**/c", "c", true),
            ("**/c", "a/bc", false),
            ("a/**/d", "a/d", true),
            ("a/**/d", "a/b/c/d", true),
            ("a/**/d", "a/b/c/e", false),
            ("**/b/**/d", "a/b/b/c/d", true),
            ("a?", "ab", false),
            ("usr/[x]", "usr/[x]", true),
            ("*log4j*", "org.apache.logging.log4j:log4j-core", true),
        ] {
            let glob: Glob = pattern.parse().unwrap();
            assert_eq!(glob.matches(text), want, "{pattern} on {text}");
        }
        for bad in ["", "a**", "**a/b", "a/**b", "***"] {
            assert!(bad.parse::<Glob>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let glob: Glob = "*a".repeat(500).parse().unwrap();
        assert!(!glob.matches(&"a".repeat(400)));
        let glob: Glob = "**/a/".repeat(200).trim_end_matches('/').parse().unwrap();
        assert!(!glob.matches("a/".repeat(150).trim_end_matches('/')));
    }
}
