//! A pull parser of tar streams: v7, ustar, pax, GNU long names, GNU and pax sparse files.
//!
//! Where the formats leave room, this reads what Go's `archive/tar` reads, since that is what container runtimes unpack with: an
//! entry that one reader sees and another does not is a place to hide a package. In particular a pax `size` overrides the header's,
//! links have no content whatever their size says, global pax records do not apply, and one lone zero block is an error.
//!
//! See: POSIX.1-2017 pax §"pax Interchange Format", §"ustar Interchange Format"; GNU tar manual §"Basic Tar Format".

use std::io::{self, BufRead, Read};

use crate::limits::Limits;
use crate::path::FilePath;

const BLOCK: usize = 512;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// Another name of the file at this path.
    HardLink(FilePath),
    /// A symbolic link, with its target as written.
    Symlink(String),
    /// A folder.
    Directory,
    /// A device, a pipe, or something unknown.
    Other,
}

/// One entry's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its normalised path.
    pub path: FilePath,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content, holes included.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
}

/// Why a stream is not a tar archive that can be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The stream failed, or ended inside an entry.
    #[error("failed to read the tar stream")]
    Io(#[from] io::Error),
    /// A header's checksum is wrong: not a tar stream, or a damaged one.
    #[error("tar header at byte {offset} has a wrong checksum")]
    Checksum {
        /// Where the header starts.
        offset: u64,
    },
    /// A field of a header is not what it must be.
    #[error("tar header at byte {offset} has a malformed {field}")]
    Field {
        /// Where the header starts.
        offset: u64,
        /// Which field.
        field: &'static str,
    },
    /// A limit was passed.
    #[error("tar stream passes the limit of {limit} {unit}")]
    Limit {
        /// The limit.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
}

/// Reads entries one after another.
pub struct Archive<'l, R> {
    reader: R,
    limits: &'l Limits,
    /// Bytes consumed so far.
    offset: u64,
    entries: u64,
    /// What is left of the current entry's stored content, and the padding after it.
    stored: u64,
    padding: u64,
    /// The current entry's logical content, if it has holes.
    sparse: Option<Sparse>,
    /// Bytes of holes that may still be expanded in this archive.
    hole_budget: u64,
}

/// A stored piece of a sparse file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    offset: u64,
    length: u64,
}

#[derive(Debug)]
struct Sparse {
    extents: std::vec::IntoIter<Extent>,
    current: Option<Extent>,
    position: u64,
    size: u64,
}

/// What pax and GNU extension headers say of the entry that follows them.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    gnu_path: Option<Vec<u8>>,
    gnu_link: Option<Vec<u8>>,
    sparse: PaxSparse,
}

#[derive(Default)]
struct PaxSparse {
    major: Option<u64>,
    minor: Option<u64>,
    real_size: Option<u64>,
    name: Option<Vec<u8>>,
    /// Offsets and lengths in turn, of formats 0.0 and 0.1.
    map: Vec<u64>,
    seen: bool,
}

impl<'l, R: BufRead> Archive<'l, R> {
    /// Starts reading.
    pub fn new(reader: R, limits: &'l Limits) -> Self {
        Self {
            reader,
            limits,
            offset: 0,
            entries: 0,
            stored: 0,
            padding: 0,
            sparse: None,
            hole_budget: limits.sparse_bytes,
        }
    }

    /// Returns the next entry; `None` after the end marker or at the end of the stream. Content that was not read is skipped.
    ///
    /// # Errors
    /// If the stream breaks, is no tar stream, or passes a limit.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        let mut extended = Extended::default();
        loop {
            self.skip(self.stored + self.padding)?;
            (self.stored, self.padding, self.sparse) = (0, 0, None);
            let at = self.offset;
            let Some(header) = self.read_header()? else { return Ok(None) };
            self.entries += 1;
            if self.entries > self.limits.layer_entries {
                return Err(limit(self.limits.layer_entries, "entries"));
            }
            let field = |field| TarError::Field { offset: at, field };
            let size = number(&header[124..136]).ok_or_else(|| field("size"))?;
            match header[156] {
                b'x' | b'X' => {
                    let records = self.read_extension(size)?;
                    extended.apply_pax(&records).map_err(field)?;
                }
                b'g' => {
                    self.read_extension(size)?;
                }
                b'L' => extended.gnu_path = Some(until_nul(self.read_extension(size)?)),
                b'K' => extended.gnu_link = Some(until_nul(self.read_extension(size)?)),
                flag => return self.entry(&header, flag, size, extended, at).map(Some),
            }
        }
    }

    /// Returns a reader of the current entry's content; it ends with the entry, holes read as zeros.
    pub fn content(&mut self) -> Content<'_, 'l, R> {
        Content(self)
    }

    /// Returns the stream, positioned after what was read so far.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn entry(
        &mut self,
        header: &[u8; BLOCK],
        flag: u8,
        header_size: u64,
        mut extended: Extended,
        at: u64,
    ) -> Result<Entry, TarError> {
        let field = |field| TarError::Field { offset: at, field };
        let raw_path = extended.path_of(header);
        let raw_link = extended
            .gnu_link
            .take()
            .or(extended.link.take())
            .unwrap_or_else(|| text(&header[157..257]).to_vec());
        if raw_path.len() > self.limits.path_bytes || raw_link.len() > self.limits.path_bytes {
            return Err(limit(self.limits.path_bytes as u64, "bytes in a path"));
        }
        let is_folder_name = raw_path.ends_with(b"/");
        let kind = match flag {
            0 if is_folder_name => EntryKind::Directory,
            0 | b'0' | b'7' | b'S' => EntryKind::File,
            b'1' => EntryKind::HardLink(FilePath::from_raw(&raw_link)),
            b'2' => EntryKind::Symlink(String::from_utf8_lossy(&raw_link).into_owned()),
            b'5' => EntryKind::Directory,
            _ => EntryKind::Other,
        };
        let header_only = matches!(flag, b'1'..=b'6');
        let stored = if header_only { 0 } else { extended.size.unwrap_or(header_size) };
        self.stored = stored;
        self.padding = stored.wrapping_neg() % BLOCK as u64;
        let mut size = stored;
        if flag == b'S' {
            let (extents, real) = self.gnu_sparse_map(header).map_err(|e| e.at(at))?;
            size = self.open_sparse(extents, real).map_err(field)?;
        } else if extended.sparse.seen && kind == EntryKind::File {
            let (extents, real) =
                self.pax_sparse_map(&mut extended.sparse).map_err(|e| e.at(at))?;
            size = self.open_sparse(extents, real).map_err(field)?;
        }
        let mode = number(&header[100..108]).unwrap_or(0) & 0o7777;
        let path = FilePath::from_raw(&raw_path);
        Ok(Entry { path, kind, size, mode: u32::try_from(mode).unwrap_or(0) })
    }

    /// Reads a header block; `None` at two zero blocks or at the end of the stream.
    fn read_header(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let at = self.offset;
        let mut block = [0; BLOCK];
        if !self.read_block(&mut block)? {
            return Ok(None);
        }
        if block == [0; BLOCK] {
            if self.read_block(&mut block)? && block != [0; BLOCK] {
                return Err(TarError::Field { offset: at, field: "end marker" });
            }
            return Ok(None);
        }
        let expected = number(&block[148..156]).ok_or(TarError::Checksum { offset: at })?;
        let others = || block[..148].iter().chain(&block[156..]);
        let unsigned: u64 = others().map(|&b| u64::from(b)).sum::<u64>() + 8 * u64::from(b' ');
        let signed: i64 =
            others().map(|&b| i64::from(b.cast_signed())).sum::<i64>() + 8 * i64::from(b' ');
        if expected != unsigned && i64::try_from(expected) != Ok(signed) {
            return Err(TarError::Checksum { offset: at });
        }
        Ok(Some(block))
    }

    /// Reads one block; `false` if the stream ends right before it.
    fn read_block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, TarError> {
        if self.reader.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.reader.read_exact(block)?;
        self.offset += BLOCK as u64;
        Ok(true)
    }

    /// Reads the content of an extension header.
    fn read_extension(&mut self, size: u64) -> Result<Vec<u8>, TarError> {
        if size > self.limits.tar_header_bytes {
            return Err(limit(self.limits.tar_header_bytes, "bytes in an extension header"));
        }
        (self.stored, self.padding) = (size, size.wrapping_neg() % BLOCK as u64);
        let mut content = Vec::new();
        Content(self).read_to_end(&mut content)?;
        Ok(content)
    }

    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        self.offset += count;
        while count > 0 {
            let available = self.reader.fill_buf()?.len();
            if available == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let step = usize::try_from(count).map_or(available, |count| count.min(available));
            self.reader.consume(step);
            count -= step as u64;
        }
        Ok(())
    }

    fn read_stored(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.stored).map_or(buffer.len(), |s| s.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.stored -= count as u64;
        self.offset += count as u64;
        Ok(count)
    }

    /// Reads the map of an old GNU sparse file: four extents in the header, 21 in each extension block.
    fn gnu_sparse_map(&mut self, header: &[u8; BLOCK]) -> Result<(Vec<Extent>, u64), SparseError> {
        let real = number(&header[483..495]).ok_or(SparseError::Malformed)?;
        let mut extents = Vec::new();
        let mut more = gnu_extents(&header[386..482], &mut extents)? && header[482] != 0;
        while more {
            let mut block = [0; BLOCK];
            if !self.read_block(&mut block).map_err(SparseError::Tar)? {
                return Err(SparseError::Malformed);
            }
            more = gnu_extents(&block[..504], &mut extents)? && block[504] != 0;
            if extents.len() as u64 > self.limits.tar_header_bytes {
                return Err(SparseError::Malformed);
            }
        }
        Ok((extents, real))
    }

    /// Reads the map of a pax sparse file: from the records (0.0, 0.1), or from the start of the content (1.0).
    fn pax_sparse_map(&mut self, pax: &mut PaxSparse) -> Result<(Vec<Extent>, u64), SparseError> {
        let numbers = match (pax.major, pax.minor) {
            (Some(1), Some(0)) => self.sparse_map_in_content()?,
            (None | Some(0), None | Some(0 | 1)) => std::mem::take(&mut pax.map),
            _ => return Err(SparseError::Malformed),
        };
        let real = pax.real_size.ok_or(SparseError::Malformed)?;
        if !numbers.len().is_multiple_of(2) {
            return Err(SparseError::Malformed);
        }
        let extents =
            numbers.chunks_exact(2).map(|p| Extent { offset: p[0], length: p[1] }).collect();
        Ok((extents, real))
    }

    /// Decimal numbers, one a line, padded to a whole block: their count in pairs, then offset and length of each.
    fn sparse_map_in_content(&mut self) -> Result<Vec<u64>, SparseError> {
        let mut numbers: Vec<u64> = Vec::new();
        let (mut digits, mut value) = (0, 0u64);
        loop {
            if self.stored < BLOCK as u64 {
                return Err(SparseError::Malformed);
            }
            let mut block = [0; BLOCK];
            if !self.read_block(&mut block).map_err(SparseError::Tar)? {
                return Err(SparseError::Malformed);
            }
            self.stored -= BLOCK as u64;
            for byte in block {
                match byte {
                    b'0'..=b'9' if digits < 19 => {
                        value = value * 10 + u64::from(byte - b'0');
                        digits += 1;
                    }
                    b'\n' if digits > 0 => {
                        numbers.push(value);
                        (digits, value) = (0, 0);
                    }
                    _ => return Err(SparseError::Malformed),
                }
                if numbers.len() as u64 > self.limits.tar_header_bytes {
                    return Err(SparseError::Malformed);
                }
                let wanted = numbers.first().map(|count| count.saturating_mul(2).saturating_add(1));
                if wanted == Some(numbers.len() as u64) {
                    numbers.remove(0);
                    return Ok(numbers);
                }
            }
        }
    }

    /// Checks the map and starts the logical content; returns its size.
    fn open_sparse(&mut self, extents: Vec<Extent>, size: u64) -> Result<u64, &'static str> {
        let mut end = 0;
        let mut data = 0u64;
        for extent in &extents {
            let stop = extent.offset.checked_add(extent.length).ok_or("sparse map")?;
            if extent.offset < end || stop > size {
                return Err("sparse map");
            }
            end = stop;
            data += extent.length;
        }
        if data != self.stored {
            return Err("sparse map");
        }
        let holes = size - data;
        self.hole_budget =
            self.hole_budget.checked_sub(holes).ok_or("sparse size (passes the limit)")?;
        let mut extents = extents.into_iter();
        let current = extents.next();
        self.sparse = Some(Sparse { extents, current, position: 0, size });
        Ok(size)
    }
}

/// The content of the current entry.
pub struct Content<'a, 'l, R>(&'a mut Archive<'l, R>);

impl<R: BufRead> Read for Content<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let archive = &mut *self.0;
        let Some(mut sparse) = archive.sparse.take() else { return archive.read_stored(buffer) };
        let result = sparse.read(archive, buffer);
        archive.sparse = Some(sparse);
        result
    }
}

impl Sparse {
    fn read<R: BufRead>(
        &mut self,
        archive: &mut Archive<'_, R>,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        while self.current.is_some_and(|e| self.position >= e.offset + e.length) {
            self.current = self.extents.next();
        }
        let cap = |until: u64, at: u64, len: usize| {
            usize::try_from(until - at).map_or(len, |left| left.min(len))
        };
        let count = match self.current {
            Some(extent) if self.position >= extent.offset => {
                let wanted = cap(extent.offset + extent.length, self.position, buffer.len());
                archive.read_stored(&mut buffer[..wanted])?
            }
            next => {
                let until = next.map_or(self.size, |e| e.offset);
                let wanted = cap(until, self.position, buffer.len());
                buffer[..wanted].fill(0);
                wanted
            }
        };
        self.position += count as u64;
        Ok(count)
    }
}

enum SparseError {
    Malformed,
    Tar(TarError),
}

impl SparseError {
    fn at(self, offset: u64) -> TarError {
        match self {
            Self::Malformed => TarError::Field { offset, field: "sparse map" },
            Self::Tar(error) => error,
        }
    }
}

impl Extended {
    /// GNU's long name wins over pax, pax over the header; a sparse file carries its real name apart.
    fn path_of(&mut self, header: &[u8; BLOCK]) -> Vec<u8> {
        self.gnu_path
            .take()
            .or(self.sparse.name.take())
            .or(self.path.take())
            .unwrap_or_else(|| header_path(header))
    }

    fn apply_pax(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        while !records.is_empty() {
            let (key, value, rest) = pax_record(records).ok_or("pax record")?;
            records = rest;
            self.apply_record(key, value)?;
        }
        Ok(())
    }

    fn apply_record(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let decimal = || decimal(value).ok_or("pax number");
        self.sparse.seen |= key.starts_with(b"GNU.sparse.");
        match key {
            b"path" => self.path = non_empty(value)?,
            b"linkpath" => self.link = non_empty(value)?,
            b"size" => self.size = Some(decimal()?),
            b"GNU.sparse.major" => self.sparse.major = Some(decimal()?),
            b"GNU.sparse.minor" => self.sparse.minor = Some(decimal()?),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.real_size = Some(decimal()?),
            b"GNU.sparse.name" => self.sparse.name = non_empty(value)?,
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let is_offset = self.sparse.map.len().is_multiple_of(2);
                if is_offset != (key == b"GNU.sparse.offset") {
                    return Err("sparse map");
                }
                self.sparse.map.push(decimal()?);
            }
            b"GNU.sparse.map" => {
                for number in value.split(|&b| b == b',').filter(|n| !n.is_empty()) {
                    self.sparse.map.push(self::decimal(number).ok_or("sparse map")?);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn non_empty(value: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    if value.contains(&0) {
        return Err("pax record");
    }
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(20).position(|&b| b == b' ')?;
    let length = usize::try_from(decimal(&records[..space])?).ok()?;
    let record = records.get(space + 1..length)?;
    let record = record.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&b| b == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &records[length..]))
}

/// The name of a header without extensions: ustar splits it at a slash, GNU uses the prefix's place for times.
fn header_path(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = text(&header[..100]);
    let prefix = if &header[257..263] == b"ustar\0" { text(&header[345..500]) } else { b"" };
    if prefix.is_empty() {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

fn gnu_extents(field: &[u8], extents: &mut Vec<Extent>) -> Result<bool, SparseError> {
    for pair in field.chunks_exact(24) {
        if pair[0] == 0 {
            return Ok(false);
        }
        let offset = number(&pair[..12]).ok_or(SparseError::Malformed)?;
        let length = number(&pair[12..]).ok_or(SparseError::Malformed)?;
        extents.push(Extent { offset, length });
    }
    Ok(true)
}

fn limit(limit: u64, unit: &'static str) -> TarError {
    TarError::Limit { limit, unit }
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(text(&bytes).len());
    bytes
}

fn text(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// A numeric field: octal text, or big-endian binary marked by the first bit. Negative and oversized numbers are none.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let mut value = u64::from(field[0] & 0x7f);
        if value & 0x40 != 0 {
            return None;
        }
        for &byte in &field[1..] {
            value = value.checked_mul(256)? | u64::from(byte);
        }
        return (value <= i64::MAX as u64).then_some(value);
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0u64, |value, &byte| match byte {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

fn decimal(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&value| digits && value <= i64::MAX as u64)
}
