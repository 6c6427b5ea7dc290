//! Licences: from what package databases say to SPDX identifiers and expressions, or a name where there is none.
//!
//! Only what is certain is translated. `BSD` names four licences and stays a name.

/// Bytes of a text that may be an identifier or expression; anything longer is a name or a licence text.
const MAX_EXPRESSION_BYTES: usize = 1024;

/// A licence as documents can carry it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum License {
    /// An identifier of the SPDX licence list.
    Id(&'static str),
    /// A valid SPDX expression of several identifiers.
    Expression(String),
    /// A name or text that is neither.
    Name(String),
}

impl License {
    /// Returns identifier, expression or name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(text) => text,
            Self::Expression(text) | Self::Name(text) => text,
        }
    }
}

/// Returns the licence that `text` means; `None` if it says nothing (`""`, `UNKNOWN`, `NOASSERTION`).
pub fn normalize(text: &str) -> Option<License> {
    let text = text.trim();
    let text = text.rsplit_once("License :: ").map_or(text, |(_, rest)| rest);
    let text = text.strip_prefix("OSI Approved :: ").unwrap_or(text);
    if ["", "unknown", "none", "noassertion"].iter().any(|n| text.eq_ignore_ascii_case(n)) {
        return None;
    }
    if text.len() > MAX_EXPRESSION_BYTES {
        return Some(License::Name(text.into()));
    }
    if let Some(id) = id(text) {
        return Some(License::Id(id));
    }
    Some(match expression(text) {
        Some(expression) => License::Expression(expression),
        None => License::Name(text.into()),
    })
}

/// Returns what several statements mean together, without repetitions, in the order of first mention.
pub fn normalize_all<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<License> {
    let mut seen = std::collections::BTreeSet::new();
    let licenses = texts.into_iter().filter_map(|text| normalize(text));
    licenses.filter(|license| seen.insert(license.clone())).collect()
}

/// Joins expressions by `AND`.
pub fn all_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.into_iter().collect();
    let grouped = |part: &&str| {
        if parts.len() > 1 && part.contains(" OR ") { format!("({part})") } else { (*part).into() }
    };
    parts.iter().map(grouped).collect::<Vec<String>>().join(" AND ")
}

/// Returns the identifier for one name: as distributions use it (`GPL-2.0`, long deprecated, too), then the list in any letter case.
fn id(name: &str) -> Option<&'static str> {
    let same = |id: &str| id.eq_ignore_ascii_case(name);
    let common = COMMON.iter().find(|(known, _)| same(known)).map(|(_, id)| *id);
    // The crate's own lookup drops a `+`, which says more than the identifier does.
    let exact = || spdx::license_id(name).map(|l| l.name).filter(|id| *id == name);
    let listed = || spdx::identifiers::LICENSES.iter().map(|l| l.name).find(|id| same(id));
    // `GFDL-1.3-invariants` is an aid of the crate for parsing, no identifier; nor is the word for nothing said.
    let is_real = |id: &&str| !id.ends_with("invariants") && *id != "NOASSERTION";
    common.or_else(exact).or_else(listed).filter(is_real)
}

/// Rebuilds `text` as an expression of identifiers; `None` if one of its terms is not known.
fn expression(text: &str) -> Option<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " or ");
    let mut out: Vec<String> = Vec::new();
    let mut term: Vec<&str> = Vec::new();
    let mut is_exception = false;
    // An operator at the end closes the last term like any other.
    for word in spaced.split_whitespace().chain(["end"]) {
        let operator = match word {
            "(" | ")" | "end" => Some(word.to_owned()),
            _ if ["and", "or", "with"].iter().any(|o| word.eq_ignore_ascii_case(o)) => {
                Some(word.to_ascii_uppercase())
            }
            _ => None,
        };
        let Some(operator) = operator else {
            term.push(word);
            continue;
        };
        if !term.is_empty() {
            let name = term.join(" ");
            out.push(if is_exception { exception(&name)? } else { term_id(&name)? });
            term.clear();
        }
        is_exception = operator == "WITH";
        if operator != "end" {
            out.push(operator);
        }
    }
    let text = out.join(" ").replace("( ", "(").replace(" )", ")");
    let mode = spdx::ParseMode { allow_deprecated: true, ..spdx::ParseMode::STRICT };
    spdx::Expression::parse_mode(&text, mode).is_ok().then_some(text)
}

fn term_id(name: &str) -> Option<String> {
    if let Some(id) = id(name) {
        return Some(id.into());
    }
    // `Apache-2.0+`: any later version. GNU licences have identifiers of their own for that.
    let id = id(name.strip_suffix('+')?)?;
    spdx::license_id(id).filter(|l| !l.is_gnu()).map(|l| format!("{}+", l.name))
}

fn exception(name: &str) -> Option<String> {
    let mut names = spdx::identifiers::EXCEPTIONS.iter().map(|e| e.name);
    names.find(|known| known.eq_ignore_ascii_case(name)).map(Into::into)
}

/// Names used by Debian copyright files, Fedora and SUSE before they took to SPDX, Alpine, Python classifiers and npm.
const COMMON: &[(&str, &str)] = &[
    ("Apache", "Apache-2.0"),
    ("Apache 2", "Apache-2.0"),
    ("Apache 2.0", "Apache-2.0"),
    ("Apache-2", "Apache-2.0"),
    ("Apache License 2.0", "Apache-2.0"),
    ("Apache License, Version 2.0", "Apache-2.0"),
    ("Apache Software License", "Apache-2.0"),
    ("Apache2", "Apache-2.0"),
    ("ASL 2.0", "Apache-2.0"),
    ("Artistic 2.0", "Artistic-2.0"),
    ("BSD 2-Clause", "BSD-2-Clause"),
    ("BSD 3-Clause", "BSD-3-Clause"),
    ("3-Clause BSD License", "BSD-3-Clause"),
    ("BSD-2", "BSD-2-Clause"),
    ("BSD-3", "BSD-3-Clause"),
    ("BSD-4", "BSD-4-Clause"),
    ("Boost", "BSL-1.0"),
    ("Boost Software License 1.0", "BSL-1.0"),
    ("CC0", "CC0-1.0"),
    ("EPL", "EPL-1.0"),
    ("Eclipse Public License 2.0 (EPL-2.0)", "EPL-2.0"),
    ("Expat", "MIT"),
    ("GPL+", "GPL-1.0-or-later"),
    ("GPL-1", "GPL-1.0-only"),
    ("GPL-1+", "GPL-1.0-or-later"),
    ("GPL-2", "GPL-2.0-only"),
    ("GPL-2+", "GPL-2.0-or-later"),
    ("GPL-2.0", "GPL-2.0-only"),
    ("GPL-2.0+", "GPL-2.0-or-later"),
    ("GPL-3", "GPL-3.0-only"),
    ("GPL-3+", "GPL-3.0-or-later"),
    ("GPL2", "GPL-2.0-only"),
    ("GPL3", "GPL-3.0-only"),
    ("GPLv2", "GPL-2.0-only"),
    ("GPLv2+", "GPL-2.0-or-later"),
    ("GPLv3", "GPL-3.0-only"),
    ("GPLv3+", "GPL-3.0-or-later"),
    ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
    ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
    ("AGPLv3", "AGPL-3.0-only"),
    ("AGPLv3+", "AGPL-3.0-or-later"),
    ("LGPL-2", "LGPL-2.0-only"),
    ("LGPL-2+", "LGPL-2.0-or-later"),
    ("LGPL-2.1", "LGPL-2.1-only"),
    ("LGPL-2.1+", "LGPL-2.1-or-later"),
    ("LGPL-3", "LGPL-3.0-only"),
    ("LGPL-3+", "LGPL-3.0-or-later"),
    ("LGPLv2", "LGPL-2.0-only"),
    ("LGPLv2+", "LGPL-2.0-or-later"),
    ("LGPLv2.1", "LGPL-2.1-only"),
    ("LGPLv2.1+", "LGPL-2.1-or-later"),
    ("LGPLv3", "LGPL-3.0-only"),
    ("LGPLv3+", "LGPL-3.0-or-later"),
    ("GFDL-1.3", "GFDL-1.3-only"),
    ("GFDL-1.3+", "GFDL-1.3-or-later"),
    ("ISC License (ISCL)", "ISC"),
    ("ISC License", "ISC"),
    ("MIT License", "MIT"),
    ("MIT/X11", "MIT"),
    ("The MIT License", "MIT"),
    ("MPLv1.1", "MPL-1.1"),
    ("MPLv2.0", "MPL-2.0"),
    ("MPL 2.0", "MPL-2.0"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("OpenLDAP", "OLDAP-2.8"),
    ("PSF", "PSF-2.0"),
    ("Python Software Foundation License", "PSF-2.0"),
    ("PSFL", "PSF-2.0"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("zlib/libpng License", "Zlib"),
    ("ZPLv2.1", "ZPL-2.1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers_only_where_they_are_certain() {
        let id = |id| Some(License::Id(id));
        let expression = |text: &str| Some(License::Expression(text.into()));
        let name = |text: &str| Some(License::Name(text.into()));
        for (text, want) in [
            ("MIT", id("MIT")),
            ("mit", id("MIT")),
            (" apache-2.0 ", id("Apache-2.0")),
            ("Expat", id("MIT")),
            ("GPLv2+", id("GPL-2.0-or-later")),
            ("License :: OSI Approved :: MIT License", id("MIT")),
            ("License :: OSI Approved", name("OSI Approved")),
            ("MIT OR Apache-2.0", expression("MIT OR Apache-2.0")),
            ("MIT/Apache-2.0", expression("MIT OR Apache-2.0")),
            (
                "(LGPLv3+ or GPLv2+) and GPLv3+",
                expression("(LGPL-3.0-or-later OR GPL-2.0-or-later) AND GPL-3.0-or-later"),
            ),
            ("ASL 2.0 and MIT", expression("Apache-2.0 AND MIT")),
            (
                "GPL-2.0-only WITH Classpath-exception-2.0",
                expression("GPL-2.0-only WITH Classpath-exception-2.0"),
            ),
            ("Apache-2.0+", expression("Apache-2.0+")),
            ("BSD", name("BSD")),
            ("GPLv2 with exceptions", name("GPLv2 with exceptions")),
            ("MIT and", name("MIT and")),
            ("(MIT", name("(MIT")),
            ("MIT Apache-2.0", name("MIT Apache-2.0")),
            ("Public Domain", name("Public Domain")),
            ("LicenseRef-x", name("LicenseRef-x")),
            ("GFDL-1.3-invariants", name("GFDL-1.3-invariants")),
            ("MIT AND NOASSERTION", name("MIT AND NOASSERTION")),
            ("UNKNOWN", None),
            ("", None),
        ] {
            assert_eq!(normalize(text), want, "{text}");
        }
        let long = "MIT OR ".repeat(100_000);
        assert!(matches!(normalize(&long), Some(License::Name(_))));
    }

    #[test]
    fn every_common_name_leads_to_an_identifier_in_force() {
        for (name, id) in COMMON {
            let listed = spdx::license_id(id).unwrap_or_else(|| panic!("{id} is not listed"));
            assert!(!listed.is_deprecated(), "{name} leads to the deprecated {id}");
        }
    }

    #[test]
    fn several_licences_are_joined_without_repetition() {
        let texts = ["MIT", "Expat", "MIT OR ISC", "Artistic"].map(String::from);
        let licenses = normalize_all(&texts);
        assert_eq!(
            licenses.iter().map(License::as_str).collect::<Vec<_>>(),
            ["MIT", "MIT OR ISC", "Artistic"]
        );
        assert_eq!(all_of(licenses.iter().map(License::as_str).take(2)), "MIT AND (MIT OR ISC)");
        assert_eq!(all_of(["MIT OR ISC"]), "MIT OR ISC");
    }
}
