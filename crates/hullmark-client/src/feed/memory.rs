//! `feeds.json` beside the database: what the last update saw, so that the next asks only for what changed.
//!
//! A hint, never an authority: it counts only while the segments are those that it was written for, and without it an update
//! takes longer and comes to the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use hullmark_oci::{Digest, SourceError};
use serde::{Deserialize, Serialize};

const FILE: &str = "feeds.json";
const FORMAT: u32 = 1;
/// Bytes of the file; it names only records that the database does not hold.
const LIMIT: u64 = 256 * 1024 * 1024;

/// What is remembered of every feed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    format: u32,
    feeds: BTreeMap<String, Remembered>,
}

/// What is remembered of one feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Remembered {
    /// Where it came from.
    pub(super) from: String,
    /// The segments that it led to.
    pub(super) segments: Option<Digest>,
    /// Entity tag of the list of changes.
    pub(super) list_tag: Option<String>,
    /// Entity tag of the complete export.
    pub(super) export_tag: Option<String>,
    /// Records of the list that the database does not hold as the list has them: they were looked at, and need not be again.
    pub(super) settled: BTreeMap<String, i64>,
}

impl Memory {
    /// Reads what is remembered: nothing, where the file is missing or not understood.
    pub(super) fn read(database: &Path) -> Self {
        let mut bytes = Vec::new();
        let read = fs::File::open(database.join(FILE))
            .and_then(|file| file.take(LIMIT).read_to_end(&mut bytes));
        let memory = read.ok().and_then(|_| serde_json::from_slice::<Self>(&bytes).ok());
        memory.filter(|memory| memory.format == FORMAT).unwrap_or_default()
    }

    /// Returns what is remembered of a feed, if it came from there and its segments are still those.
    pub(super) fn recall(&self, feed: &str, from: &str, segments: &Digest) -> Remembered {
        let valid = |r: &&Remembered| r.from == from && r.segments.as_ref() == Some(segments);
        self.feeds.get(feed).filter(valid).cloned().unwrap_or_default()
    }

    /// Remembers a feed.
    pub(super) fn keep(database: &Path, feed: &str, what: Remembered) -> Result<(), SourceError> {
        let mut memory = Self::read(database);
        memory.format = FORMAT;
        memory.feeds.insert(feed.to_owned(), what);
        let path: PathBuf = database.join(FILE);
        let temporary = database.join(format!("{FILE}.partial"));
        let json = serde_json::to_vec(&memory).map_err(std::io::Error::other);
        json.and_then(|json| fs::write(&temporary, json))
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(|source| SourceError::Io { what: format!("`{}`", path.display()), source })
    }
}
