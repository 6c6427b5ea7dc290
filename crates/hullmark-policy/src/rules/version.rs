//! Ranges of versions, compared as the package's own ecosystem does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use hullmark_advisory::version::Scheme;
use hullmark_inventory::{Package, PackageKind};
use serde::{Deserialize, Deserializer};

/// A range: every comparison must hold. `<2.0`, `>=1.2, <1.4`, `=1.2.3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionRange {
    comparisons: Vec<(Operator, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// Why a text is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a version range: write comparisons with `<`, `<=`, `=`, `!=`, `>=` or `>`, separated by commas, as in `>=1.2, <1.4`"
)]
pub struct ParseVersionRangeError(String);

impl VersionRange {
    /// Whether the package's version lies in the range; `None` if that cannot be decided.
    pub(crate) fn contains(&self, package: &Package) -> Option<bool> {
        let mut decided = true;
        for (operator, bound) in &self.comparisons {
            match order(package.kind, &package.version, bound) {
                Some(ordering) if !operator.accepts(ordering) => return Some(false),
                Some(_) => {}
                None => decided = false,
            }
        }
        decided.then_some(true)
    }
}

impl Operator {
    /// Longest first, so that `<=` is not read as `<`.
    const ALL: [(&'static str, Self); 6] = [
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::Greater),
        ("=", Self::Equal),
    ];

    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Greater => ordering.is_gt(),
        }
    }
}

/// Compares two versions of one kind of package. The same text is the same version even where nothing else is known.
fn order(kind: PackageKind, version: &str, bound: &str) -> Option<Ordering> {
    let compared = scheme(kind).and_then(|scheme| scheme.compare(version, bound).ok());
    compared.or_else(|| (!version.is_empty() && version == bound).then_some(Ordering::Equal))
}

/// How versions of a kind are ordered. A kind without an order makes a range undecided, which fails the rule.
fn scheme(kind: PackageKind) -> Option<Scheme> {
    match kind {
        PackageKind::Deb | PackageKind::Opkg => Some(Scheme::Dpkg),
        PackageKind::Rpm => Some(Scheme::Rpm),
        PackageKind::Apk => Some(Scheme::Apk),
        PackageKind::Python => Some(Scheme::Pep440),
        PackageKind::Npm => Some(Scheme::Npm),
        PackageKind::Go => Some(Scheme::Go),
        PackageKind::Cargo => Some(Scheme::Semver),
        PackageKind::Bitnami => Some(Scheme::Bitnami),
        PackageKind::Pacman => Some(Scheme::Pacman),
        PackageKind::Maven => Some(Scheme::Maven),
        PackageKind::Gem => Some(Scheme::Gem),
        PackageKind::Composer => Some(Scheme::Composer),
        PackageKind::Nuget => Some(Scheme::NuGet),
        PackageKind::Conda | PackageKind::Homebrew | PackageKind::Binary => None,
    }
}

impl FromStr for VersionRange {
    type Err = ParseVersionRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseVersionRangeError(text.chars().take(100).collect());
        let comparison = |part: &str| {
            let part = part.trim();
            let (sign, operator) = Operator::ALL.into_iter().find(|(s, _)| part.starts_with(s))?;
            let bound = part[sign.len()..].trim();
            let plain = !bound.is_empty() && !bound.contains(['<', '>', '=', ' ', '*']);
            plain.then(|| (operator, bound.to_owned()))
        };
        let comparisons: Option<Vec<_>> = text.split(',').map(comparison).collect();
        Ok(Self { comparisons: comparisons.ok_or_else(error)? })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (operator, bound)) in self.comparisons.iter().enumerate() {
            let sign =
                Operator::ALL.into_iter().find(|(_, o)| o == operator).map_or("", |(s, _)| s);
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{sign}{bound}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for VersionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
