//! Writes segments. Equal records in, equal bytes out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range as Span;
use std::path::Path;

use hullmark_oci::Digest;

use super::format::{Encoder, HEADER, PAGE, Section, crc, header, no_sections};
use super::segment::{
    HAS_KEY, HAS_MODULE, HAS_RATING, HAS_SCOPE, HAS_STATE, MALWARE, MAX_BLOCK, Meta, SECURITY,
};
use crate::compile::prepare::{is_security, vulnerabilities};
use crate::ecosystem::{self, Ecosystem};
use crate::finding::Severity;
use crate::osv::{Affected, Event, Range, Record, State};
use crate::rating::{Rated, rate};
use crate::version::Scheme;

/// Uncompressed bytes after which a block of cold text ends.
const BLOCK: usize = 8 * 1024;
/// Compression of cold text. Higher levels take much longer for little less.
const LEVEL: i32 = 6;

/// Why a segment could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The file could not be written.
    #[error("failed to write segment")]
    Io(#[from] io::Error),
    /// Its ecosystem is none of those that can be matched.
    #[error("`{0}` is not an ecosystem that can be matched")]
    Ecosystem(String),
    /// Records did not come in the order of their ids, each once.
    #[error("record `{0}` is out of order")]
    Order(String),
    /// A part passed 4 GiB, or a record 64 MiB.
    #[error("segment `{0}` is too large")]
    TooLarge(String),
    /// A record could not be encoded.
    #[error("failed to encode record `{0}`")]
    Encode(String, #[source] postcard::Error),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What the segment says of itself.
    pub meta: Meta,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// Builds one segment from records in the order of their ids. Texts go to the file as they come; names and ranges stay in
/// memory until the end.
pub struct Builder {
    name: String,
    ecosystem: &'static Ecosystem,
    out: Output,
    block: Vec<u8>,
    block_offsets: Vec<u64>,
    records: Table,
    ids: Vec<(String, u32)>,
    arena: Vec<u8>,
    entries: Vec<(String, Span<usize>)>,
    last: Option<String>,
    newest: Option<i64>,
}

impl Builder {
    /// Begins a segment in a new file.
    ///
    /// # Errors
    /// If the file cannot be created, or the ecosystem is unknown.
    pub fn create(path: &Path, name: &str) -> Result<Self, BuildError> {
        let ecosystem =
            ecosystem::lookup(name).ok_or_else(|| BuildError::Ecosystem(name.into()))?;
        let mut out = Output::create(path)?;
        out.begin(Section::Blocks);
        Ok(Self {
            name: name.into(),
            ecosystem,
            out,
            block: Vec::new(),
            block_offsets: vec![0],
            records: Table::default(),
            ids: Vec::new(),
            arena: Vec::new(),
            entries: Vec::new(),
            last: None,
            newest: None,
        })
    }

    /// Adds a record that holds only what concerns this segment.
    ///
    /// # Errors
    /// If it is out of order, or the file cannot be written.
    pub fn add(&mut self, record: &Record) -> Result<(), BuildError> {
        if self.last.as_ref().is_some_and(|last| *last >= record.id) {
            return Err(BuildError::Order(record.id.clone()));
        }
        let cold = postcard::to_stdvec(record)
            .map_err(|source| BuildError::Encode(record.id.clone(), source))?;
        if self.block.len() + cold.len() > MAX_BLOCK {
            self.flush_block()?;
        }
        if cold.len() > MAX_BLOCK {
            return Err(BuildError::TooLarge(self.name.clone()));
        }
        let number = u32::try_from(self.records.len())
            .map_err(|_| BuildError::TooLarge(self.name.clone()))?;
        let vulnerabilities = vulnerabilities(record, self.ecosystem);
        let head = self.head(record, &vulnerabilities, cold.len());
        self.records.push(&head);
        self.block.extend_from_slice(&cold);
        if self.block.len() >= BLOCK {
            self.flush_block()?;
        }
        for affected in &record.affected {
            let start = self.arena.len();
            encode_entry(&mut self.arena, number, affected, self.ecosystem.scheme);
            let name = ecosystem::normalize(self.ecosystem.base, &affected.name);
            self.entries.push((name, start..self.arena.len()));
        }
        let ids = record.aliases.iter().chain(&record.upstream).chain(&vulnerabilities);
        self.ids.extend(std::iter::once(&record.id).chain(ids).map(|id| (id.clone(), number)));
        self.newest = self.newest.max(record.modified);
        self.last = Some(record.id.clone());
        Ok(())
    }

    /// Writes the rest, and returns what was written. The file is on disk when this returns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(mut self) -> Result<Written, BuildError> {
        self.flush_block()?;
        let offsets: Vec<u8> = self.block_offsets.iter().flat_map(|o| o.to_le_bytes()).collect();
        self.out.put(Section::BlockOffsets, &offsets)?;
        let records = self.records.len();
        self.records.write(&mut self.out, Section::RecordOffsets, Section::Records)?;

        self.ids.sort_unstable();
        self.ids.dedup();
        let mut ids = Pairs::default();
        for (id, record) in &self.ids {
            ids.push(id, |value| value.number(u64::from(*record)));
        }
        let places = [Section::IdOffsets, Section::Ids, Section::PostingOffsets, Section::Postings];
        ids.write(&mut self.out, places)?;

        // A stable sort: entries of one name stay in the order of their records.
        self.entries.sort_by(|a, b| a.0.cmp(&b.0));
        let mut names = Pairs::default();
        for (name, span) in &self.entries {
            names.push(name, |value| value.bytes(&self.arena[span.clone()]));
        }
        let meta = Meta {
            name: self.name.clone(),
            scheme: Some(self.ecosystem.scheme),
            records: count(records),
            names: count(names.keys.len()),
            entries: count(self.entries.len()),
            newest: self.newest,
        };
        finish(self.out, names, meta)
    }

    fn head(&self, record: &Record, vulnerabilities: &[String], length: usize) -> Vec<u8> {
        let mut e = Encoder::default();
        e.text(&record.id);
        let security = if is_security(record, vulnerabilities) { SECURITY } else { 0 };
        e.byte(security | if record.is_malware() { MALWARE } else { 0 });
        e.time(record.published);
        e.time(record.modified);
        e.time(record.withdrawn);
        let mut rated = rate(&record.ratings);
        if record.is_malware() {
            rated.severity = Severity::Critical;
        }
        encode_rating(&mut e, &rated);
        e.texts(&record.aliases);
        e.texts(vulnerabilities);
        e.text(&record.summary);
        e.number(self.block_offsets.len() as u64 - 1);
        e.number(self.block.len() as u64);
        e.number(length as u64);
        e.0
    }

    fn flush_block(&mut self) -> Result<(), BuildError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let mut packed = Encoder::default();
        packed.number(self.block.len() as u64);
        packed.0.extend(zstd::bulk::compress(&self.block, LEVEL)?);
        self.out.write(&packed.0)?;
        self.block_offsets.push(self.out.written(Section::Blocks));
        self.block.clear();
        Ok(())
    }
}

/// Writes a table of values by id: exploited vulnerabilities, exploit predictions.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write_table(
    path: &Path,
    name: &str,
    values: &BTreeMap<String, Vec<u8>>,
    newest: Option<i64>,
) -> Result<Written, BuildError> {
    let mut out = Output::create(path)?;
    out.begin(Section::Blocks);
    let mut table = Pairs::default();
    for (id, value) in values {
        table.push(id, |out| out.0.extend_from_slice(value));
    }
    let records = count(values.len());
    let meta =
        Meta { name: name.into(), scheme: None, records, names: records, entries: records, newest };
    finish(out, table, meta)
}

fn finish(mut out: Output, names: Pairs, meta: Meta) -> Result<Written, BuildError> {
    let places = [Section::NameOffsets, Section::Names, Section::EntryOffsets, Section::Entries];
    names.write(&mut out, places)?;
    let encoded = postcard::to_stdvec(&meta)
        .map_err(|source| BuildError::Encode(meta.name.clone(), source))?;
    out.put(Section::Meta, &encoded)?;
    let (digest, size) = out.finish()?;
    Ok(Written { meta, digest, size })
}

/// A count inside one segment; tables are refused as too large long before it saturates.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn encode_entry(out: &mut Vec<u8>, record: u32, affected: &Affected, scheme: Scheme) {
    let (_, scope) = ecosystem::segment_of(&affected.ecosystem);
    let rated = rate(&affected.ratings);
    let has_rating = rated != Rated::default();
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    let mut e = Encoder(std::mem::take(out));
    e.number(u64::from(record));
    e.byte(
        flag(affected.module.is_some(), HAS_MODULE)
            | flag(!scope.is_empty(), HAS_SCOPE)
            | flag(affected.state != State::Plain, HAS_STATE)
            | flag(has_rating, HAS_RATING),
    );
    if let Some(module) = &affected.module {
        e.text(module);
    }
    if !scope.is_empty() {
        e.text(scope);
    }
    encode_state(&mut e, &affected.state);
    if has_rating {
        encode_rating(&mut e, &rated);
    }
    let ranges: Vec<Vec<Keyed<'_>>> = affected.ranges.iter().map(|r| keyed(r, scheme)).collect();
    e.number(ranges.len() as u64);
    for range in &ranges {
        e.number(range.len() as u64);
        for (kind, text, key) in range {
            e.byte(kind | flag(key.is_some(), HAS_KEY));
            e.text(text);
            if let Some(key) = key {
                e.bytes(key);
            }
        }
    }
    let versions = uncovered(&affected.versions, &ranges, scheme);
    e.number(versions.len() as u64);
    for (text, key) in versions {
        e.byte(flag(key.is_some(), HAS_KEY));
        e.text(text);
        if let Some(key) = key {
            e.bytes(&key);
        }
    }
    *out = e.0;
}

fn encode_state(e: &mut Encoder, state: &State) {
    let (kind, reason) = match state {
        State::Plain => return,
        State::NotAffected(reason) => (1, reason.as_str()),
        State::Declined(reason) => (2, reason.as_str()),
        State::Deferred(reason) => (3, reason.as_str()),
        State::Investigating => (4, ""),
    };
    e.byte(kind);
    e.text(reason);
}

fn encode_rating(e: &mut Encoder, rated: &Rated) {
    e.byte(match rated.severity {
        Severity::Unknown => 0,
        Severity::Negligible => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    });
    // A score has one decimal, so tenths lose nothing; 255 says that there is none.
    e.byte(rated.score.map_or(255, tenths));
    e.text(&rated.vector);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "scores are 0.0 to 10.0"
)]
fn tenths(score: f32) -> u8 {
    (score * 10.0).round().clamp(0.0, 100.0) as u8
}

type Keyed<'a> = (u8, &'a str, Option<Vec<u8>>);

/// Returns the events of a range in the order of their versions; where equal, as the source has them, so that "fixed in 2,
/// introduced in 2" (two ranges in one) and "introduced in 2, fixed in 2" (nothing) both mean what they say.
fn keyed(range: &Range, scheme: Scheme) -> Vec<Keyed<'_>> {
    let mut events: Vec<Keyed<'_>> = range
        .events
        .iter()
        .map(|event| {
            let (kind, text) = match event {
                Event::Introduced(text) => (0, text),
                Event::Fixed(text) => (1, text),
                Event::LastAffected(text) => (2, text),
                Event::Limit(text) => (3, text),
            };
            // The beginning of all versions: the empty key, which sorts before every other.
            let beginning = kind == 0 && text == "0";
            let key = if beginning { Some(Vec::new()) } else { key(scheme, text) };
            (kind, text.as_str(), key)
        })
        .collect();
    events.sort_by(|a, b| a.2.cmp(&b.2));
    events
}

/// Returns the versions that no range covers. Databases list every affected version beside the range that says the same.
fn uncovered<'a>(
    versions: &'a [String],
    ranges: &[Vec<Keyed<'_>>],
    scheme: Scheme,
) -> Vec<(&'a str, Option<Vec<u8>>)> {
    let mut kept: Vec<(&str, Option<Vec<u8>>)> = versions
        .iter()
        .map(|text| (text.as_str(), key(scheme, text)))
        .filter(|(_, key)| {
            key.as_ref().is_none_or(|key| !ranges.iter().any(|range| covers(range, key)))
        })
        .collect();
    kept.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(b.0)));
    kept.dedup();
    kept
}

/// See: OSV schema §"Evaluation". A range with an event that does not parse covers nothing for certain.
fn covers(range: &[Keyed<'_>], version: &[u8]) -> bool {
    let mut affected = false;
    let mut limits = false;
    let mut before_limit = false;
    for (kind, _, key) in range {
        let Some(key) = key else { return false };
        match kind {
            0 if version >= key.as_slice() => affected = true,
            1 if version >= key.as_slice() => affected = false,
            2 if version > key.as_slice() => affected = false,
            3 => {
                limits = true;
                before_limit |= version < key.as_slice();
            }
            _ => {}
        }
    }
    affected && (before_limit || !limits)
}

fn key(scheme: Scheme, text: &str) -> Option<Vec<u8>> {
    scheme.key(text).ok().map(crate::version::Key::into_bytes)
}

/// Items one behind the other, and their offsets.
#[derive(Default)]
struct Table {
    data: Vec<u8>,
    ends: Vec<usize>,
}

impl Table {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, item: &[u8]) {
        self.data.extend_from_slice(item);
        self.ends.push(self.data.len());
    }

    fn write(&self, out: &mut Output, offsets: Section, data: Section) -> Result<(), BuildError> {
        let too_large = |_| BuildError::TooLarge(format!("{data:?}"));
        let mut numbers = vec![0; 4];
        for &end in &self.ends {
            numbers.extend(u32::try_from(end).map_err(too_large)?.to_le_bytes());
        }
        out.put(offsets, &numbers)?;
        out.put(data, &self.data)?;
        Ok(())
    }
}

/// A sorted table: keys, and what is filed under each.
#[derive(Default)]
struct Pairs {
    keys: Table,
    values: Encoder,
    ends: Vec<usize>,
    last: String,
}

impl Pairs {
    /// Appends to the value of `key`; keys come in order.
    fn push(&mut self, key: &str, append: impl FnOnce(&mut Encoder)) {
        if self.ends.is_empty() || self.last != key {
            self.keys.push(key.as_bytes());
            self.ends.push(0);
            self.last = key.into();
        }
        append(&mut self.values);
        if let Some(end) = self.ends.last_mut() {
            *end = self.values.0.len();
        }
    }

    fn write(self, out: &mut Output, [a, b, c, d]: [Section; 4]) -> Result<(), BuildError> {
        self.keys.write(out, a, b)?;
        Table { data: self.values.0, ends: self.ends }.write(out, c, d)
    }
}

/// The file, with the place of each section and the checksum of each page.
struct Output {
    file: BufWriter<File>,
    at: u64,
    sections: [Span<u64>; 14],
    page: Vec<u8>,
    sums: Vec<u8>,
}

impl Output {
    fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut file = BufWriter::with_capacity(256 * 1024, file);
        file.write_all(&[0; HEADER])?;
        Ok(Self {
            file,
            at: HEADER as u64,
            sections: no_sections(),
            page: Vec::with_capacity(PAGE),
            sums: Vec::new(),
        })
    }

    fn begin(&mut self, section: Section) {
        self.sections[section as usize] = self.at..self.at;
    }

    fn put(&mut self, section: Section, bytes: &[u8]) -> io::Result<()> {
        self.end_open_section();
        self.begin(section);
        self.write(bytes)?;
        self.sections[section as usize].end = self.at;
        Ok(())
    }

    /// Blocks are the one section that is written piece by piece; it comes first.
    fn end_open_section(&mut self) {
        let blocks = &mut self.sections[Section::Blocks as usize];
        if blocks.end == blocks.start {
            blocks.end = self.at;
        }
    }

    fn written(&self, section: Section) -> u64 {
        self.at - self.sections[section as usize].start
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(PAGE - self.page.len()));
            self.page.extend_from_slice(now);
            bytes = rest;
            if self.page.len() == PAGE {
                self.end_page();
            }
        }
        Ok(())
    }

    fn end_page(&mut self) {
        self.sums.extend(crc(&self.page).to_le_bytes());
        self.page.clear();
    }

    fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.end_open_section();
        if !self.page.is_empty() {
            self.end_page();
        }
        self.file.write_all(&self.sums)?;
        let length = self.at + self.sums.len() as u64;
        self.sections[Section::Pages as usize] = self.at..length;
        // Sections that a table does not have are empty, behind the header.
        for section in &mut self.sections {
            if section.start == 0 {
                *section = HEADER as u64..HEADER as u64;
            }
        }
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header(&self.sections, length))?;
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        file.seek(SeekFrom::Start(0))?;
        Ok((digest(file)?, length))
    }
}

fn digest(file: File) -> io::Result<Digest> {
    let mut reader = BufReader::with_capacity(1, file);
    let mut hasher = hullmark_oci::digest::Hasher::new(hullmark_oci::digest::Algorithm::Sha256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}
