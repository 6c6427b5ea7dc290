//! `database.json`: which segments make up a database.

use std::fs;
use std::path::{Path, PathBuf};

use hullmark_oci::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::build::Written;
use super::{DatabaseError, MANIFEST, SEGMENTS};

/// Format of the manifest. The format of segments is in their own header.
pub const FORMAT: u32 = 1;

/// Bytes of a manifest; a hundred segments take 40 kB.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Which segments make up a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// When it was written.
    pub updated: Option<Timestamp>,
    /// The segments, sorted by name.
    pub segments: Vec<SegmentInfo>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Ecosystem and release: `Debian:12`.
    pub name: String,
    /// SHA-256 of the file, which also names it.
    pub digest: Digest,
    /// Bytes of the file.
    pub size: u64,
    /// Number of records.
    pub records: u64,
    /// Number of package names.
    pub names: u64,
    /// The newest change of any record.
    pub newest: Option<Timestamp>,
    /// When it was last brought up to date with its source.
    pub updated: Option<Timestamp>,
    /// Where its records came from, for people.
    pub source: String,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { format: FORMAT, updated: None, segments: Vec::new() }
    }
}

impl Manifest {
    /// Reads the manifest of the database in a folder.
    ///
    /// # Errors
    /// If there is none, or it is malformed.
    pub fn read(dir: &Path) -> Result<Self, DatabaseError> {
        let path = dir.join(MANIFEST);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(DatabaseError::Missing(dir.into()));
            }
            Err(e) => return Err(DatabaseError::io("read", &path)(e)),
        };
        if length > MAX_BYTES {
            let error = std::io::Error::from(std::io::ErrorKind::FileTooLarge);
            return Err(DatabaseError::io("read", &path)(error));
        }
        let json = fs::read(&path).map_err(DatabaseError::io("read", &path))?;
        Self::parse(&json).map_err(|error| match error {
            ManifestError::Format(found) => DatabaseError::Format(found),
            ManifestError::Json(source) => DatabaseError::Manifest { path, source },
        })
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// If it is malformed or of another format.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format: Format = serde_json::from_slice(json).map_err(ManifestError::Json)?;
        if format.format != FORMAT {
            return Err(ManifestError::Format(format.format));
        }
        let mut manifest: Self = serde_json::from_slice(json).map_err(ManifestError::Json)?;
        manifest.segments.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(manifest)
    }

    /// Returns the manifest as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("strings, numbers and dates encode");
        json.push(b'\n');
        json
    }
}

/// Why a text is not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not JSON of the expected shape.
    #[error("manifest is malformed")]
    Json(#[source] serde_json::Error),
    /// It is of another format.
    #[error("manifest has format {0}, expected {FORMAT}")]
    Format(u32),
}

impl SegmentInfo {
    /// Describes a segment that was written.
    pub(crate) fn new(written: &Written, updated: Timestamp, source: String) -> Self {
        Self {
            name: written.meta.name.clone(),
            digest: written.digest.clone(),
            size: written.size,
            records: written.meta.records.into(),
            names: written.meta.names.into(),
            newest: written.meta.newest.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            updated: Some(updated),
            source,
        }
    }

    /// Returns the path of the segment's file in the folder of a database.
    pub fn path(&self, dir: &Path) -> PathBuf {
        dir.join(SEGMENTS).join(self.file_name())
    }

    /// Returns the name of the segment's file.
    pub fn file_name(&self) -> String {
        format!("{}.seg", self.digest.hex())
    }
}
