//! The cataloguers: which files are worth reading, and who reads them.

pub mod binary;
pub mod language;
pub mod lockfile;
pub mod os;

use std::io::{self, Read};

use hullmark_oci::{FilePath, Limits};

use crate::fragment::Record;
use crate::package::Package;
use crate::{Gap, GapReason};

/// A regular file as a cataloguer sees it: name, size and a stream that can be read once.
pub struct File<'a> {
    /// Where it is.
    pub path: &'a FilePath,
    /// Its size in bytes, as its tar header says; the stream ends there or fails.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Bounds.
    pub limits: &'a Limits,
    content: &'a mut dyn Read,
}

/// What cataloguers add to.
#[derive(Debug, Default)]
pub struct Found {
    /// Things found.
    pub records: Vec<Record>,
    /// Things not understood.
    pub gaps: Vec<Gap>,
}

/// Why a file's content could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The layer's stream broke: the whole layer cannot be examined.
    #[error("failed to read the layer")]
    Layer(#[source] io::Error),
    /// The file is larger than a cataloguer may hold.
    #[error("{size} bytes, more than {limit}")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

impl<'a> File<'a> {
    /// Wraps a stream of exactly `size` bytes.
    pub fn new(
        path: &'a FilePath,
        size: u64,
        mode: u32,
        content: &'a mut dyn Read,
        limits: &'a Limits,
    ) -> Self {
        Self { path, size, mode, limits, content }
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// If the layer breaks off, or the file is larger than `limits.file_bytes`.
    pub fn read_all(&mut self) -> Result<Vec<u8>, ReadError> {
        let limit = self.limits.file_bytes;
        if self.size > limit {
            return Err(ReadError::TooLarge { size: self.size, limit });
        }
        // The size is attacker-controlled until the bytes have come: grow with them.
        let mut bytes = Vec::with_capacity(usize::try_from(self.size.min(1 << 20)).unwrap_or(0));
        self.content.read_to_end(&mut bytes).map_err(ReadError::Layer)?;
        Ok(bytes)
    }

    /// Returns the stream, for cataloguers that do not need the whole file at once.
    pub fn stream(&mut self) -> &mut dyn Read {
        self.content
    }
}

impl Found {
    /// Adds a package.
    pub fn package(&mut self, package: Package) {
        self.records.push(Record::Package(Box::new(package)));
    }

    /// Adds a gap at `path`.
    pub fn gap(&mut self, path: &FilePath, reason: GapReason, detail: impl Into<String>) {
        self.gaps.push(Gap { path: path.clone(), layer: None, reason, detail: detail.into() });
    }

    /// Turns a file's failed read into a gap; a broken layer stays an error.
    ///
    /// # Errors
    /// If the layer itself is broken.
    pub fn read(&mut self, file: &mut File<'_>) -> Result<Option<Vec<u8>>, io::Error> {
        match file.read_all() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Layer(error)) => Err(error),
            Err(error @ ReadError::TooLarge { .. }) => {
                self.gap(file.path, GapReason::TooLarge, error.to_string());
                Ok(None)
            }
        }
    }
}

/// One cataloguer: decides by path alone whether it wants a file, then reads it.
pub struct Cataloger {
    /// Its name, as evidence and gaps show it.
    pub name: &'static str,
    /// Whether a regular file at this path is worth reading. Called for every entry: it must be cheap.
    pub wants: fn(path: &FilePath) -> bool,
    /// Reads one file. `Err` only if the layer's stream broke; everything else is a record or a gap.
    pub read: fn(file: &mut File<'_>, found: &mut Found) -> io::Result<()>,
}

/// Raised whenever any cataloguer finds something else in the same bytes: cached fragments of other versions are not used.
pub const VERSION: u32 = 1;

/// Returns every cataloguer that goes by path. The first that wants a file gets it; a file that none wants is offered to
/// [`binary`] by its first bytes.
pub fn catalogers() -> impl Iterator<Item = &'static Cataloger> {
    [os::CATALOGERS, language::CATALOGERS, lockfile::CATALOGERS, binary::CATALOGERS]
        .into_iter()
        .flatten()
}
