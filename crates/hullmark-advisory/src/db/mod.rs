//! The advisory database: a folder with a manifest and immutable segments.
//!
//! ```text
//! database.json          which segments make up the database; replaced atomically, last
//! segments/HEX.seg       one per ecosystem and release, named by the SHA-256 of its content
//! lock                   held by the one writer
//! ```
//!
//! A writer adds new segment files, then replaces the manifest. Files that neither the new nor the previous manifest names
//! are removed, so a reader that opened just before is undisturbed.

pub mod build;
mod format;
pub mod intel;
pub mod manifest;
mod map;
pub mod segment;
pub mod store;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use format::Corrupt;
pub use intel::Intel;
pub use manifest::{Manifest, SegmentInfo};
pub use map::Access;
pub use segment::Segment;

/// Name of the manifest in the database's folder.
pub const MANIFEST: &str = "database.json";
/// Name of the folder with the segments.
pub const SEGMENTS: &str = "segments";

/// An open database. Cheap to open, immutable, shared by any number of threads.
#[derive(Debug)]
pub struct Database {
    manifest: Manifest,
    segments: Vec<Segment>,
    intel: Intel,
}

/// Why a database cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is none in the folder.
    #[error("there is no advisory database in `{}`", .0.display())]
    Missing(PathBuf),
    /// A file could not be read or written.
    #[error("failed to {attempt} `{}`", .path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The manifest is no manifest.
    #[error("advisory database has a malformed manifest: `{}`", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The manifest is of another format.
    #[error("advisory database has format {0}, expected {expected}; rebuild it", expected = manifest::FORMAT)]
    Format(u32),
    /// A segment cannot be believed.
    #[error("segment `{segment}` of the advisory database cannot be used")]
    Corrupt {
        /// Its name.
        segment: String,
        /// Why.
        #[source]
        source: Corrupt,
    },
    /// A segment could not be built.
    #[error("failed to build segment `{segment}`")]
    Build {
        /// Its name.
        segment: String,
        /// Why.
        #[source]
        source: build::BuildError,
    },
}

impl DatabaseError {
    pub(crate) fn io(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { attempt, path, source }
    }

    pub(crate) fn corrupt(segment: &str) -> impl Fn(Corrupt) -> Self {
        let segment = segment.to_owned();
        move |source| Self::Corrupt { segment: segment.clone(), source }
    }
}

impl Database {
    /// Opens the database in a folder.
    ///
    /// # Errors
    /// If there is none, or one of its segments is missing, truncated or of another format.
    pub fn open(dir: &Path) -> Result<Self, DatabaseError> {
        Self::open_with(dir, Access::Map)
    }

    /// Opens the database in a folder, reaching its bytes in a certain way.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(dir: &Path, access: Access) -> Result<Self, DatabaseError> {
        // A writer that replaces the manifest twice in between removes segments that the first manifest names.
        const ATTEMPTS: usize = 3;
        let mut attempt = 1;
        loop {
            match Self::open_once(dir, access) {
                Err(DatabaseError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn open_once(dir: &Path, access: Access) -> Result<Self, DatabaseError> {
        let manifest = Manifest::read(dir)?;
        let segments = manifest.segments.iter().map(|info| open_segment(dir, info, access));
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::assemble(manifest, segments))
    }

    /// Opens what is intact of a database, for the writer that repairs it, and says what is not.
    pub(crate) fn salvage(dir: &Path) -> Result<(Self, Vec<DatabaseError>), DatabaseError> {
        let mut damage = Vec::new();
        let mut manifest = match Manifest::read(dir) {
            Ok(manifest) => manifest,
            Err(DatabaseError::Missing(_)) => return Ok((Self::empty(), damage)),
            Err(error @ (DatabaseError::Manifest { .. } | DatabaseError::Format(_))) => {
                return Ok((Self::empty(), vec![error]));
            }
            Err(error) => return Err(error),
        };
        let mut segments = Vec::with_capacity(manifest.segments.len());
        manifest.segments.retain(|info| {
            let segment = open_segment(dir, info, Access::Map);
            let checked = segment.and_then(|segment| {
                segment.check().map_err(DatabaseError::corrupt(&info.name)).map(|()| segment)
            });
            match checked {
                Ok(segment) => segments.push(segment),
                Err(error) => {
                    damage.push(error);
                    return false;
                }
            }
            true
        });
        Ok((Self::assemble(manifest, segments), damage))
    }

    /// Returns a database without segments.
    pub fn empty() -> Self {
        Self::assemble(Manifest::default(), Vec::new())
    }

    fn assemble(manifest: Manifest, segments: Vec<Segment>) -> Self {
        let intel = Intel::find(&segments);
        Self { manifest, segments, intel }
    }

    /// Returns the manifest: every segment with its digest, size, counts and dates.
    pub fn status(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the segments, in the order of their names.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns a segment by name.
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.position(name).map(|at| &self.segments[at])
    }

    /// Returns what the manifest says of a segment.
    pub fn info(&self, name: &str) -> Option<&SegmentInfo> {
        self.position(name).map(|at| &self.manifest.segments[at])
    }

    /// Returns when the database was last written.
    pub fn updated(&self) -> Option<Timestamp> {
        self.manifest.updated
    }

    /// Returns known exploitation and exploit predictions.
    pub fn intel(&self) -> Known<'_> {
        Known(self)
    }

    /// Checks every byte of every segment against its digest in the manifest.
    ///
    /// # Errors
    /// For the first segment that does not match.
    pub fn verify(&self) -> Result<(), DatabaseError> {
        for (info, segment) in self.manifest.segments.iter().zip(&self.segments) {
            let error = DatabaseError::corrupt(&info.name);
            segment.check().map_err(&error)?;
            if hullmark_oci::Digest::sha256(segment.bytes()) != info.digest {
                return Err(error(Corrupt::Digest));
            }
        }
        Ok(())
    }

    /// Returns every record that has, aliases or stands for an id, or speaks of a package, with its segment's name.
    ///
    /// # Errors
    /// If a segment is not intact.
    pub fn search(&self, query: &str) -> Result<Vec<(String, crate::osv::Record)>, DatabaseError> {
        let mut found = Vec::new();
        for segment in &self.segments {
            let name = &segment.meta().name;
            found.extend(
                search_segment(segment, query)
                    .map_err(DatabaseError::corrupt(name))?
                    .into_iter()
                    .map(|record| (name.clone(), record)),
            );
        }
        Ok(found)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.manifest.segments.binary_search_by(|info| info.name.as_str().cmp(name)).ok()
    }
}

/// Known exploitation and exploit predictions of an open database.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a>(&'a Database);

impl Known<'_> {
    /// Returns the entry of an id in CISA's catalogue.
    ///
    /// # Errors
    /// If the segment is not intact.
    pub fn kev(&self, id: &str) -> Result<Option<crate::finding::Kev>, DatabaseError> {
        self.0.intel.kev(&self.0.segments, id).map_err(DatabaseError::corrupt(intel::KEV))
    }

    /// Returns FIRST's prediction for an id.
    ///
    /// # Errors
    /// If the segment is not intact.
    pub fn epss(&self, id: &str) -> Result<Option<crate::finding::Epss>, DatabaseError> {
        self.0.intel.epss(&self.0.segments, id).map_err(DatabaseError::corrupt(intel::EPSS))
    }
}

fn open_segment(dir: &Path, info: &SegmentInfo, access: Access) -> Result<Segment, DatabaseError> {
    let path = info.path(dir);
    let segment = Segment::open(&path, access)
        .map_err(DatabaseError::io("open", &path))?
        .map_err(DatabaseError::corrupt(&info.name))?;
    if segment.meta().name != info.name || segment.bytes().len() as u64 != info.size {
        return Err(DatabaseError::corrupt(&info.name)(Corrupt::Digest));
    }
    Ok(segment)
}

fn search_segment(segment: &Segment, query: &str) -> Result<Vec<crate::osv::Record>, Corrupt> {
    let Some(ecosystem) = segment.ecosystem() else { return Ok(Vec::new()) };
    let mut numbers = segment.records_of(query)?;
    let name = crate::ecosystem::normalize(ecosystem.base, query);
    numbers.extend(segment.entries(&name)?.iter().map(|entry| entry.record));
    numbers.sort_unstable();
    numbers.dedup();
    let mut texts = segment::Texts::new(segment);
    numbers.into_iter().map(|number| texts.record(&segment.head(number)?)).collect()
}
