//! `pnpm-lock.yaml`, versions 5 to 9: the keys of `packages`, read by their indentation, which pnpm always writes alike.
//!
//! | version | key | what is cut |
//! |---|---|---|
//! | 5 | `/@s/a/1.0.0_peer@2.0.0` | `_…` |
//! | 6 to 8 | `/@s/a@1.0.0(peer@2.0.0)` | `(…` |
//! | 9 | `'@s/a@1.0.0'` | – |
//!
//! Up to version 8 each package says `dev: true`; from 9 on [`graph`] finds what the projects need to run.

mod graph;

use super::declared::{Declared, Scope};
use super::lines::{indent, unquote};
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;
use graph::{Graph, without_peers};

/// Reads a lock file of pnpm.
pub(super) fn pnpm_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let limit = sink.limits.packages;
    let mut declared = Declared::new(PackageKind::Npm, sink);
    let text = String::from_utf8_lossy(bytes);
    let (mut version, mut section) = (9, "");
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut graph = Graph::default();
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match (indent(line), section) {
            (0, _) => {
                let (key, value) = content.split_once(':').unwrap_or((content, ""));
                section = key;
                if key == "lockfileVersion" {
                    let major = unquote(value).split('.').next().unwrap_or_default();
                    version = major.parse().unwrap_or(version);
                }
            }
            (2, "packages") if blocks.len() < limit => blocks.extend(Block::new(content)),
            (2, "packages") => declared.more(true),
            (4, "packages") => {
                if let Some(block) = blocks.last_mut() {
                    block.set(content);
                }
            }
            (indent, "importers") => graph.importer(indent, content),
            (indent, "snapshots") => graph.snapshot(indent, content),
            _ => {}
        }
    }
    let needed = graph.needed();
    for block in &blocks {
        let dev = needed.as_ref().is_some_and(|keys| !keys.contains(without_peers(block.key)));
        block.declare(version, dev, &mut declared);
    }
    declared.finish();
}

#[derive(Default)]
struct Block<'a> {
    key: &'a str,
    /// Said only where the key does not: packages from Git or a tarball.
    name: &'a str,
    version: &'a str,
    dev: bool,
}

impl<'a> Block<'a> {
    /// Reads the key. One of more than 1,024 bytes is written `? KEY`, and its value `: …` on the next line.
    fn new(content: &'a str) -> Option<Self> {
        if content.starts_with(": ") {
            return None;
        }
        let key = content.strip_prefix("? ").unwrap_or(content);
        let key = key.strip_suffix(": {}").or(key.strip_suffix(':')).unwrap_or(key);
        Some(Self { key: unquote(key), ..Self::default() })
    }

    fn set(&mut self, content: &'a str) {
        match content.split_once(": ") {
            Some(("name", value)) => self.name = unquote(value),
            Some(("version", value)) => self.version = unquote(value),
            Some(("dev", value)) => self.dev = value == "true",
            _ => {}
        }
    }

    fn declare(&self, lockfile_version: u32, dev: bool, declared: &mut Declared<'_, '_>) {
        let (name, version) = split(self.key, lockfile_version);
        let name = if self.name.is_empty() { name } else { self.name };
        let version = if self.version.is_empty() { version } else { self.version };
        let local = ["file:", "link:"]
            .iter()
            .any(|scheme| version.starts_with(scheme) || self.key.starts_with(scheme));
        if !local {
            declared.add(name, version, Scope::of(self.dev || dev));
        }
    }
}

/// Splits a key into name and version.
fn split(key: &str, version: u32) -> (&str, &str) {
    let key = key.split('(').next().unwrap_or_default();
    let key = key.strip_prefix('/').unwrap_or(key);
    if version >= 6 {
        let after_scope = usize::from(key.starts_with('@'));
        return match key[after_scope..].find('@') {
            Some(at) => (&key[..after_scope + at], &key[after_scope + at + 1..]),
            None => (key, ""),
        };
    }
    // The peers behind `_` may have slashes, written `+`; names may have underscores.
    let mut parts = key.split('/');
    let is_version = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    let mut end = 0;
    loop {
        let Some(part) = parts.next() else {
            return (key, "");
        };
        if end > 0 && is_version(part) {
            return (&key[..end - 1], part.split('_').next().unwrap_or_default());
        }
        end += part.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split() {
        for (key, version, want) in [
            ("/a/1.0.0", 5, ("a", "1.0.0")),
            ("/@s/a/1.0.0_b@2.0.0+c@1.0.0", 5, ("@s/a", "1.0.0")),
            ("/a_b/1.0.0-rc.1", 5, ("a_b", "1.0.0-rc.1")),
            ("github.com/u/r/abc", 5, ("github.com/u/r/abc", "")),
            ("/@s/a@1.0.0(b@2.0.0)", 6, ("@s/a", "1.0.0")),
            ("a@1.0.0", 9, ("a", "1.0.0")),
            ("@s/a@1.0.0", 9, ("@s/a", "1.0.0")),
            ("a", 9, ("a", "")),
            ("@", 9, ("@", "")),
            ("", 9, ("", "")),
            ("", 5, ("", "")),
            ("/", 5, ("", "")),
        ] {
            assert_eq!(split(key, version), want, "{key}");
        }
    }
}
