//! The TOML of lock files: a list of tables named `package` (Cargo, Poetry, uv, PDM) or `packages` (PEP 751).

use serde::Deserialize;

use crate::GapReason;
use crate::catalog::language::json::Unread;

/// Bytes of a document. The parser keeps all of it, at some forty times its size where it is densest.
const BYTES: usize = 16 << 20;

/// A lock file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lock {
    pub(super) package: Vec<Table>,
    pub(super) packages: Vec<Table>,
}

/// A package of a lock file.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) source: Option<Source>,
    pub(super) category: Option<String>,
    pub(super) groups: Option<Vec<String>>,
}

/// Where a package is from: one text in `Cargo.lock`, a table elsewhere.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    /// `registry+https://…`
    Text(#[expect(dead_code, reason = "only that it is there matters")] String),
    /// `{ registry = "…" }`
    Table(Origin),
}

/// The ways in which uv says that a package is part of the project.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Origin {
    editable: Option<String>,
    r#virtual: Option<String>,
    directory: Option<String>,
}

impl Origin {
    /// Whether the package is part of the project.
    pub(super) fn is_local(&self) -> bool {
        self.editable.is_some() || self.r#virtual.is_some() || self.directory.is_some()
    }
}

/// Reads a lock file.
pub(super) fn read(bytes: &[u8]) -> Result<Lock, Unread> {
    if bytes.len() > BYTES {
        let detail = format!("{} bytes, more than {BYTES}", bytes.len());
        return Err(Unread { reason: GapReason::TooLarge, detail });
    }
    let text = String::from_utf8_lossy(bytes);
    toml::from_str(&text).map_err(|error| Unread {
        reason: GapReason::Malformed,
        detail: error.message().to_owned(),
    })
}
