//! `go.mod`: what a module requires, after its own replacements. See: The Go Modules Reference §"go.mod files".

use std::collections::{BTreeMap, BTreeSet};

use hullmark_oci::FilePath;

use super::declared::{Declared, Scope};
use super::lines::unquote;
use super::own;
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Whether `path` is a module's own file. Go's own modules and their tests are part of the toolchain.
pub(super) fn wants(path: &FilePath) -> bool {
    own(path, "go.mod")
        && !["usr/local/go/", "usr/lib/go", "usr/share/go"]
            .iter()
            .any(|root| path.starts_with(root))
}

/// Reads `go.mod`.
pub(super) fn go_mod(bytes: &[u8], sink: &mut Sink<'_>) {
    let limit = sink.limits.packages;
    let mut declared = Declared::new(PackageKind::Go, sink);
    let text = String::from_utf8_lossy(bytes);
    let mut module = Module { limit, ..Module::default() };
    let mut block = "";
    for line in text.lines() {
        let (line, comment) = line.split_once("//").unwrap_or((line, ""));
        let words: Vec<&str> = line.split_whitespace().take(8).collect();
        match words.as_slice() {
            [] => {}
            [")"] => block = "",
            [verb, "("] => block = verb,
            words if !block.is_empty() => module.directive(block, words, comment),
            [verb, words @ ..] => module.directive(verb, words, comment),
        }
    }
    declared.more(module.more);
    module.finish(&mut declared);
    declared.finish();
}

#[derive(Default)]
struct Module<'a> {
    /// Path, version, and whether it is only needed by others.
    required: Vec<(&'a str, &'a str, bool)>,
    excluded: BTreeSet<(&'a str, &'a str)>,
    /// By path and version; the version is empty where every one is replaced.
    replaced: BTreeMap<(&'a str, &'a str), (&'a str, &'a str)>,
    /// Directives that are kept of each kind.
    limit: usize,
    /// Whether there were more.
    more: bool,
}

impl<'a> Module<'a> {
    fn directive(&mut self, verb: &str, words: &[&'a str], comment: &str) {
        let most = self.required.len().max(self.excluded.len()).max(self.replaced.len());
        if most >= self.limit {
            self.more = true;
            return;
        }
        match (verb, words) {
            ("require", [path, version, ..]) => {
                let indirect = comment.trim_start().starts_with("indirect");
                self.required.push((unquote(path), version, indirect));
            }
            ("exclude", [path, version, ..]) => {
                self.excluded.insert((unquote(path), version));
            }
            ("replace", words) => {
                let Some(arrow) = words.iter().position(|word| *word == "=>") else {
                    return;
                };
                let (old, new) = (&words[..arrow], &words[arrow + 1..]);
                let (Some(old_path), Some(new_path)) = (old.first(), new.first()) else {
                    return;
                };
                let version = |side: &[&'a str]| side.get(1).copied().unwrap_or_default();
                self.replaced
                    .insert((unquote(old_path), version(old)), (unquote(new_path), version(new)));
            }
            _ => {}
        }
    }

    fn finish(&self, declared: &mut Declared<'_, '_>) {
        for &(path, version, indirect) in &self.required {
            if self.excluded.contains(&(path, version)) {
                continue;
            }
            let replacement =
                self.replaced.get(&(path, version)).or_else(|| self.replaced.get(&(path, "")));
            let (path, version) = match replacement {
                Some((_, "")) => continue, // A folder: a part of the project itself.
                Some(&new) => new,
                None => (path, version),
            };
            let version = if version.starts_with('v') { version } else { "" };
            if let Some(package) = declared.add(path, version, Scope::Runtime)
                && indirect
            {
                package.set_property("go.indirect", "true");
            }
        }
    }
}
