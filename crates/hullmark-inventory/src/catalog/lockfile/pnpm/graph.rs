//! Who needs whom in `pnpm-lock.yaml` from version 9 on, which no longer says what is only needed to develop.

use std::collections::{BTreeMap, BTreeSet};

use super::super::lines::unquote;

/// Edges that are kept. With more, nothing is called development only.
const EDGES: usize = 1_000_000;

/// What the sections `importers` and `snapshots` say.
#[derive(Default)]
pub(super) struct Graph<'a> {
    /// What the projects need to run, as `name@version(peers)`.
    roots: Vec<String>,
    /// By `name@version(peers)`: name and version of each dependency.
    snapshots: BTreeMap<&'a str, Vec<(&'a str, &'a str)>>,
    edges: usize,
    /// The keys above the line in hand.
    snapshot: &'a str,
    group: &'a str,
    dependency: &'a str,
}

impl<'a> Graph<'a> {
    /// Takes a line of `importers`: project, group, dependency, then its version.
    pub(super) fn importer(&mut self, indent: usize, content: &'a str) {
        let (key, value) = content.split_once(':').unwrap_or((content, ""));
        match indent {
            4 => self.group = key,
            6 => self.dependency = unquote(content.trim_end_matches(':')),
            8 if key == "version"
                && self.group != "devDependencies"
                && self.roots.len() < EDGES =>
            {
                self.roots.push(id(self.dependency, unquote(value)));
            }
            _ => {}
        }
    }

    /// Takes a line of `snapshots`: package, group, then name and version of each dependency.
    pub(super) fn snapshot(&mut self, indent: usize, content: &'a str) {
        match indent {
            2 => {
                let key = content.strip_prefix("? ").unwrap_or(content);
                self.snapshot = unquote(key.trim_end_matches(" {}").trim_end_matches(':'));
                self.snapshots.entry(self.snapshot).or_default();
            }
            4 => self.group = content.trim_end_matches(':'),
            6 if matches!(self.group, "dependencies" | "optionalDependencies") => {
                if let Some((name, version)) = content.split_once(": ") {
                    self.edges += 1;
                    let edges = self.snapshots.entry(self.snapshot).or_default();
                    if self.edges <= EDGES {
                        edges.push((unquote(name), unquote(version)));
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the keys of the packages (without peers) that are needed to run; `None` if the file does not say.
    pub(super) fn needed(&self) -> Option<BTreeSet<&str>> {
        if self.snapshots.is_empty() || self.edges > EDGES {
            return None;
        }
        let mut needed = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut next = self.roots.clone();
        while let Some(found) = next.pop() {
            let Some((&key, dependencies)) = self.snapshots.get_key_value(found.as_str()) else {
                continue;
            };
            if seen.insert(key) {
                needed.insert(without_peers(key));
                next.extend(dependencies.iter().map(|(name, version)| id(name, version)));
            }
        }
        Some(needed)
    }
}

/// Returns the key of a snapshot. The version of an alias is a key itself.
fn id(name: &str, version: &str) -> String {
    let plain = without_peers(version);
    if plain.get(1..).is_some_and(|rest| rest.contains('@')) && !plain.contains(':') {
        return version.to_owned();
    }
    format!("{name}@{version}")
}

/// Cuts the peers of a key or a version.
pub(super) fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or_default()
}
