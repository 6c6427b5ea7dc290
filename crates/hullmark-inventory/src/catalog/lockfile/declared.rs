//! What one lock file declares, gathered before it is said: each package once, and faults in as few gaps as possible.

use std::collections::BTreeMap;

use crate::GapReason;
use crate::catalog::language::json::Unread;
use crate::catalog::language::sink::Sink;
use crate::package::{Package, PackageKind, Presence};

/// Whether a dependency is only needed to develop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Needed to run, or not said.
    Runtime,
    /// Needed to develop or test.
    Development,
}

impl Scope {
    pub(super) fn of(is_development: bool) -> Self {
        if is_development { Self::Development } else { Self::Runtime }
    }
}

/// The declarations of one file.
pub(super) struct Declared<'s, 'a> {
    sink: &'s mut Sink<'a>,
    kind: PackageKind,
    packages: BTreeMap<(String, String, Option<String>), Package>,
    incomplete: Vec<String>,
    /// Whether there are more packages than may be kept.
    more: bool,
}

impl<'s, 'a> Declared<'s, 'a> {
    pub(super) fn new(kind: PackageKind, sink: &'s mut Sink<'a>) -> Self {
        Self { sink, kind, packages: BTreeMap::new(), incomplete: Vec::new(), more: false }
    }

    /// Adds a package with what is always known; returns it for what is not. `None` if it cannot be kept.
    pub(super) fn add(&mut self, name: &str, version: &str, scope: Scope) -> Option<&mut Package> {
        self.add_for(name, version, None, scope)
    }

    /// Adds a package for one architecture or platform.
    pub(super) fn add_for(
        &mut self,
        name: &str,
        version: &str,
        arch: Option<&str>,
        scope: Scope,
    ) -> Option<&mut Package> {
        let (name, version) = (name.trim(), version.trim());
        if name.is_empty() || version.is_empty() {
            self.incomplete(name);
            return None;
        }
        let key = (name.to_owned(), version.to_owned(), arch.map(String::from));
        if self.packages.len() >= self.sink.limits.packages && !self.packages.contains_key(&key) {
            self.more = true;
            return None;
        }
        let (kind, path) = (self.kind, self.sink.path);
        let package = self.packages.entry(key).or_insert_with(|| {
            let mut package = Package::new(kind, name, version, path);
            package.presence = Presence::Declared;
            package.arch = arch.map(String::from);
            package.set_property("scope", "dev");
            package
        });
        // What one place needs to run is needed to run, whatever other places need it for.
        if scope == Scope::Runtime {
            package.properties.retain(|(name, _)| name != "scope");
        }
        Some(package)
    }

    /// Adds a package that is the project itself or a part of it (`local`). It need not have a version.
    pub(super) fn add_local(&mut self, name: &str, version: &str) {
        if !name.is_empty()
            && !version.is_empty()
            && let Some(package) = self.add(name, version, Scope::Runtime)
        {
            package.set_property("local", "true");
        }
    }

    /// Notes a dependency whose version the file does not say.
    pub(super) fn incomplete(&mut self, name: &str) {
        if self.incomplete.len() < 10_000 {
            self.incomplete.push(if name.is_empty() { "?".into() } else { name.into() });
        }
    }

    /// Adds a gap.
    pub(super) fn gap(&mut self, reason: GapReason, detail: impl Into<String>) {
        self.sink.gap(reason, detail);
    }

    /// Adds the gap of a document that could not be read.
    pub(super) fn unread(&mut self, unread: Unread) {
        self.sink.gap(unread.reason, unread.detail);
    }

    /// Notes that the document holds more than is kept.
    pub(super) fn more(&mut self, more: bool) {
        self.more |= more;
    }

    /// Says everything, in a stable order.
    pub(super) fn finish(self) {
        for package in self.packages.into_values() {
            self.sink.package(package);
        }
        self.sink.gap_for(GapReason::Incomplete, "no exact version", &self.incomplete);
        if self.more {
            self.sink.gap(GapReason::TooLarge, "more packages than can be held");
        }
    }
}
