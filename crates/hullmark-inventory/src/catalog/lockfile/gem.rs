//! `Gemfile.lock`: the `specs` of its sections. Gems of a `PATH` are part of the project (`local`).

use super::declared::{Declared, Scope};
use super::lines::indent;
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads `Gemfile.lock`.
pub(super) fn gemfile_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Gem, sink);
    let text = String::from_utf8_lossy(bytes);
    let (mut section, mut specs) = ("", false);
    for line in text.lines() {
        let content = line.trim();
        match indent(line) {
            0 => (section, specs) = (content, false),
            2 => specs = content == "specs:",
            4 if specs => {
                let Some((name, version)) = content.split_once(" (") else {
                    continue;
                };
                let version = version.trim_end_matches([')', '!']);
                // A version has no dash: what follows one is the platform.
                let (version, platform) = version.split_once('-').unwrap_or((version, ""));
                match section {
                    "PATH" => declared.add_local(name, version),
                    _ => {
                        let platform = Some(platform).filter(|p| !p.is_empty());
                        declared.add_for(name, version, platform, Scope::Runtime);
                    }
                }
            }
            _ => {}
        }
    }
    declared.finish();
}
