//! The bytes of a segment: a read-only memory map, or a plain copy where mapping is not wanted or not possible.
//!
//! The one place with `unsafe`: everything above sees a byte slice.
#![expect(
    unsafe_code,
    reason = "a memory map is shared by all processes and costs nothing to open"
)]

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// How the bytes of a segment are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Map the file; if that fails, read it.
    #[default]
    Map,
    /// Read the file into memory: for file systems on which files change or vanish under a reader.
    Read,
}

/// The bytes of one file.
#[derive(Debug)]
pub(super) enum Bytes {
    Mapped(Mmap),
    Copied(Vec<u8>),
}

impl Bytes {
    /// Opens a file whose content will not change.
    pub(super) fn open(path: &Path, access: Access) -> io::Result<Self> {
        let mut file = File::open(path)?;
        // An empty file cannot be mapped; it is refused by its reader as too short.
        if access == Access::Map && file.metadata()?.len() > 0 {
            // SAFETY: the map is read-only, and segment files are immutable: their name is the digest of their content,
            // they are written under another name and renamed when complete, and they are only ever unlinked, which
            // leaves existing maps intact. Every access is bounds-checked, and checked against a checksum before its
            // content is believed; whoever may write to the data folder can harm this process by other means too.
            if let Ok(map) = unsafe { Mmap::map(&file) } {
                return Ok(Self::Mapped(map));
            }
        }
        let mut copy = Vec::new();
        file.read_to_end(&mut copy)?;
        Ok(Self::Copied(copy))
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Copied(copy) => copy,
        }
    }
}
