//! Zip archives in memory, read by their central directory as Java reads them.
//!
//! Nothing is allocated for entries that nobody asks for, so a directory of any size costs only its bytes; what is taken out is
//! counted against a budget. Prepended data (self-executing jars) and zip64 are understood. See: PKWARE APPNOTE.TXT 6.3.10 §4.3.

use std::borrow::Cow;
use std::io::Read;

use flate2::{Crc, read::DeflateDecoder};
use memchr::memmem;

use crate::GapReason;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR64: &[u8] = b"PK\x06\x07";

/// Bytes of an end record, and of the longest comment after it.
const END_BYTES: usize = 22;
const COMMENT_BYTES: usize = 0xffff;

/// Why an archive or an entry could not be read.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) reason: GapReason,
    pub(crate) detail: String,
}

fn fault(reason: GapReason, detail: impl Into<String>) -> Fault {
    Fault { reason, detail: detail.into() }
}

/// An archive.
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    directory: &'a [u8],
    /// Where the archive begins; greater than zero behind prepended data.
    base: u64,
}

/// An entry as the central directory describes it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// Its name, mostly UTF-8.
    pub(crate) name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    offset: u64,
}

impl<'a> Archive<'a> {
    /// Finds the central directory.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let window = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES);
        let mut until = bytes.len();
        let mut last = None;
        while let Some(at) = memmem::rfind(&bytes[window..until], END) {
            let end = window + at;
            let found = Self::at(bytes, end);
            // Like Java: the record whose comment ends the file decides; any other one must prove itself by its directory.
            let comment = bytes.get(end + 20..end + END_BYTES).map(|field| u16_at(field, 0));
            let exact = comment.is_some_and(|c| end + END_BYTES + usize::from(c) == bytes.len());
            match found {
                Ok(archive) if exact || !archive.directory.is_empty() => return Ok(archive),
                Err(fault) if exact => return Err(fault),
                Ok(_) => {}
                Err(fault) => last = last.or(Some(fault)),
            }
            until = end;
        }
        Err(last.unwrap_or_else(|| {
            if bytes.starts_with(LOCAL) {
                fault(GapReason::Truncated, "an archive without its directory")
            } else {
                fault(GapReason::Malformed, "not a zip archive")
            }
        }))
    }

    /// Reads the end record at `end`.
    fn at(bytes: &'a [u8], end: usize) -> Result<Self, Fault> {
        let broken = || fault(GapReason::Malformed, "the directory lies outside the archive");
        let record = bytes.get(end..end + END_BYTES).ok_or_else(broken)?;
        if u16_at(record, 4) != 0 || u16_at(record, 6) != 0 {
            return Err(fault(GapReason::Unsupported, "an archive in several parts"));
        }
        let (mut size, mut offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
        let mut directory_end = end;
        let wide = size == 0xffff_ffff || offset == 0xffff_ffff || u16_at(record, 10) == 0xffff;
        if wide && let Some(at) = Self::end64(bytes, end) {
            size = u64_at(&bytes[at..], 40);
            offset = u64_at(&bytes[at..], 48);
            directory_end = at;
        }
        let start = (directory_end as u64).checked_sub(size).ok_or_else(broken)?;
        let base = start.checked_sub(offset).ok_or_else(broken)?;
        let start = usize::try_from(start).map_err(|_| broken())?;
        let directory = &bytes[start..directory_end];
        if !directory.is_empty() && !directory.starts_with(CENTRAL) {
            return Err(broken());
        }
        Ok(Self { bytes, directory, base })
    }

    /// Finds the zip64 end record of the end record at `end`.
    fn end64(bytes: &[u8], end: usize) -> Option<usize> {
        let locator = end.checked_sub(20)?;
        let record = bytes.get(locator..end)?;
        if !record.starts_with(LOCATOR64) {
            return None;
        }
        let named = usize::try_from(u64_at(record, 8)).ok();
        // Behind prepended data the offset misses: the record then lies directly before its locator.
        [named, locator.checked_sub(56)].into_iter().flatten().find(|&at| {
            at.checked_add(56).is_some_and(|end| end <= locator) && bytes[at..].starts_with(END64)
        })
    }

    /// Whether what is prepended looks like an archive itself: a truncated archive whose last stored entry is one ends like this.
    pub(crate) fn follows_archive(&self) -> bool {
        self.base > 0 && self.bytes.starts_with(LOCAL)
    }

    /// Returns the entries in the order of the directory. After a fault there are no more.
    pub(crate) fn entries(&self) -> Entries<'a> {
        Entries { rest: self.directory }
    }

    /// Takes the content of an entry out, as long as `budget` (bytes) lasts.
    pub(crate) fn read(&self, entry: &Entry<'_>, budget: &mut u64) -> Result<Cow<'a, [u8]>, Fault> {
        let packed = self.packed(entry)?;
        if entry.size > *budget {
            return Err(fault(
                GapReason::TooLarge,
                format!("{} bytes, more than {budget}", entry.size),
            ));
        }
        *budget -= entry.size;
        let content = match entry.method {
            0 if entry.size == entry.compressed => Cow::Borrowed(packed),
            0 => return Err(fault(GapReason::Malformed, "stored with two sizes")),
            8 => Cow::Owned(inflate(packed, entry.size)?),
            method => {
                return Err(fault(GapReason::Unsupported, format!("compression method {method}")));
            }
        };
        let mut crc = Crc::new();
        crc.update(&content);
        if crc.sum() != entry.crc {
            return Err(fault(GapReason::Malformed, "the checksum does not match"));
        }
        Ok(content)
    }

    /// Finds the compressed bytes of an entry behind its local header.
    fn packed(&self, entry: &Entry<'_>) -> Result<&'a [u8], Fault> {
        if entry.flags & 0x2041 != 0 {
            return Err(fault(GapReason::Encrypted, "encrypted"));
        }
        let truncated = || fault(GapReason::Truncated, "the content lies outside the archive");
        let at = self.base.checked_add(entry.offset).and_then(|at| usize::try_from(at).ok());
        let local = at.and_then(|at| self.bytes.get(at..)).ok_or_else(truncated)?;
        let header = local.get(..30).ok_or_else(truncated)?;
        let (name, extra) = (usize::from(u16_at(header, 26)), usize::from(u16_at(header, 28)));
        if !header.starts_with(LOCAL) || local.get(30..30 + name) != Some(entry.name) {
            return Err(fault(GapReason::Malformed, "the directory points at something else"));
        }
        let size = usize::try_from(entry.compressed).map_err(|_| truncated())?;
        local.get(30 + name + extra..).and_then(|rest| rest.get(..size)).ok_or_else(truncated)
    }
}

fn inflate(packed: &[u8], size: u64) -> Result<Vec<u8>, Fault> {
    // The size is attacker-controlled until the bytes have come: grow with them.
    let mut content = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or(0));
    DeflateDecoder::new(packed)
        .take(size.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| fault(GapReason::Malformed, error.to_string()))?;
    match (content.len() as u64).cmp(&size) {
        std::cmp::Ordering::Equal => Ok(content),
        std::cmp::Ordering::Less => Err(fault(GapReason::Truncated, "less content than it says")),
        std::cmp::Ordering::Greater => {
            Err(fault(GapReason::Malformed, "more content than it says"))
        }
    }
}

/// The entries of an archive.
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = Entry::read(&mut self.rest);
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or_else(|| fault(GapReason::Malformed, "the directory breaks off")))
    }
}

impl<'a> Entry<'a> {
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let bytes = *rest;
        let header = bytes.get(..46).filter(|header| header.starts_with(CENTRAL))?;
        let (name, extra) = (usize::from(u16_at(header, 28)), usize::from(u16_at(header, 30)));
        let comment = usize::from(u16_at(header, 32));
        let mut entry = Self {
            name: bytes.get(46..46 + name)?,
            flags: u16_at(header, 8),
            method: u16_at(header, 10),
            crc: u32_at(header, 16),
            compressed: u64::from(u32_at(header, 20)),
            size: u64::from(u32_at(header, 24)),
            offset: u64::from(u32_at(header, 42)),
        };
        entry.widen(bytes.get(46 + name..46 + name + extra)?);
        *rest = bytes.get(46 + name + extra + comment..)?;
        Some(entry)
    }

    /// Takes sizes and offset from the zip64 field, which holds only those that do not fit, in this order.
    fn widen(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let (id, size) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
            let Some(mut field) = extra.get(4..4 + size) else {
                return;
            };
            if id == 1 {
                for value in [&mut self.size, &mut self.compressed, &mut self.offset] {
                    if *value == 0xffff_ffff && field.len() >= 8 {
                        *value = u64_at(field, 0);
                        field = &field[8..];
                    }
                }
                return;
            }
            extra = &extra[4 + size..];
        }
    }

    /// Returns the name for people.
    pub(crate) fn display(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.name)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
