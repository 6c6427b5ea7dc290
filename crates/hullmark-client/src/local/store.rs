//! Files by name, in a folder or in an archive.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use hullmark_oci::source::BlobReader;
use hullmark_oci::{Limits, SourceError};

use super::tar_index::{TarError, TarIndex};

/// Where the files of an image are.
#[derive(Debug)]
pub(crate) enum Store {
    Folder(PathBuf),
    Archive(TarIndex),
}

/// Where temporary files go, and how large they may become.
///
/// A compressed archive cannot be read by seeking, and a daemon's answer cannot be asked for twice: both are written once, as a
/// nameless file that vanishes with its last reader. The other way, a pass over the whole for every layer, costs the archive's
/// inflation times its layers.
#[derive(Clone, Debug)]
pub struct Spool {
    /// The folder; `None` for the system's.
    pub folder: Option<PathBuf>,
    /// Bytes of one temporary file at most.
    pub bytes: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { folder: None, bytes: 64 * 1024 * 1024 * 1024 }
    }
}

impl Spool {
    /// Creates a nameless file.
    pub(crate) fn create(&self, what: &str) -> Result<File, SourceError> {
        let file = match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        file.map_err(|source| SourceError::Io {
            what: format!("a temporary file for {what}"),
            source,
        })
    }

    /// Writes a stream to a nameless file.
    pub(crate) fn fill(&self, mut content: impl Read, what: &str) -> Result<File, SourceError> {
        let mut file = self.create(what)?;
        let io = |source| SourceError::Io { what: what.to_owned(), source };
        let mut buffer = vec![0; 256 * 1024];
        let mut total = 0;
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => return Ok(file),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A daemon's stream says itself what happened.
                Err(error) => return Err(error.downcast::<SourceError>().unwrap_or_else(io)),
            };
            total += count as u64;
            if total > self.bytes {
                return Err(SourceError::TooLarge { what: what.to_owned(), limit: self.bytes });
            }
            file.write_all(&buffer[..count]).map_err(io)?;
        }
    }
}

impl Store {
    /// Opens a tar archive, inflating it to a temporary file if it is compressed.
    pub(crate) fn open_archive(
        path: &Path,
        spool: &Spool,
        limits: &Limits,
    ) -> Result<Self, SourceError> {
        let what = format!("archive `{}`", path.display());
        let io = |source| SourceError::Io { what: what.clone(), source };
        let mut reader = BufReader::new(open_regular(path).map_err(io)?);
        let file = match Compression::of(reader.fill_buf().map_err(io)?) {
            Compression::None => reader.into_inner(),
            Compression::Gzip => spool.fill(flate2::bufread::MultiGzDecoder::new(reader), &what)?,
            Compression::Zstd => {
                spool.fill(zstd::Decoder::with_buffer(reader).map_err(io)?, &what)?
            }
        };
        Self::index(file, &what, limits)
    }

    /// Indexes an archive that is not compressed.
    pub(crate) fn index(file: File, what: &str, limits: &Limits) -> Result<Self, SourceError> {
        TarIndex::build(file, limits).map(Self::Archive).map_err(|error| tar_error(what, error))
    }

    /// Whether there is a file of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Archive(tar) => tar.contains(name),
        }
    }

    /// Opens a file and says how many bytes it has; `None` if there is none of this name.
    ///
    /// `name` is one that this program made (`index.json`, `blobs/sha256/…`), or for archives any text: nothing is unpacked.
    pub(crate) fn open(&self, name: &str) -> Result<Option<(BlobReader, u64)>, SourceError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let io = |source| SourceError::Io { what: format!("`{}`", path.display()), source };
                let file = match open_regular(&path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(io(error)),
                };
                let length = file.metadata().map_err(io)?.len();
                Ok(Some((Box::new(file), length)))
            }
            Self::Archive(tar) => match tar.open(name) {
                Ok(section) => Ok(section.map(|s| {
                    let length = s.len();
                    (Box::new(s) as BlobReader, length)
                })),
                Err(error) => Err(tar_error(&format!("`{name}`"), error)),
            },
        }
    }

    /// Reads a whole file of at most `limit` bytes; `None` if there is none of this name.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Bytes>, SourceError> {
        let Some((reader, length)) = self.open(name)? else { return Ok(None) };
        let what = || format!("`{name}`");
        if length > limit {
            return Err(SourceError::TooLarge { what: what(), limit });
        }
        let mut bytes = Vec::new();
        reader
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| SourceError::Io { what: what(), source })?;
        if bytes.len() as u64 > limit {
            return Err(SourceError::TooLarge { what: what(), limit });
        }
        Ok(Some(bytes.into()))
    }
}

/// How a file is compressed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Opens a file and nothing else: a pipe would block, and a device would never end.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    File::open(path)
}

fn tar_error(what: &str, error: TarError) -> SourceError {
    match error {
        TarError::Io { source, .. } => SourceError::Io { what: what.to_owned(), source },
        other => SourceError::Malformed { what: what.to_owned(), detail: other.to_string() },
    }
}
