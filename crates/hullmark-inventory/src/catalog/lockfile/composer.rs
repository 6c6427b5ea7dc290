//! `composer.lock`.

use serde::Deserialize;

use crate::GapReason;
use crate::catalog::language::composer::{Entry, add};
use crate::catalog::language::json::{self, Items};
use crate::catalog::language::sink::Sink;
use crate::package::Presence;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    packages: Items<Entry>,
    #[serde(rename = "packages-dev")]
    development: Items<Entry>,
}

/// Reads `composer.lock`.
pub(super) fn composer_lock(bytes: &[u8], sink: &mut Sink<'_>) {
    let lock: Lock = match json::parse(bytes) {
        Ok(lock) => lock,
        Err(unread) => return sink.gap(unread.reason, unread.detail),
    };
    for entry in &lock.packages.entries {
        add(entry, Presence::Declared, false, sink);
    }
    for entry in &lock.development.entries {
        add(entry, Presence::Declared, true, sink);
    }
    if lock.packages.more || lock.development.more {
        sink.gap(GapReason::TooLarge, "more packages than can be held");
    }
}
