//! Which packages must or must not be there: `packages`.

use std::fmt;

use hullmark_inventory::package::Presence;
use hullmark_inventory::{Package, PackageKind};
use serde::Deserialize;

use super::vulnerabilities::named;
use super::{Checked, Facts, VersionRange};
use crate::exception::Keys;
use crate::glob::Glob;
use crate::verdict::ReasonCode;

/// `packages: {deny: […], require: […]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Packages {
    /// None of these is there.
    pub deny: Vec<PackagePattern>,
    /// Each of these is there.
    pub require: Vec<PackagePattern>,
}

/// A description of packages: all of its keys must fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagePattern {
    /// Its name.
    pub name: Glob,
    /// Its kind.
    pub kind: Option<PackageKind>,
    /// Its version.
    pub version: Option<VersionRange>,
    /// Whether it has to be installed, or only named by a lock file.
    pub presence: Option<Presence>,
}

impl Packages {
    pub(crate) fn check<'a>(&self, facts: &Facts<'a>) -> Checked<'a> {
        let mut checked = Checked::default();
        let packages = &facts.evidence.inventory.packages;
        for package in packages {
            let verdict = self.deny.iter().map(|p| (p, p.matches(package)));
            let verdict = verdict.max_by_key(|(_, matched)| match matched {
                Some(true) => 2,
                None => 1,
                Some(false) => 0,
            });
            let keys =
                || Keys { id: Some(&package.name), package: Some(package), ..Keys::default() };
            match verdict {
                Some((pattern, Some(true))) => checked.fail_for(
                    keys(),
                    ReasonCode::PackageDenied,
                    format!("{} ({}) is denied by `{pattern}`", named(package), package.kind.as_str()),
                    format!("remove {}", package.name),
                ),
                Some((pattern, None)) => checked.fail_for(
                    keys(),
                    ReasonCode::UnknownVersion,
                    format!(
                        "whether {} ({}) is denied by `{pattern}` is unknown: its version does not compare",
                        named(package),
                        package.kind.as_str()
                    ),
                    format!("remove {}, or except it", package.name),
                ),
                Some((_, Some(false))) | None => {}
            }
        }
        for pattern in &self.require {
            if !packages.iter().any(|package| pattern.matches(package) == Some(true)) {
                checked.fail(
                    ReasonCode::PackageMissing,
                    format!("no package is `{pattern}`"),
                    "install it",
                );
            }
        }
        checked
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        (self.deny.is_empty() && self.require.is_empty())
            .then_some("`packages` needs at least one entry in `deny` or `require`")
    }
}

impl PackagePattern {
    /// Whether it describes the package; `None` if that hangs on a version that does not compare.
    fn matches(&self, package: &Package) -> Option<bool> {
        let fits = self.kind.is_none_or(|kind| kind == package.kind)
            && self.presence.is_none_or(|presence| presence == package.presence)
            && self.name.matches(&package.name);
        match &self.version {
            Some(range) if fits => range.contains(package),
            _ => Some(fits),
        }
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "{} ", kind.as_str())?;
        }
        write!(f, "{}", self.name)?;
        match &self.version {
            Some(range) => write!(f, " {range}"),
            None => Ok(()),
        }
    }
}
