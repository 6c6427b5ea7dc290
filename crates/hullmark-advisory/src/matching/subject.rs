//! What a segment is asked about: a name and a version, as its distribution keys them.

use hullmark_inventory::{Package, PackageKind};

use crate::db::segment::{Entry, EventView};
use crate::db::{Corrupt, Segment};
use crate::ecosystem::Ecosystem;
use crate::finding::NameUsed;
use crate::version::{Scheme, Unparsable};

/// A name and a version to compare.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) by: NameUsed,
    pub(super) version: String,
    pub(super) epoch: Epoch,
}

/// Whether an RPM version's epoch is known. A source package's file name does not tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epoch {
    Known,
    Unknown,
}

impl Subject {
    /// Returns what a distribution's advisories are asked about a package.
    pub(super) fn of_os(package: &Package, ecosystem: &Ecosystem) -> Self {
        let by = ecosystem.name;
        let known = |name: &str, version: &str| Self {
            name: name.into(),
            by,
            version: version.into(),
            epoch: Epoch::Known,
        };
        match by {
            NameUsed::Package => known(&package.name, &package.version),
            NameUsed::Origin => known(package.source_name(), &package.version),
            NameUsed::Source if ecosystem.scheme == Scheme::Rpm => rpm_source(package, by),
            NameUsed::Source => known(package.source_name(), package.source_version()),
        }
    }

    /// Returns the version with its place in the order of `segment`.
    pub(super) fn compared<'a>(&'a self, segment: &Segment) -> Compared<'a> {
        let scheme = segment.meta().scheme.unwrap_or(Scheme::Semver);
        let key = scheme.key(&self.version).map(crate::version::Key::into_bytes);
        Compared { scheme, text: &self.version, epoch: self.epoch, key }
    }
}

/// A source RPM's version: with the package's epoch where it is built with the source's own version and release, and without
/// one where it has a version of its own (`perl-Errno` 1.28 of `perl` 5.26).
fn rpm_source(package: &Package, by: NameUsed) -> Subject {
    let own = package.version.as_str();
    let source = package.source_version();
    let without_epoch =
        |evr: &str| evr.split_once(':').map_or(evr.to_owned(), |(_, vr)| vr.to_owned());
    let (version, epoch) = if source.contains(':') {
        (source, Epoch::Known)
    } else if without_epoch(own) == source {
        (own, Epoch::Known)
    } else {
        (source, Epoch::Unknown)
    };
    Subject { name: package.source_name().into(), by, version: version.into(), epoch }
}

/// A version, ready to be compared.
pub(super) struct Compared<'a> {
    pub(super) scheme: Scheme,
    pub(super) text: &'a str,
    epoch: Epoch,
    pub(super) key: Result<Vec<u8>, Unparsable>,
}

impl Compared<'_> {
    /// Whether none of these entries can be about the version, for certain and without a closer look.
    pub(super) fn is_clear_of(&self, entries: &[Entry<'_>]) -> Result<bool, Corrupt> {
        let (Ok(key), Epoch::Known) = (&self.key, self.epoch) else { return Ok(false) };
        for entry in entries {
            if !entry.is_clear_of(self.text, key)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the key to compare with these events: where the epoch is unknown, it is taken to be theirs.
    pub(super) fn key_for(&self, events: &[EventView<'_>]) -> Result<Vec<u8>, Unparsable> {
        if self.epoch == Epoch::Known || self.scheme != Scheme::Rpm {
            return self.key.clone();
        }
        let theirs = events.iter().rev().find_map(|event| event.text.split_once(':'));
        match theirs {
            Some((epoch, _)) => self
                .scheme
                .key(&format!("{epoch}:{}", self.text))
                .map(crate::version::Key::into_bytes),
            None => self.key.clone(),
        }
    }
}

/// Whether packages of this kind are ordered as a distribution's advisories order them.
pub(super) fn same_system(kind: PackageKind, scheme: Scheme) -> bool {
    matches!(
        (kind, scheme),
        (PackageKind::Deb, Scheme::Dpkg)
            | (PackageKind::Rpm, Scheme::Rpm)
            | (PackageKind::Apk, Scheme::Apk)
    )
}
