//! A segment: the advisories of one ecosystem and release, read in place.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::format::{Container, Corrupt, Decoder, Section, u64_at};
use super::map::Access;
use crate::ecosystem::{self, Ecosystem};
use crate::finding::Severity;
use crate::osv::Record;
use crate::version::Scheme;

/// Uncompressed bytes of one block of cold text. A single huge record gets a block of its own.
pub(super) const MAX_BLOCK: usize = 64 * 1024 * 1024;

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Ecosystem and release: `Debian:12`; `kev` and `epss` for those two.
    pub name: String,
    /// The version order of its keys, if it has versions.
    pub scheme: Option<Scheme>,
    /// Number of records.
    pub records: u32,
    /// Number of package names.
    pub names: u32,
    /// Number of affected packages over all records.
    pub entries: u32,
    /// Milliseconds since 1970 of the newest change of any record.
    pub newest: Option<i64>,
}

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    container: Container,
    meta: Meta,
}

/// What matching needs of one record.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// Its id.
    pub id: &'a str,
    /// Ids of the same vulnerability.
    pub aliases: Vec<&'a str>,
    /// The vulnerabilities that it stands for; empty if it is one itself.
    pub vulnerabilities: Vec<&'a str>,
    /// Milliseconds since 1970.
    pub published: Option<i64>,
    /// Milliseconds since 1970.
    pub modified: Option<i64>,
    /// Milliseconds since 1970.
    pub withdrawn: Option<i64>,
    /// Whether it is about security at all: distributions also publish bug-fix advisories.
    pub security: bool,
    /// The package itself is malicious.
    pub malware: bool,
    /// Its rating.
    pub rating: RatingView<'a>,
    /// One line for people.
    pub summary: &'a str,
    text: TextAt,
}

/// A rating, as a segment holds it.
#[derive(Clone, Copy, Debug, Default)]
pub struct RatingView<'a> {
    /// The severity.
    pub severity: Severity,
    /// CVSS vector; empty if there is none.
    pub vector: &'a str,
    /// CVSS base score.
    pub score: Option<f32>,
}

#[derive(Clone, Copy, Debug)]
struct TextAt {
    block: usize,
    offset: usize,
    length: usize,
}

/// One package that a record speaks of.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Index of the record.
    pub record: u32,
    /// The module stream; `Some("")` if it is of a module that nobody names.
    pub module: Option<&'a str>,
    /// What narrows it inside the segment: the Red Hat product.
    pub scope: &'a str,
    /// What the vendor says.
    pub state: StateView<'a>,
    /// A rating of its own.
    pub rating: Option<RatingView<'a>>,
    ranges: Decoder<'a>,
}

/// [`crate::osv::State`], as a segment holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateView<'a> {
    /// Nothing.
    Plain,
    /// Not affected, and why.
    NotAffected(&'a str),
    /// It will not be fixed, and why.
    Declined(&'a str),
    /// The fix was put off, and why.
    Deferred(&'a str),
    /// The vendor does not know yet.
    Investigating,
}

/// One event of a range.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    /// What begins or ends.
    pub kind: EventKind,
    /// The version as written.
    pub text: &'a str,
    /// Its place in the order; `None` if it does not parse.
    pub key: Option<&'a [u8]>,
}

/// What an event begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Affected from here on.
    Introduced,
    /// Not affected from here on.
    Fixed,
    /// Affected up to here.
    LastAffected,
    /// Nothing is said from here on.
    Limit,
}

/// Ranges and single versions of one entry.
#[derive(Clone, Debug, Default)]
pub struct Affects<'a> {
    /// Events of each range, sorted by version (the source's order where equal).
    pub ranges: Vec<Vec<EventView<'a>>>,
    /// Versions that no range covers: as written, and their place in the order.
    pub versions: Vec<(&'a str, Option<&'a [u8]>)>,
}

impl Segment {
    /// Opens a segment file.
    ///
    /// # Errors
    /// The outer error if it cannot be read, the inner one if it is no intact segment.
    pub fn open(path: &Path, access: Access) -> std::io::Result<Result<Self, Corrupt>> {
        Ok(Container::open(path, access)?.and_then(Self::new))
    }

    /// Reads a segment that is in memory.
    ///
    /// # Errors
    /// If it is no intact segment.
    pub fn from_vec(bytes: Vec<u8>) -> Result<Self, Corrupt> {
        Container::from_vec(bytes).and_then(Self::new)
    }

    fn new(container: Container) -> Result<Self, Corrupt> {
        let meta = container.section(Section::Meta)?;
        let meta: Meta = postcard::from_bytes(meta).map_err(|_| Corrupt::Value("meta"))?;
        if let Some(ecosystem) = ecosystem::lookup(&meta.name)
            && meta.scheme != Some(ecosystem.scheme)
        {
            return Err(Corrupt::Value("version order"));
        }
        Ok(Self { container, meta })
    }

    /// Returns what it says of itself.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Returns the ecosystem that it belongs to.
    pub fn ecosystem(&self) -> Option<&'static Ecosystem> {
        ecosystem::lookup(&self.meta.name)
    }

    /// Returns the bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        self.container.all()
    }

    /// Checks every page.
    ///
    /// # Errors
    /// If one is not intact.
    pub fn check(&self) -> Result<(), Corrupt> {
        self.container.check_all()
    }

    /// Returns what is filed under a (normalised) name: encoded entries, or a table's own values.
    pub(crate) fn value(&self, name: &str) -> Result<Option<&[u8]>, Corrupt> {
        let Some(at) = self.find(Section::NameOffsets, Section::Names, name)? else {
            return Ok(None);
        };
        self.container.item(Section::EntryOffsets, Section::Entries, at).map(Some)
    }

    /// Returns the entries of a (normalised) name.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn entries(&self, name: &str) -> Result<Vec<Entry<'_>>, Corrupt> {
        self.value(name)?.map_or_else(|| Ok(Vec::new()), decode_entries)
    }

    /// Returns the number of names.
    pub fn names(&self) -> usize {
        self.container.items(Section::NameOffsets)
    }

    /// Returns the `index`-th name, in sorted order.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn name(&self, index: usize) -> Result<&str, Corrupt> {
        text(self.container.item(Section::NameOffsets, Section::Names, index)?)
    }

    /// Returns the records that have, alias or stand for an id.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn records_of(&self, id: &str) -> Result<Vec<u32>, Corrupt> {
        let Some(at) = self.find(Section::IdOffsets, Section::Ids, id)? else {
            return Ok(Vec::new());
        };
        let mut postings =
            Decoder(self.container.item(Section::PostingOffsets, Section::Postings, at)?);
        let mut records = Vec::new();
        while !postings.is_empty() {
            records.push(u32::try_from(postings.number()?).map_err(|_| Corrupt::Value("posting"))?);
        }
        Ok(records)
    }

    /// Returns what matching needs of a record.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn head(&self, record: u32) -> Result<Head<'_>, Corrupt> {
        let bytes =
            self.container.item(Section::RecordOffsets, Section::Records, record as usize)?;
        let mut d = Decoder(bytes);
        let id = d.text()?;
        let flags = d.byte()?;
        Ok(Head {
            id,
            security: flags & SECURITY != 0,
            malware: flags & MALWARE != 0,
            published: d.time()?,
            modified: d.time()?,
            withdrawn: d.time()?,
            rating: decode_rating(&mut d)?,
            aliases: d.texts()?,
            vulnerabilities: d.texts()?,
            summary: d.text()?,
            text: TextAt { block: d.size()?, offset: d.size()?, length: d.size()? },
        })
    }

    /// Returns every record in full, in the order of ids. Tables of values (`kev`, `epss`) have none.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, Corrupt>> + '_ {
        let mut texts = Texts::new(self);
        let count = self.container.items(Section::RecordOffsets);
        (0..count).map(move |index| {
            let index = u32::try_from(index).map_err(|_| Corrupt::Bounds)?;
            texts.record(&self.head(index)?)
        })
    }

    /// Reads everything that can be asked of a segment, and returns how many entries there were. For tests and fuzzing:
    /// whatever the bytes are, this ends with a number or a reason.
    ///
    /// # Errors
    /// If the segment is not intact.
    pub fn read_everything(&self) -> Result<usize, Corrupt> {
        self.check()?;
        let mut entries = 0;
        for index in 0..self.names() {
            for entry in self.entries(self.name(index)?)? {
                entry.affects()?;
                self.head(entry.record)?;
                entries += 1;
            }
        }
        for record in self.records() {
            self.records_of(&record?.id)?;
        }
        Ok(entries)
    }

    /// Returns the position of `key` in a sorted table.
    fn find(&self, offsets: Section, keys: Section, key: &str) -> Result<Option<usize>, Corrupt> {
        let (mut low, mut high) = (0, self.container.items(offsets));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.container.item(offsets, keys, middle)?.cmp(key.as_bytes()) {
                Ordering::Equal => return Ok(Some(middle)),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }
}

/// Reads the cold part of a segment, keeping the blocks that it unpacked: records are asked for in no order.
pub struct Texts<'a> {
    segment: &'a Segment,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
    blocks: HashMap<usize, Vec<u8>>,
    kept: usize,
}

/// Bytes of unpacked blocks that are kept.
const MAX_KEPT: usize = 32 * 1024 * 1024;

impl<'a> Texts<'a> {
    /// Returns a reader of `segment`'s texts.
    pub fn new(segment: &'a Segment) -> Self {
        Self { segment, decompressor: None, blocks: HashMap::new(), kept: 0 }
    }

    /// Returns a record in full.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn record(&mut self, head: &Head<'_>) -> Result<Record, Corrupt> {
        postcard::from_bytes(self.bytes(head)?).map_err(|_| Corrupt::Value("record"))
    }

    /// Returns a record's references.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn references(&mut self, head: &Head<'_>) -> Result<Vec<String>, Corrupt> {
        let decoded = postcard::take_from_bytes(self.bytes(head)?);
        decoded.map(|(references, _)| references).map_err(|_| Corrupt::Value("record"))
    }

    fn bytes(&mut self, head: &Head<'_>) -> Result<&[u8], Corrupt> {
        let number = head.text.block;
        if !self.blocks.contains_key(&number) {
            let block = self.load(number)?;
            if self.kept + block.len() > MAX_KEPT {
                self.blocks.clear();
                self.kept = 0;
            }
            self.kept += block.len();
            self.blocks.insert(number, block);
        }
        let block = self.blocks.get(&number).map_or(&[][..], Vec::as_slice);
        let end = head.text.offset.checked_add(head.text.length).ok_or(Corrupt::Bounds)?;
        block.get(head.text.offset..end).ok_or(Corrupt::Bounds)
    }

    fn load(&mut self, block: usize) -> Result<Vec<u8>, Corrupt> {
        let container = &self.segment.container;
        let at = block.checked_mul(8).ok_or(Corrupt::Bounds)?;
        let end = at.checked_add(16).ok_or(Corrupt::Bounds)?;
        let range = container.get(Section::BlockOffsets, at..end)?;
        let offset =
            |at| u64_at(range, at).and_then(|n| usize::try_from(n).ok()).ok_or(Corrupt::Bounds);
        let mut packed = Decoder(container.get(Section::Blocks, offset(0)?..offset(8)?)?);
        let size = packed.size()?;
        if size > MAX_BLOCK {
            return Err(Corrupt::Value("block size"));
        }
        let damaged = |_| Corrupt::Value("block");
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(damaged)?),
        };
        decompressor.decompress(packed.0, size).map_err(damaged)
    }
}

impl Head<'_> {
    /// Whether another version of the record says the same, as far as matching looks.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let rating = |head: &Self| (head.rating.severity, head.rating.vector.to_owned());
        self.id == other.id
            && self.aliases == other.aliases
            && self.vulnerabilities == other.vulnerabilities
            && (self.published, self.modified, self.withdrawn)
                == (other.published, other.modified, other.withdrawn)
            && (self.security, self.malware) == (other.security, other.malware)
            && rating(self) == rating(other)
    }
}

impl<'a> Entry<'a> {
    /// Whether another version of the entry says the same.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let severity = |entry: &Self| entry.rating.map(|r| (r.severity, r.vector.to_owned()));
        (self.module, self.scope, self.state) == (other.module, other.scope, other.state)
            && severity(self) == severity(other)
            && self.ranges.0 == other.ranges.0
    }

    /// Whether nothing in it can be about a version, read in place: most records that speak of a package are about older
    /// versions of it. `false` if that takes a closer look.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub(crate) fn is_clear_of(&self, version: &str, at: &[u8]) -> Result<bool, Corrupt> {
        if matches!(self.state, StateView::NotAffected(_) | StateView::Investigating) {
            return Ok(false);
        }
        let mut d = self.ranges.clone();
        for _ in 0..d.size()? {
            let (mut affected, mut limited, mut before_limit) = (false, false, false);
            for _ in 0..d.size()? {
                let kind = d.byte()?;
                d.bytes()?;
                if kind & HAS_KEY == 0 {
                    return Ok(false);
                }
                let key = d.bytes()?;
                match kind & !HAS_KEY {
                    0 if at >= key => affected = true,
                    1 if at >= key => affected = false,
                    2 if at > key => affected = false,
                    3 => {
                        limited = true;
                        before_limit |= at < key;
                    }
                    _ => {}
                }
            }
            if affected && (before_limit || !limited) {
                return Ok(false);
            }
        }
        for _ in 0..d.size()? {
            let has_key = d.byte()? == HAS_KEY;
            let same_text = d.bytes()? == version.as_bytes();
            if same_text || (has_key && d.bytes()? == at) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the ranges and versions.
    ///
    /// # Errors
    /// If the segment is not intact there.
    pub fn affects(&self) -> Result<Affects<'a>, Corrupt> {
        let mut d = self.ranges.clone();
        let mut affects = Affects::default();
        for _ in 0..d.size()? {
            let mut events = Vec::new();
            for _ in 0..d.size()? {
                let kind = d.byte()?;
                let text = d.text()?;
                let key = if kind & HAS_KEY != 0 { Some(d.bytes()?) } else { None };
                let kind = match kind & !HAS_KEY {
                    0 => EventKind::Introduced,
                    1 => EventKind::Fixed,
                    2 => EventKind::LastAffected,
                    3 => EventKind::Limit,
                    _ => return Err(Corrupt::Value("event")),
                };
                events.push(EventView { kind, text, key });
            }
            affects.ranges.push(events);
        }
        for _ in 0..d.size()? {
            let has_key = d.byte()? == HAS_KEY;
            let text = d.text()?;
            affects.versions.push((text, if has_key { Some(d.bytes()?) } else { None }));
        }
        Ok(affects)
    }
}

pub(super) const SECURITY: u8 = 1;
pub(super) const MALWARE: u8 = 2;
pub(super) const HAS_KEY: u8 = 0x80;
pub(super) const HAS_MODULE: u8 = 1;
pub(super) const HAS_SCOPE: u8 = 2;
pub(super) const HAS_STATE: u8 = 4;
pub(super) const HAS_RATING: u8 = 8;

fn decode_entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Corrupt> {
    let mut all = Decoder(bytes);
    let mut entries = Vec::new();
    while !all.is_empty() {
        let mut d = Decoder(all.bytes()?);
        let record = u32::try_from(d.number()?).map_err(|_| Corrupt::Value("record number"))?;
        let flags = d.byte()?;
        let module = if flags & HAS_MODULE != 0 { Some(d.text()?) } else { None };
        let scope = if flags & HAS_SCOPE != 0 { d.text()? } else { "" };
        let state = if flags & HAS_STATE != 0 { decode_state(&mut d)? } else { StateView::Plain };
        let rating = if flags & HAS_RATING != 0 { Some(decode_rating(&mut d)?) } else { None };
        entries.push(Entry { record, module, scope, state, rating, ranges: d });
    }
    Ok(entries)
}

fn decode_state<'a>(d: &mut Decoder<'a>) -> Result<StateView<'a>, Corrupt> {
    let kind = d.byte()?;
    let reason = d.text()?;
    Ok(match kind {
        1 => StateView::NotAffected(reason),
        2 => StateView::Declined(reason),
        3 => StateView::Deferred(reason),
        4 => StateView::Investigating,
        _ => return Err(Corrupt::Value("state")),
    })
}

fn decode_rating<'a>(d: &mut Decoder<'a>) -> Result<RatingView<'a>, Corrupt> {
    let severity = match d.byte()? {
        0 => Severity::Unknown,
        1 => Severity::Negligible,
        2 => Severity::Low,
        3 => Severity::Medium,
        4 => Severity::High,
        5 => Severity::Critical,
        _ => return Err(Corrupt::Value("severity")),
    };
    let tenths = d.byte()?;
    Ok(RatingView {
        severity,
        score: (tenths <= 100).then(|| f32::from(tenths) / 10.0),
        vector: d.text()?,
    })
}

fn text(bytes: &[u8]) -> Result<&str, Corrupt> {
    std::str::from_utf8(bytes).map_err(|_| Corrupt::Value("text"))
}
