//! SPDX license expressions, as far as a decision needs them, and the names that package databases use instead.
//!
//! See: SPDX 2.3 annex D "SPDX license expressions".

use std::fmt;

/// Bytes of one expression; longer texts are whole licenses, not names of one.
const LENGTH: usize = 2048;
/// Parentheses in parentheses.
const DEPTH: usize = 16;

/// A license expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// One license.
    License(License),
    /// All apply.
    And(Vec<Self>),
    /// The recipient chooses.
    Or(Vec<Self>),
}

/// One license, by its normalised id: lower case, `-only` and `-or-later` written out for the GNU family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct License {
    /// As found.
    pub(crate) written: String,
    /// Normalised.
    pub(crate) id: String,
    /// What stands after `WITH`, lower case.
    pub(crate) exception: Option<String>,
}

impl Expression {
    /// Reads an expression, or a name that is known to mean one license. `None` if the text is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > LENGTH {
            return None;
        }
        let text = text.trim();
        if let Some(id) = known_name(text) {
            let license = License { written: text.into(), id: normal_id(id), exception: None };
            return Some(Self::License(license));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let expression = parser.any()?;
        (parser.at == tokens.len()).then_some(expression)
    }
}

struct Parser<'a> {
    tokens: &'a [&'a str],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.take("or") {
            parts.push(self.all()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Expression::Or(parts)) }
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.one()?];
        while self.take("and") {
            parts.push(self.one()?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Expression::And(parts)) }
    }

    fn one(&mut self) -> Option<Expression> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > DEPTH {
                return None;
            }
            let inner = self.any()?;
            self.depth -= 1;
            return self.take(")").then_some(inner);
        }
        let written = self.name()?;
        let id = known_name(&written).map_or_else(|| normal_id(&written), normal_id);
        let exception =
            if self.take("with") { Some(self.name()?.to_ascii_lowercase()) } else { None };
        Some(Expression::License(License { written, id, exception }))
    }

    fn name(&mut self) -> Option<String> {
        let token = *self.tokens.get(self.at)?;
        let operator = ["and", "or", "with"].iter().any(|o| token.eq_ignore_ascii_case(o));
        if operator || matches!(token, "(" | ")") {
            return None;
        }
        self.at += 1;
        Some(token.to_owned())
    }

    fn take(&mut self, wanted: &str) -> bool {
        let taken = self.tokens.get(self.at).is_some_and(|t| t.eq_ignore_ascii_case(wanted));
        self.at += usize::from(taken);
        taken
    }
}

fn tokens(text: &str) -> Option<Vec<&str>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '(' | ')' => 1,
            _ => rest.find([' ', '\t', '\n', '\r', '(', ')']).unwrap_or(rest.len()),
        };
        let token = &rest[..end];
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b':' | b'_');
        if !matches!(token, "(" | ")") && !token.bytes().all(plain) {
            return None;
        }
        tokens.push(token);
        rest = rest[end..].trim_start();
    }
    Some(tokens)
}

/// Lower case; of the GNU family also `gpl-2`, `gplv2`, `gpl-2.0+` and the deprecated bare id as one spelling each.
pub(crate) fn normal_id(id: &str) -> String {
    let lower = id.to_ascii_lowercase();
    match Gnu::parse(&lower) {
        Some(gnu) => gnu.to_string(),
        None => lower,
    }
}

/// A versioned license of the GNU family.
pub(crate) struct Gnu<'a> {
    family: &'a str,
    version: &'a str,
    /// Nothing, `-only` or `-or-later`.
    pub(crate) later: Option<bool>,
}

impl<'a> Gnu<'a> {
    pub(crate) fn parse(lower: &'a str) -> Option<Self> {
        let family = ["agpl", "lgpl", "gpl", "gfdl"].into_iter().find(|f| lower.starts_with(f))?;
        let rest = &lower[family.len()..];
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let rest = rest.strip_prefix('v').unwrap_or(rest);
        let (version, later) = if let Some(version) = rest.strip_suffix("-or-later") {
            (version, Some(true))
        } else if let Some(version) = rest.strip_suffix('+') {
            (version, Some(true))
        } else if let Some(version) = rest.strip_suffix("-only") {
            (version, Some(false))
        } else {
            (rest, None)
        };
        let version = version.strip_suffix(".0").unwrap_or(version);
        let plain = !version.is_empty()
            && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
            && version.bytes().any(|b| b.is_ascii_digit());
        plain.then_some(Self { family, version, later })
    }
}

impl fmt::Display for Gnu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zero = if self.version.contains('.') { "" } else { ".0" };
        let later = if self.later == Some(true) { "or-later" } else { "only" };
        write!(f, "{}-{}{zero}-{later}", self.family, self.version)
    }
}

/// Names that package databases and authors use for one license, with its SPDX id.
fn known_name(text: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("expat", "MIT"),
        ("mit license", "MIT"),
        ("the mit license", "MIT"),
        ("the mit license (mit)", "MIT"),
        ("apache 2", "Apache-2.0"),
        ("apache 2.0", "Apache-2.0"),
        ("apache-2", "Apache-2.0"),
        ("apache license 2.0", "Apache-2.0"),
        ("apache license, version 2.0", "Apache-2.0"),
        ("the apache license, version 2.0", "Apache-2.0"),
        ("the apache software license, version 2.0", "Apache-2.0"),
        ("apache license version 2.0", "Apache-2.0"),
        ("3-clause bsd license", "BSD-3-Clause"),
        ("new bsd license", "BSD-3-Clause"),
        ("bsd 3-clause", "BSD-3-Clause"),
        ("2-clause bsd license", "BSD-2-Clause"),
        ("simplified bsd license", "BSD-2-Clause"),
        ("isc license", "ISC"),
        ("mozilla public license 2.0", "MPL-2.0"),
        ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
        ("mpl 2.0", "MPL-2.0"),
        ("python software foundation license", "PSF-2.0"),
        ("psf", "PSF-2.0"),
        ("eclipse public license 2.0", "EPL-2.0"),
        ("eclipse public license v2.0", "EPL-2.0"),
        ("gnu general public license v2 (gplv2)", "GPL-2.0-only"),
        ("gnu general public license v2 or later (gplv2+)", "GPL-2.0-or-later"),
        ("gnu general public license v3 (gplv3)", "GPL-3.0-only"),
        ("gnu general public license v3 or later (gplv3+)", "GPL-3.0-or-later"),
        ("gnu lesser general public license v3 (lgplv3)", "LGPL-3.0-only"),
        ("gnu affero general public license v3", "AGPL-3.0-only"),
        ("the unlicense", "Unlicense"),
        ("zlib/libpng license", "Zlib"),
        ("boost software license 1.0", "BSL-1.0"),
    ];
    let lower = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    NAMES.iter().find(|(name, _)| *name == lower).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(expression: &Expression) -> String {
        let join = |parts: &[Expression], sign| {
            format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(sign))
        };
        match expression {
            Expression::License(License { id, exception: None, .. }) => id.clone(),
            Expression::License(License { id, exception: Some(e), .. }) => format!("{id}~{e}"),
            Expression::And(parts) => join(parts, "&"),
            Expression::Or(parts) => join(parts, "|"),
        }
    }

    #[test]
    fn expressions_and_names_are_read_and_prose_is_not() {
        for (text, want) in [
            ("MIT", Some("mit")),
            ("Expat", Some("mit")),
            ("MIT OR Apache-2.0", Some("(mit|apache-2.0)")),
            ("MIT AND Apache-2.0 OR ISC", Some("((mit&apache-2.0)|isc)")),
            ("MIT AND (Apache-2.0 OR ISC)", Some("(mit&(apache-2.0|isc))")),
            ("GPL-2.0", Some("gpl-2.0-only")),
            ("GPL-2+ or Artistic", Some("(gpl-2.0-or-later|artistic)")),
            ("gplv3", Some("gpl-3.0-only")),
            ("LGPL-2.1+", Some("lgpl-2.1-or-later")),
            (
                "GPL-2.0-only WITH Classpath-exception-2.0",
                Some("gpl-2.0-only~classpath-exception-2.0"),
            ),
            ("GPL", Some("gpl")),
            ("GNU General Public License v2 or later (GPLv2+)", Some("gpl-2.0-or-later")),
            ("", None),
            ("MIT OR", None),
            ("OR", None),
            ("(MIT", None),
            ("MIT)", None),
            ("MIT Apache-2.0", None),
            ("MIT WITH", None),
            ("BSD style, see file", None),
            ("MIT/Apache-2.0", None),
        ] {
            assert_eq!(Expression::parse(text).as_ref().map(show).as_deref(), want, "{text}");
        }
        let deep = |n| format!("{}MIT{}", "(".repeat(n), ")".repeat(n));
        assert!(Expression::parse(&deep(16)).is_some());
        assert!(Expression::parse(&deep(17)).is_none());
        assert!(Expression::parse(&"(".repeat(100_000)).is_none());
    }
}
