//! `Cargo.lock`. Packages without a source are members of the workspace (`local`).

use super::declared::{Declared, Scope};
use super::tables::{self, Source};
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads `Cargo.lock`.
pub(super) fn cargo_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Cargo, sink);
    let text = String::from_utf8_lossy(bytes);
    let read = tables::read(&text, |table| match table.source {
        Source::Unsaid => declared.add_local(table.name, table.version),
        _ => {
            declared.add(table.name, table.version, Scope::Runtime);
        }
    });
    if let Err(unread) = read {
        declared.unread(unread);
    }
    declared.finish();
}
