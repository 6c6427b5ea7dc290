//! `yarn.lock`: the own format of Yarn 1, and the YAML of later versions, which has the same lines where it matters.
//!
//! ```text
//! "@s/a@^1.0.0", "@s/a@^1.1.0":          "@s/a@npm:^1.0.0":
//!   version "1.1.0"                        version: 1.1.0
//!   resolved "https://…"                   resolution: "@s/a@npm:1.1.0"
//! ```

use super::declared::{Declared, Scope};
use super::lines::{indent, unquote};
use super::npm::split_at_version;
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads a lock file of Yarn. It does not say what is only needed to develop.
pub(super) fn yarn_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Npm, sink);
    let text = String::from_utf8_lossy(bytes);
    let mut block: Option<Block<'_>> = None;
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if indent(line) == 0 {
            finish(block.take(), &mut declared);
            block = content.strip_suffix(':').map(|key| Block { key, ..Block::default() });
        } else if let Some(block) = block.as_mut().filter(|_| indent(line) == 2) {
            let (field, value) = content.split_once(' ').unwrap_or((content, ""));
            match field.trim_end_matches(':') {
                "version" => block.version = unquote(value),
                "resolution" => block.resolution = unquote(value),
                _ => {}
            }
        }
    }
    finish(block, &mut declared);
    declared.finish();
}

#[derive(Default)]
struct Block<'a> {
    /// The requests that this package answers.
    key: &'a str,
    version: &'a str,
    resolution: &'a str,
}

fn finish(block: Option<Block<'_>>, declared: &mut Declared<'_, '_>) {
    let Some(block) = block.filter(|block| block.key != "__metadata") else {
        return;
    };
    if let Some((name, what)) = split_at_version(block.resolution) {
        if what.starts_with("workspace:")
            || what.starts_with("portal:")
            || what.starts_with("link:")
        {
            // Yarn writes `0.0.0-use.local` for all of these.
            return;
        }
        declared.add(name, block.version, Scope::Runtime);
        return;
    }
    let request = block.key.split(", ").next().unwrap_or_default().trim_matches('"');
    let (name, range) = split_at_version(request).unwrap_or((request, ""));
    if range.starts_with("link:") {
        return;
    }
    // `cjs@npm:string-width@^4`: an alias, and the package's own name after it.
    let own = range.strip_prefix("npm:").and_then(split_at_version).map(|(name, _)| name);
    declared.add(own.unwrap_or(name), block.version, Scope::Runtime);
}
