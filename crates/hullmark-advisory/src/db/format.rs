//! The container of a segment: a header, sections, and a checksum for every page. All numbers are little-endian.
//!
//! ```text
//! 0    magic "HULLSEG\n"
//! 8    u32 format, u32 number of sections
//! 16   u64 length of the file
//! 24   sections: u64 offset, u64 length each
//! 248  u32 CRC-32 of bytes 0..248, u32 zero
//! 256  content
//! end  u32 CRC-32 of each page of the content (PAGE bytes, the last one shorter)
//! ```
//!
//! Opening reads the header only. A page is checked when it is first touched, so that opening costs nothing, and still no
//! flipped bit is ever believed. The checksums find accidents; against an attacker, the SHA-256 of the whole file is in the
//! database's manifest and is checked when a segment is installed and by `verify`.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::map::{Access, Bytes};

/// Format of the container and of what is in it. Any change to the layout or the encodings raises it.
pub(super) const FORMAT: u32 = 2;

const MAGIC: &[u8; 8] = b"HULLSEG\n";
pub(super) const HEADER: usize = 256;
/// Bytes that share a checksum: small enough that one look-up checks little, large enough that the sums are few.
pub(super) const PAGE: usize = 16 * 1024;
const SECTIONS: usize = 14;
const SECTION_TABLE: usize = 24;
const HEADER_SUM: usize = 248;

/// The sections, in the order of the header's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Section {
    Meta = 0,
    NameOffsets,
    Names,
    EntryOffsets,
    Entries,
    IdOffsets,
    Ids,
    PostingOffsets,
    Postings,
    RecordOffsets,
    Records,
    BlockOffsets,
    Blocks,
    Pages,
}

impl Section {
    const ALL: [Self; SECTIONS] = [
        Self::Meta,
        Self::NameOffsets,
        Self::Names,
        Self::EntryOffsets,
        Self::Entries,
        Self::IdOffsets,
        Self::Ids,
        Self::PostingOffsets,
        Self::Postings,
        Self::RecordOffsets,
        Self::Records,
        Self::BlockOffsets,
        Self::Blocks,
        Self::Pages,
    ];
}

/// Why a segment cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// It is shorter than a header.
    #[error("segment has {0} bytes, less than its header")]
    Short(usize),
    /// It does not begin as a segment does.
    #[error("file is not an advisory segment")]
    Magic,
    /// It was written for another version of this program.
    #[error("segment has format {found}, expected {FORMAT}; rebuild the database")]
    Format {
        /// The format found.
        found: u32,
    },
    /// The header does not match its checksum.
    #[error("segment's header does not match its checksum")]
    Header,
    /// The header speaks of another length.
    #[error("segment has {found} bytes, expected {expected}: it is truncated or was appended to")]
    Length {
        /// Bytes found.
        found: u64,
        /// Bytes that the header speaks of.
        expected: u64,
    },
    /// A page does not match its checksum.
    #[error("page {0} of the segment does not match its checksum")]
    Page(usize),
    /// An offset leads outside its section, or a section outside the file.
    #[error("an offset of the segment leads outside its bounds")]
    Bounds,
    /// A value is not encoded as the format says.
    #[error("segment holds a value that is not encoded as its format says: {0}")]
    Value(&'static str),
    /// The manifest names another digest.
    #[error("segment does not match its digest in the manifest")]
    Digest,
}

/// An open container.
#[derive(Debug)]
pub(super) struct Container {
    bytes: Bytes,
    sections: [Range<usize>; SECTIONS],
    /// One bit for each page that was found intact.
    checked: Box<[AtomicU64]>,
}

impl Container {
    pub(super) fn open(path: &Path, access: Access) -> std::io::Result<Result<Self, Corrupt>> {
        Ok(Self::new(Bytes::open(path, access)?))
    }

    pub(super) fn from_vec(bytes: Vec<u8>) -> Result<Self, Corrupt> {
        Self::new(Bytes::Copied(bytes))
    }

    fn new(bytes: Bytes) -> Result<Self, Corrupt> {
        let header: &[u8] = bytes.get(..HEADER).ok_or(Corrupt::Short(bytes.len()))?;
        if !header.starts_with(MAGIC) {
            return Err(Corrupt::Magic);
        }
        let found = u32_at(header, 8).ok_or(Corrupt::Header)?;
        if found != FORMAT {
            return Err(Corrupt::Format { found });
        }
        if u32_at(header, HEADER_SUM) != Some(crc(&header[..HEADER_SUM])) {
            return Err(Corrupt::Header);
        }
        let expected = u64_at(header, 16).ok_or(Corrupt::Header)?;
        if expected != bytes.len() as u64 {
            return Err(Corrupt::Length { found: bytes.len() as u64, expected });
        }
        let mut sections: [Range<usize>; SECTIONS] = std::array::from_fn(|_| 0..0);
        for (section, range) in sections.iter_mut().enumerate() {
            *range = section_range(header, section, bytes.len()).ok_or(Corrupt::Bounds)?;
        }
        let pages = &sections[Section::Pages as usize];
        let content = pages.start.checked_sub(HEADER).ok_or(Corrupt::Bounds)?;
        if pages.end != bytes.len() || pages.len() != content.div_ceil(PAGE) * 4 {
            return Err(Corrupt::Bounds);
        }
        let checked = (0..content.div_ceil(PAGE).div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { bytes, sections, checked })
    }

    /// Returns the bytes of the whole file.
    pub(super) fn all(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self, section: Section) -> usize {
        self.sections[section as usize].len()
    }

    /// Returns a part of a section, once every page that it touches is known to be intact.
    pub(super) fn get(&self, section: Section, range: Range<usize>) -> Result<&[u8], Corrupt> {
        let whole = &self.sections[section as usize];
        let start = whole.start.checked_add(range.start).ok_or(Corrupt::Bounds)?;
        let end = whole.start.checked_add(range.end).ok_or(Corrupt::Bounds)?;
        if start > end || end > whole.end {
            return Err(Corrupt::Bounds);
        }
        if start < end && section != Section::Pages {
            for page in (start - HEADER) / PAGE..=(end - 1 - HEADER) / PAGE {
                self.check(page)?;
            }
        }
        self.bytes.get(start..end).ok_or(Corrupt::Bounds)
    }

    pub(super) fn section(&self, section: Section) -> Result<&[u8], Corrupt> {
        self.get(section, 0..self.len(section))
    }

    /// Returns the `index`-th number of a section of `u32`.
    pub(super) fn number(&self, section: Section, index: usize) -> Result<usize, Corrupt> {
        let at = index.checked_mul(4).ok_or(Corrupt::Bounds)?;
        let bytes = self.get(section, at..at.checked_add(4).ok_or(Corrupt::Bounds)?)?;
        u32_at(bytes, 0).map(|n| n as usize).ok_or(Corrupt::Bounds)
    }

    /// Returns the `index`-th item of a section that another section of `u32` offsets cuts up.
    pub(super) fn item(
        &self,
        offsets: Section,
        data: Section,
        index: usize,
    ) -> Result<&[u8], Corrupt> {
        let start = self.number(offsets, index)?;
        let end = self.number(offsets, index.checked_add(1).ok_or(Corrupt::Bounds)?)?;
        self.get(data, start..end)
    }

    /// Returns how many items a section of `u32` offsets cuts its data into.
    pub(super) fn items(&self, offsets: Section) -> usize {
        (self.len(offsets) / 4).saturating_sub(1)
    }

    /// Checks every page.
    pub(super) fn check_all(&self) -> Result<(), Corrupt> {
        (0..self.len(Section::Pages) / 4).try_for_each(|page| self.check(page))
    }

    fn check(&self, page: usize) -> Result<(), Corrupt> {
        let word = self.checked.get(page / 64).ok_or(Corrupt::Bounds)?;
        let bit = 1_u64 << (page % 64);
        if word.load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        let start = HEADER + page * PAGE;
        let pages = &self.sections[Section::Pages as usize];
        let end = (start + PAGE).min(pages.start);
        let content = self.bytes.get(start..end).ok_or(Corrupt::Bounds)?;
        let sum = u32_at(&self.bytes, pages.start + page * 4).ok_or(Corrupt::Bounds)?;
        if sum != crc(content) {
            return Err(Corrupt::Page(page));
        }
        word.fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }
}

/// Returns a section's place: behind the header, inside the file, and not beyond the page sums (unless it is them).
fn section_range(header: &[u8], section: usize, file: usize) -> Option<Range<usize>> {
    let read = |section: usize| -> Option<Range<usize>> {
        let at = SECTION_TABLE + section * 16;
        let start = usize::try_from(u64_at(header, at)?).ok()?;
        let length = usize::try_from(u64_at(header, at + 8)?).ok()?;
        Some(start..start.checked_add(length)?)
    };
    let range = read(section)?;
    let end = if section == Section::Pages as usize {
        file
    } else {
        read(Section::Pages as usize)?.start
    };
    (range.start >= HEADER && range.end <= end).then_some(range)
}

/// Returns the header of a file with these sections.
pub(super) fn header(sections: &[Range<u64>; SECTIONS], file: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12] = Section::Pages as u8 + 1;
    header[16..24].copy_from_slice(&file.to_le_bytes());
    for (range, place) in
        sections.iter().zip(header[SECTION_TABLE..HEADER_SUM].chunks_exact_mut(16))
    {
        place[..8].copy_from_slice(&range.start.to_le_bytes());
        place[8..].copy_from_slice(&(range.end - range.start).to_le_bytes());
    }
    let sum = crc(&header[..HEADER_SUM]);
    header[HEADER_SUM..HEADER_SUM + 4].copy_from_slice(&sum.to_le_bytes());
    header
}

/// An empty table of sections, for writers.
pub(super) fn no_sections() -> [Range<u64>; SECTIONS] {
    Section::ALL.map(|_| 0..0)
}

/// Returns the CRC-32 of some bytes.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// Appends values to a buffer: variable-length numbers, and bytes behind their length.
#[derive(Default)]
pub(super) struct Encoder(pub(super) Vec<u8>);

impl Encoder {
    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        self.0.push((n & 0x7f) as u8);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as u64);
        texts.iter().for_each(|t| self.text(t));
    }

    /// A time in milliseconds, or none.
    pub(super) fn time(&mut self, time: Option<i64>) {
        self.0.extend_from_slice(&time.unwrap_or(i64::MIN).to_le_bytes());
    }
}

/// Reads what [`Encoder`] wrote; whatever the bytes are, it stays inside them.
#[derive(Clone, Debug)]
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl<'a> Decoder<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        let (&first, rest) = self.0.split_first().ok_or(Corrupt::Bounds)?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Corrupt> {
        let mut n = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(Corrupt::Value("number"))
    }

    pub(super) fn size(&mut self) -> Result<usize, Corrupt> {
        usize::try_from(self.number()?).map_err(|_| Corrupt::Value("size"))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.size()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Corrupt::Bounds)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Corrupt::Value("text"))
    }

    pub(super) fn texts(&mut self) -> Result<Vec<&'a str>, Corrupt> {
        let count = self.size()?;
        // Every text takes a byte at least, so the count cannot ask for more than is there.
        if count > self.0.len() {
            return Err(Corrupt::Bounds);
        }
        (0..count).map(|_| self.text()).collect()
    }

    pub(super) fn time(&mut self) -> Result<Option<i64>, Corrupt> {
        let (bytes, rest) = self.0.split_at_checked(8).ok_or(Corrupt::Bounds)?;
        self.0 = rest;
        let time = u64_at(bytes, 0).ok_or(Corrupt::Bounds)?.cast_signed();
        Ok((time != i64::MIN).then_some(time))
    }
}
