//! Where the files of a tar archive are, so that each can be read by seeking. Nothing is unpacked.
//!
//! This is not the reader of layers: it keeps names and offsets only, and knows no attributes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use hullmark_oci::Limits;

const BLOCK: u64 = 512;
type Block = [u8; 512];
/// Bytes of all names and link targets together. An image's archive has some kilobytes.
const NAMES: usize = 64 * 1024 * 1024;
/// How many links lead from a name to its file at most.
const LINK_HOPS: usize = 8;

/// The names of an archive, each with its place.
#[derive(Debug)]
pub(crate) struct TarIndex {
    file: Arc<File>,
    entries: BTreeMap<Box<str>, Entry>,
    /// Bytes of names and link targets so far.
    names: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    File { offset: u64, size: u64 },
    Link(Box<str>),
    Duplicate,
}

/// Why an archive, or a file in it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TarError {
    #[error("failed to read the archive at byte {at}")]
    Io {
        at: u64,
        #[source]
        source: io::Error,
    },
    #[error("the archive ends in the middle of an entry at byte {0}")]
    Truncated(u64),
    #[error("no tar header at byte {0}")]
    Header(u64),
    #[error("a tar header at byte {0} has an invalid number or record")]
    Field(u64),
    #[error("a sparse file in the archive at byte {0} (write the archive without sparse files)")]
    Sparse(u64),
    #[error("the archive has more than {0} entries")]
    Entries(usize),
    #[error("the archive has more than {NAMES} bytes of names")]
    Names,
    #[error("an extended tar header at byte {0} is too large")]
    HeaderTooLarge(u64),
    #[error("the archive has several files named `{0}`")]
    Duplicate(String),
    #[error("the link `{0}` leads to no file of the archive")]
    Link(String),
}

/// What extended headers said about the next entry.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    /// GNU's long names win over pax records, as they do in Go's reader.
    gnu_path: Option<Vec<u8>>,
    gnu_link: Option<Vec<u8>>,
}

/// Whether a file begins with a tar header.
pub(crate) fn looks_like_tar(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(|block| matches!(Header::parse(block, 0), Ok(Some(_))))
}

impl TarIndex {
    /// Reads all headers of the archive.
    pub(crate) fn build(file: File, limits: &Limits) -> Result<Self, TarError> {
        let file = Arc::new(file);
        let length = file.metadata().map_err(|source| TarError::Io { at: 0, source })?.len();
        let mut index = Self { file, entries: BTreeMap::new(), names: 0 };
        let mut at = 0;
        let mut count = 0;
        let mut extended = Extended::default();
        while at < length {
            let Some(header) = Header::parse(&index.block(at)?, at)? else {
                // Go's reader takes one lone zero block for damage: what follows would be seen by some readers only.
                if length - at > BLOCK && Header::parse(&index.block(at + BLOCK)?, at)?.is_some() {
                    return Err(TarError::Header(at));
                }
                break;
            };
            count += 1;
            if count > limits.archive_entries {
                return Err(TarError::Entries(limits.archive_entries));
            }
            let data = at + BLOCK;
            let own_size =
                if matches!(header.kind, b'x' | b'g' | b'L' | b'K') { None } else { extended.size };
            let size = if (b'1'..=b'6').contains(&header.kind) {
                0
            } else {
                own_size.unwrap_or(header.size)
            };
            let padded = size.checked_next_multiple_of(BLOCK).ok_or(TarError::Field(at))?;
            let next = data.checked_add(padded).ok_or(TarError::Field(at))?;
            if data + size > length {
                return Err(TarError::Truncated(at));
            }
            match header.kind {
                b'S' => return Err(TarError::Sparse(at)),
                b'g' => {}
                b'x' | b'L' | b'K' => {
                    if size > limits.tar_header_bytes {
                        return Err(TarError::HeaderTooLarge(at));
                    }
                    extended.read(header.kind, &index.bytes(data, size)?, at)?;
                }
                _ => index.add(header, std::mem::take(&mut extended), data, size, limits)?,
            }
            at = next;
        }
        if at == 0 { Err(TarError::Header(0)) } else { Ok(index) }
    }

    /// Whether the archive has a file of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Opens a file, following links inside the archive; `None` if there is no such name.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Section>, TarError> {
        let mut current = name;
        for _ in 0..=LINK_HOPS {
            match self.entries.get(current) {
                None if current == name => return Ok(None),
                None => break,
                Some(Entry::Duplicate) => return Err(TarError::Duplicate(current.to_owned())),
                Some(Entry::Link(target)) => current = target,
                Some(&Entry::File { offset, size }) => {
                    return Ok(Some(Section {
                        file: self.file.clone(),
                        at: offset,
                        end: offset + size,
                    }));
                }
            }
        }
        Err(TarError::Link(name.to_owned()))
    }

    fn add(
        &mut self,
        header: Header,
        extended: Extended,
        offset: u64,
        size: u64,
        limits: &Limits,
    ) -> Result<(), TarError> {
        let text = |bytes: Vec<u8>| -> Option<String> {
            String::from_utf8(bytes).ok().filter(|t| t.len() <= limits.path_bytes)
        };
        // Every name that an image's documents can ask for is UTF-8, so that other names are of no use here.
        let name = text(extended.gnu_path.or(extended.path).unwrap_or(header.name));
        let Some(name) = name.and_then(|name| resolve("", &name)) else { return Ok(()) };
        let link = text(extended.gnu_link.or(extended.link).unwrap_or(header.link));
        let leads_to = |folder: &str| {
            let target = link.and_then(|link| resolve(folder, &link)).unwrap_or_default();
            Entry::Link(target.into())
        };
        let entry = match header.kind {
            b'0' | 0 | b'7' => Entry::File { offset, size },
            b'1' => leads_to(""),
            b'2' => leads_to(name.rsplit_once('/').map_or("", |(folder, _)| folder)),
            _ => return Ok(()),
        };
        self.names += name.len() + if let Entry::Link(target) = &entry { target.len() } else { 0 };
        if self.names > NAMES {
            return Err(TarError::Names);
        }
        match self.entries.entry(name.into()) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(entry);
            }
            MapEntry::Occupied(mut occupied) => {
                if *occupied.get() != entry {
                    occupied.insert(Entry::Duplicate);
                }
            }
        }
        Ok(())
    }

    fn block(&self, at: u64) -> Result<Block, TarError> {
        let mut block = [0; 512];
        self.read_exact(&mut block, at)?;
        Ok(block)
    }

    fn bytes(&self, at: u64, size: u64) -> Result<Vec<u8>, TarError> {
        let size = usize::try_from(size).map_err(|_| TarError::HeaderTooLarge(at))?;
        let mut bytes = vec![0; size];
        self.read_exact(&mut bytes, at)?;
        Ok(bytes)
    }

    fn read_exact(&self, into: &mut [u8], at: u64) -> Result<(), TarError> {
        self.file.read_exact_at(into, at).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => TarError::Truncated(at),
            _ => TarError::Io { at, source },
        })
    }
}

/// Resolves a name of the archive against a folder of it; `None` if it leads out of the archive or to no file.
fn resolve(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let folder = if name.starts_with('/') { "" } else { folder };
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { None } else { Some(parts.join("/")) }
}

/// The fields of a tar header that matter here.
struct Header {
    name: Vec<u8>,
    link: Vec<u8>,
    size: u64,
    kind: u8,
}

impl Header {
    /// Parses a header; `None` for the zero block that ends an archive.
    fn parse(block: &Block, at: u64) -> Result<Option<Self>, TarError> {
        if block.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(i, &b)| if (148..156).contains(&i) { u64::from(b' ') } else { u64::from(b) })
            .sum();
        if number(&block[148..156]) != Some(sum) {
            return Err(TarError::Header(at));
        }
        let text = |range: std::ops::Range<usize>| -> Vec<u8> {
            block[range].iter().copied().take_while(|&b| b != 0).collect()
        };
        let mut name = text(0..100);
        if &block[257..263] == b"ustar\0" {
            let mut prefix = text(345..500);
            if !prefix.is_empty() {
                prefix.push(b'/');
                prefix.append(&mut name);
                name = prefix;
            }
        }
        let size = number(&block[124..136]).ok_or(TarError::Field(at))?;
        Ok(Some(Self { name, link: text(157..257), size, kind: block[156] }))
    }
}

/// A number in octal digits, or in base 256 as GNU writes large ones.
fn number(field: &[u8]) -> Option<u64> {
    if let [first, rest @ ..] = field
        && first & 0x80 != 0
    {
        return rest.iter().try_fold(u64::from(first & 0x7f), |n, &b| {
            n.checked_mul(256)?.checked_add(u64::from(b))
        });
    }
    let digits = field.iter().skip_while(|&&b| b == b' ').take_while(|&&b| !matches!(b, b' ' | 0));
    digits.into_iter().try_fold(0u64, |n, &b| match b {
        b'0'..=b'7' => n.checked_mul(8)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })
}

impl Extended {
    fn read(&mut self, kind: u8, bytes: &[u8], at: u64) -> Result<(), TarError> {
        let until_nul = || bytes.iter().copied().take_while(|&b| b != 0).collect();
        match kind {
            b'L' => self.gnu_path = Some(until_nul()),
            b'K' => self.gnu_link = Some(until_nul()),
            _ => self.read_pax(bytes, at)?,
        }
        Ok(())
    }

    fn read_pax(&mut self, mut bytes: &[u8], at: u64) -> Result<(), TarError> {
        let invalid = || TarError::Field(at);
        while !bytes.is_empty() {
            let space = bytes.iter().take(20).position(|&b| b == b' ').ok_or_else(invalid)?;
            let length =
                std::str::from_utf8(&bytes[..space]).ok().and_then(|t| t.parse::<usize>().ok());
            let record = length
                .and_then(|length| bytes.get(space + 1..length))
                .and_then(|r| r.strip_suffix(b"\n"))
                .ok_or_else(invalid)?;
            bytes = &bytes[space + record.len() + 2..];
            let equals = record.iter().position(|&b| b == b'=').ok_or_else(invalid)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|t| t.parse().ok());
                    self.size = Some(size.ok_or_else(invalid)?);
                }
                _ if key.starts_with(b"GNU.sparse") => return Err(TarError::Sparse(at)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// One file of the archive, as a reader. Readers do not disturb each other.
#[derive(Debug)]
pub(crate) struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Section {
    /// Returns how many bytes are left.
    pub(crate) fn len(&self) -> u64 {
        self.end - self.at
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.len()).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.file.read_at(&mut buffer[..wanted], self.at)?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive became shorter"));
        }
        self.at += count as u64;
        Ok(count)
    }
}
