//! `gradle.lockfile`: `group:artifact:version=configuration,…` a line.

use super::declared::{Declared, Scope};
use crate::GapReason;
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads a lock file of Gradle. What only test configurations use is for development.
pub(super) fn gradle_lockfile(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Maven, sink);
    let text = String::from_utf8_lossy(bytes);
    let mut unread = 0_usize;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
            continue;
        }
        let (coordinates, configurations) = line.split_once('=').unwrap_or((line, ""));
        match coordinates.split(':').collect::<Vec<_>>()[..] {
            [group, artifact, version] if !group.is_empty() && !artifact.is_empty() => {
                let mut names =
                    configurations.split(',').filter(|name| !name.is_empty()).peekable();
                let tests = names.peek().is_some() && names.all(|name| name.starts_with("test"));
                declared.add(&format!("{group}:{artifact}"), version, Scope::of(tests));
            }
            _ => unread += 1,
        }
    }
    if unread > 0 {
        declared
            .gap(GapReason::Malformed, format!("{unread} lines are not `group:artifact:version`"));
    }
    declared.finish();
}
