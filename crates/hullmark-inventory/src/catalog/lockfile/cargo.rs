//! `Cargo.lock`. Packages without a source are members of the workspace (`local`).

use super::declared::{Declared, Scope};
use super::tables;
use crate::catalog::language::sink::Sink;
use crate::package::PackageKind;

/// Reads `Cargo.lock`.
pub(super) fn cargo_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let mut declared = Declared::new(PackageKind::Cargo, sink);
    match tables::read(bytes) {
        Ok(lock) => {
            for table in &lock.package {
                let version = table.version.as_deref().unwrap_or_default();
                if table.source.is_some() {
                    declared.add(&table.name, version, Scope::Runtime);
                } else {
                    declared.add_local(&table.name, version);
                }
            }
        }
        Err(unread) => declared.unread(unread),
    }
    declared.finish();
}
