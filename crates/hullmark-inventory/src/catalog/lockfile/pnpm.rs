//! `pnpm-lock.yaml`, versions 5 to 9: the keys of `packages`, read by their indentation, which pnpm always writes alike.
//!
//! | version | key | what is cut |
//! |---|---|---|
//! | 5 | `/@s/a/1.0.0_peer@2.0.0` | `_…` |
//! | 6 to 8 | `/@s/a@1.0.0(peer@2.0.0)` | `(…` |
//! | 9 | `'@s/a@1.0.0'` | – |
//!
//! Up to version 8 each package says `dev: true`. From 9 on it does not, and everything counts as needed to run.

use super::declared::{Declared, Scope};
use super::lines::{indent, unquote};
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads a lock file of pnpm.
pub(super) fn pnpm_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Npm, sink);
    let text = String::from_utf8_lossy(bytes);
    let (mut version, mut section) = (9, "");
    let mut block: Option<Block<'_>> = None;
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        match indent(line) {
            0 => {
                finish(block.take(), version, &mut declared);
                let (key, value) = content.split_once(':').unwrap_or((content, ""));
                section = key;
                if key == "lockfileVersion" {
                    let major = unquote(value).split('.').next().unwrap_or_default();
                    version = major.parse().unwrap_or(version);
                }
            }
            2 if section == "packages" => {
                // A key of more than 1,024 bytes is written `? KEY`, its value `: …` on the next line.
                if content.starts_with(": ") {
                    continue;
                }
                finish(block.take(), version, &mut declared);
                let key = content.strip_prefix("? ").unwrap_or(content);
                let key = key.strip_suffix(": {}").or(key.strip_suffix(':')).unwrap_or(key);
                block = Some(Block { key: unquote(key), ..Block::default() });
            }
            4 if section == "packages" => {
                let (Some(block), Some((field, value))) =
                    (block.as_mut(), content.split_once(": "))
                else {
                    continue;
                };
                match field {
                    "name" => block.name = unquote(value),
                    "version" => block.version = unquote(value),
                    "dev" => block.dev = value == "true",
                    _ => {}
                }
            }
            _ => {}
        }
    }
    finish(block, version, &mut declared);
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

fn finish(block: Option<Block<'_>>, version: u32, declared: &mut Declared<'_, '_>) {
    let Some(block) = block else {
        return;
    };
    let (name, own) = split(block.key, version);
    let name = if block.name.is_empty() { name } else { block.name };
    let own = if block.version.is_empty() { own } else { block.version };
    if own.starts_with("file:") || own.starts_with("link:") || block.key.starts_with("file:") {
        return; // A part of the project itself.
    }
    declared.add(name, own, Scope::of(block.dev));
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
