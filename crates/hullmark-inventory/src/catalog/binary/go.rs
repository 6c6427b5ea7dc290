//! Build information of Go programs: found in the data segment, decoded, turned into packages.
//!
//! Since Go 1.18 the linker writes version and module list as text behind the magic; before, it wrote the addresses of two
//! strings. The magic occurs in Go's own tools as a constant too: only an aligned one in writable data with a plausible
//! version counts.
//!
//! See: Go source, `debug/buildinfo` and `cmd/link/internal/ld/data.go` `buildinfo`.

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem;

use hullmark_oci::Limits;

use super::bytes::{Endian, Fields, Width};
use super::layout::{Access, GoSigns, Layout, Text};
use super::window::{Capture, Window};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const ALIGNMENT: u64 = 16;
const HEADER: usize = 32;

/// Bytes of a version string; real ones have about ten, with experiments and vendor names up to a hundred.
const MAX_VERSION: u64 = 512;

/// What Go's linker wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The toolchain: `go1.21.3`, `devel go1.22-…`, with experiments behind a space.
    pub version: String,
    /// The module list as text; empty if built without modules.
    pub modules: String,
}

/// How the search ended.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// Not a Go program, as far as one can see.
    Nothing,
    /// Build information.
    Found(BuildInfo),
    /// A Go program without build information (before Go 1.13, or removed).
    Missing,
    /// The program ends before its build information does.
    Truncated,
    /// The build information is larger than what may be kept.
    TooLarge,
    /// The build information points to text that was not kept.
    Unreachable,
    /// The magic is there, but what follows is not build information.
    Malformed,
}

/// What one look at the bytes behind the magic gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Everything is there.
    Info(BuildInfo),
    /// More bytes are needed.
    More,
    /// Addresses lead to bytes that are not known.
    Unreachable,
    /// Not build information.
    Malformed,
}

/// Looks for build information while the file passes by.
pub(super) struct Search {
    signs: GoSigns,
    ranges: Vec<Range<u64>>,
    strings: Option<Strings>,
    held: Vec<u8>,
    base: u64,
    searched: usize,
    candidate: Option<usize>,
    limit: usize,
    outcome: Option<Outcome>,
    doubt: Outcome,
}

impl Search {
    pub(super) fn new(layout: &Layout, limits: &Limits) -> Self {
        let strings = (layout.go != GoSigns::None).then(|| Strings::new(layout));
        Self {
            signs: layout.go,
            ranges: layout.data.clone(),
            strings,
            held: Vec::new(),
            base: 0,
            searched: 0,
            candidate: None,
            limit: limits.executable_tail_bytes,
            outcome: None,
            doubt: Outcome::Nothing,
        }
    }

    pub(super) fn feed(&mut self, window: &Window<'_>, layout: &Layout) {
        if self.outcome.is_some() {
            return;
        }
        if let Some(strings) = &mut self.strings {
            strings.feed(window);
        }
        for index in 0..self.ranges.len() {
            let range = self.ranges[index].clone();
            let (at, part) = window.fresh_part(&range);
            if part.is_empty() {
                continue;
            }
            if at == range.start {
                (self.base, self.searched, self.candidate) = (at, 0, None);
                self.held.clear();
            }
            self.hold(part);
            let is_whole = window.end() >= range.end || self.held.len() >= self.limit;
            self.look(is_whole, layout);
            if self.outcome.is_some() {
                self.held = Vec::new();
                return;
            }
        }
    }

    /// Whether nothing more is to come when the window has reached `end`.
    pub(super) fn is_complete(&self, end: u64) -> bool {
        self.outcome.is_some() || self.ranges.last().is_none_or(|range| end >= range.end)
    }

    pub(super) fn is_found(&self) -> bool {
        self.outcome.is_some()
    }

    pub(super) fn finish(self, size: u64) -> Outcome {
        let is_cut = self.ranges.iter().any(|range| range.end > size);
        match self.outcome {
            Some(outcome) => outcome,
            None if self.candidate.is_some() => Outcome::Truncated,
            // Only Go's linker writes such a header, whatever else was removed from the program.
            None if self.doubt == Outcome::Unreachable => self.doubt,
            // A program that only knows the magic, as a scanner does, is no Go program.
            None if self.signs == GoSigns::None => Outcome::Nothing,
            None if self.doubt != Outcome::Nothing => self.doubt,
            None if self.signs < GoSigns::BuildId => Outcome::Nothing,
            None if is_cut => Outcome::Truncated,
            None => Outcome::Missing,
        }
    }

    /// Keeps `part`; of programs that do not look like Go's only what may belong to build information.
    fn hold(&mut self, part: &[u8]) {
        let is_full = self.held.len() + part.len() > self.limit;
        if self.candidate.is_none() && (self.signs == GoSigns::None || is_full) {
            let done = self.searched.min(self.held.len());
            self.held.drain(..done);
            self.base += done as u64;
            self.searched = 0;
        }
        let room = self.limit.saturating_sub(self.held.len());
        self.held.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn look(&mut self, is_whole: bool, layout: &Layout) {
        loop {
            let at = match self.candidate {
                Some(at) => at,
                None => match self.next_magic() {
                    Some(at) => at,
                    None => return,
                },
            };
            self.candidate = Some(at);
            let known = Known { held: &self.held, base: self.base, strings: self.strings.as_ref() };
            let doubt = match decode(&self.held[at..], is_whole, &|address, length| {
                known.get(layout.offset(address)?, length)
            }) {
                Decoded::Info(info) => {
                    self.outcome = Some(Outcome::Found(info));
                    return;
                }
                Decoded::More if !is_whole => return,
                Decoded::More if self.held.len() < self.limit => Outcome::Truncated,
                Decoded::More => Outcome::TooLarge,
                Decoded::Unreachable => Outcome::Unreachable,
                Decoded::Malformed => Outcome::Malformed,
            };
            self.doubt = doubt;
            self.candidate = None;
            self.searched = at + MAGIC.len();
        }
    }

    fn next_magic(&mut self) -> Option<usize> {
        for found in memmem::find_iter(self.held.get(self.searched..)?, MAGIC) {
            let at = self.searched + found;
            if (self.base + at as u64).is_multiple_of(ALIGNMENT) {
                return Some(at);
            }
        }
        self.searched = self.searched.max(self.held.len().saturating_sub(MAGIC.len() - 1));
        None
    }
}

/// Decodes build information that begins with the magic.
///
/// `is_whole` says that no more bytes will come, `resolve` returns so many bytes at an address of the program.
pub fn decode(
    bytes: &[u8],
    is_whole: bool,
    resolve: &dyn Fn(u64, u64) -> Option<Vec<u8>>,
) -> Decoded {
    let (Some(&pointer), Some(&flags)) = (bytes.get(MAGIC.len()), bytes.get(MAGIC.len() + 1))
    else {
        return if is_whole { Decoded::Malformed } else { Decoded::More };
    };
    if flags & 2 != 0 {
        return decode_inline(bytes);
    }
    let endian = if flags & 1 == 0 { Endian::Little } else { Endian::Big };
    let width = match pointer {
        4 => Width::Four,
        8 => Width::Eight,
        _ => return Decoded::Malformed,
    };
    // The strings may lie anywhere in the data: there is nothing to do before all of it is known.
    if !is_whole {
        return Decoded::More;
    }
    decode_pointers(Fields { bytes, endian, width }, resolve)
}

fn decode_inline(bytes: &[u8]) -> Decoded {
    let Some(rest) = bytes.get(HEADER..) else { return Decoded::More };
    let (version, rest) = match string(rest) {
        Ok(Some(found)) => found,
        Ok(None) => return Decoded::More,
        Err(NotAString) => return Decoded::Malformed,
    };
    if version.len() as u64 > MAX_VERSION || !is_version(version) {
        return Decoded::Malformed;
    }
    match string(rest) {
        Ok(Some((modules, _))) => build_info(version, modules),
        Ok(None) => Decoded::More,
        Err(NotAString) => Decoded::Malformed,
    }
}

struct NotAString;

/// A string and what follows it.
type Split<'a> = (&'a [u8], &'a [u8]);

/// Splits off a string that is preceded by its length as a varint. `Ok(None)`: not all of it is here.
fn string(bytes: &[u8]) -> Result<Option<Split<'_>>, NotAString> {
    let mut length = 0usize;
    for (index, &byte) in bytes.iter().enumerate() {
        let shift = 7 * index;
        // 2^35 bytes and more were never written by a linker.
        if index == 5 {
            return Err(NotAString);
        }
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(bytes.get(index + 1..).and_then(|rest| rest.split_at_checked(length)));
        }
    }
    Ok(None)
}

fn decode_pointers(fields: Fields<'_>, resolve: &dyn Fn(u64, u64) -> Option<Vec<u8>>) -> Decoded {
    let word = fields.width.bytes();
    let text = |index: usize| {
        let header = resolve(fields.word(16 + index * word)?, 2 * word as u64)?;
        let header = Fields { bytes: &header, ..fields };
        match (header.word(0)?, header.word(word)?) {
            (_, 0) => Some(Vec::new()),
            (address, length) => resolve(address, length),
        }
    };
    let no_modules = fields.word(16 + word) == Some(0);
    match (text(0), text(1)) {
        (Some(version), _) if !is_version(&version) => Decoded::Malformed,
        (Some(version), Some(modules)) => build_info(&version, &modules),
        (Some(version), None) if no_modules => build_info(&version, b""),
        _ => Decoded::Unreachable,
    }
}

fn build_info(version: &[u8], modules: &[u8]) -> Decoded {
    // Sixteen random bytes frame the text so that it can be found without any header.
    let modules = match modules.len().checked_sub(17).and_then(|end| modules.get(16..=end)) {
        Some(text) if text.ends_with(b"\n") => text,
        _ => b"",
    };
    match (std::str::from_utf8(version), std::str::from_utf8(modules)) {
        (Ok(version), Ok(modules)) => {
            Decoded::Info(BuildInfo { version: version.into(), modules: modules.into() })
        }
        _ => Decoded::Malformed,
    }
}

fn is_version(bytes: &[u8]) -> bool {
    (bytes.starts_with(b"go1") || bytes.starts_with(b"devel ")) && !bytes.contains(&b'\n')
}

/// The bytes that a pointer may lead to.
struct Known<'a> {
    held: &'a [u8],
    base: u64,
    strings: Option<&'a Strings>,
}

impl Known<'_> {
    fn get(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let in_data = || {
            let from = usize::try_from(offset.checked_sub(self.base)?).ok()?;
            let to = from.checked_add(usize::try_from(length).ok()?)?;
            self.held.get(from..to).map(<[u8]>::to_vec)
        };
        in_data().or_else(|| self.strings?.get(offset, length))
    }
}

/// Read-only text that build information of old linkers may point to. It passes by before the pointers do.
struct Strings {
    /// Read-only segments.
    ranges: Vec<Range<u64>>,
    /// Where the next search begins.
    searched: u64,
    /// Texts that look like a toolchain's version, by offset.
    versions: BTreeMap<u64, Vec<u8>>,
    /// Texts that begin like a module list.
    modules: Vec<Capture>,
}

/// The bytes in front of every module list.
const MODULES_START: &[u8] = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";

/// Bytes of a module list that old linkers put out of line.
const MAX_MODULES: u64 = 512 * 1024;
const MAX_MODULE_LISTS: usize = 4;

/// Bytes kept of what looks like a version, and how many such places: debug information may name `go1.x` in paths.
const KEPT_VERSION: usize = 64;
const MAX_VERSIONS: usize = 8192;

impl Strings {
    fn new(layout: &Layout) -> Self {
        let with_code = layout.text == Text::WithCode;
        let wanted = |access| access == Access::Read || with_code && access == Access::Execute;
        let ranges = layout.segments.iter().filter(|s| wanted(s.access)).map(|s| s.file.clone());
        Self {
            ranges: ranges.collect(),
            searched: 0,
            versions: BTreeMap::new(),
            modules: Vec::new(),
        }
    }

    fn feed(&mut self, window: &Window<'_>) {
        for list in &mut self.modules {
            list.feed(window);
        }
        // What begins at the very end of the window is found again after the next move.
        let until = if window.end() >= window.size() {
            window.end()
        } else {
            window.end().saturating_sub(KEPT_VERSION as u64)
        };
        for range in &self.ranges {
            let (at, part) = window.part(&(range.start.max(self.searched)..range.end));
            let fresh = |found: &usize| at + (*found as u64) < until;
            for found in memmem::find_iter(part, b"go1.").take_while(fresh) {
                if self.versions.len() < MAX_VERSIONS {
                    let end = part.len().min(found + KEPT_VERSION);
                    self.versions.insert(at + found as u64, part[found..end].to_vec());
                }
            }
            for found in memmem::find_iter(part, MODULES_START).take_while(fresh) {
                if self.modules.len() < MAX_MODULE_LISTS {
                    let start = at + found as u64;
                    let mut list = Capture::new(start..start + MAX_MODULES);
                    list.feed(window);
                    self.modules.push(list);
                }
            }
        }
        self.searched = self.searched.max(until);
    }

    fn get(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let version = || self.versions.get(&offset)?.get(..usize::try_from(length).ok()?);
        let range = offset..offset.checked_add(length)?;
        version().or_else(|| self.modules.iter().find_map(|list| list.get(&range))).map(Into::into)
    }
}
