//! Records on their way to segments: on disk, with a small index in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::db::DatabaseError;
use crate::ecosystem;
use crate::osv::Record;

/// The file and its index.
pub(super) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    index: Vec<Item>,
}

/// One record of one segment.
struct Item {
    segment: u32,
    id: Box<str>,
    modified: Option<i64>,
    sequence: u64,
    reach: Reach,
    offset: u64,
    length: usize,
}

/// How far a record reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// It is all that there is of its id in its ecosystem: what other segments hold under that id is outdated.
    Ecosystem,
    /// It speaks of one segment only, which its converter replaces as a whole; there it is preferred.
    Segment,
}

impl Spool {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Self {
            path: path.into(),
            file: BufWriter::with_capacity(256 * 1024, file),
            at: 0,
            names: Vec::new(),
            numbers: HashMap::new(),
            index: Vec::new(),
        })
    }

    /// Adds a record to a segment. `sequence` tells parts of one record from those of another of the same id.
    pub(super) fn add(
        &mut self,
        segment: &str,
        sequence: u64,
        reach: Reach,
        record: &Record,
    ) -> io::Result<()> {
        let bytes = postcard::to_stdvec(record).map_err(io::Error::other)?;
        let number = match self.numbers.get(segment) {
            Some(&number) => number,
            None => {
                let number = u32::try_from(self.names.len()).map_err(io::Error::other)?;
                self.names.push(segment.into());
                self.numbers.insert(segment.into(), number);
                number
            }
        };
        self.file.write_all(&bytes)?;
        self.index.push(Item {
            segment: number,
            id: record.id.as_str().into(),
            modified: record.modified,
            sequence,
            reach,
            offset: self.at,
            length: bytes.len(),
        });
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Keeps of each ecosystem's records with one id the one that changed last (the later one, where equal), unless the
    /// database has a newer one still. Adds the ids that stay to `changed`.
    pub(super) fn settle(
        &mut self,
        newest_known: impl Fn(&str, &str) -> Result<Option<i64>, DatabaseError>,
        changed: &mut BTreeMap<String, BTreeSet<String>>,
    ) -> Result<(), DatabaseError> {
        let bases: Vec<String> = self.names.iter().map(|n| ecosystem::base(n).to_owned()).collect();
        let base = |item: &Item| bases[item.segment as usize].as_str();
        self.index.sort_by(|a, b| {
            (base(a), &a.id, a.modified, a.sequence).cmp(&(base(b), &b.id, b.modified, b.sequence))
        });
        let mut kept = Vec::with_capacity(self.index.len());
        let mut items = Vec::with_capacity(self.index.len());
        for item in std::mem::take(&mut self.index) {
            let list = if item.reach == Reach::Segment { &mut kept } else { &mut items };
            list.push(item);
        }
        let mut items = items.into_iter().peekable();
        while let Some(first) = items.next() {
            let mut group = vec![first];
            while let Some(next) =
                items.next_if(|next| base(next) == base(&group[0]) && next.id == group[0].id)
            {
                group.push(next);
            }
            let last = &group[group.len() - 1];
            let (sequence, modified) = (last.sequence, last.modified);
            let base = base(&group[0]);
            if newest_known(base, &group[0].id)? > modified {
                continue;
            }
            changed.entry(base.into()).or_default().insert(group[0].id.to_string());
            kept.extend(group.into_iter().filter(|item| item.sequence == sequence));
        }
        kept.sort_by(|a, b| {
            let key = |item: &Item| (item.segment, Reverse(item.reach), Reverse(item.sequence));
            (&a.id, key(a)).cmp(&(&b.id, key(b)))
        });
        kept.dedup_by(|later, first| later.segment == first.segment && later.id == first.id);
        kept.sort_by(|a, b| (a.segment, &a.id).cmp(&(b.segment, &b.id)));
        self.index = kept;
        Ok(())
    }

    /// Returns the names of all segments that records were added to.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Returns the records of a segment in the order of their ids.
    pub(super) fn records(
        &mut self,
        segment: &str,
    ) -> io::Result<impl Iterator<Item = io::Result<Record>> + use<'_>> {
        self.file.flush()?;
        let number = self.numbers.get(segment).copied().unwrap_or(u32::MAX);
        let start = self.index.partition_point(|item| item.segment < number);
        let end = self.index.partition_point(|item| item.segment <= number);
        let file = self.file.get_mut();
        Ok(self.index[start..end].iter().map(move |item| {
            let mut bytes = vec![0; item.length];
            file.seek(SeekFrom::Start(item.offset))?;
            file.read_exact(&mut bytes)?;
            postcard::from_bytes(&bytes).map_err(io::Error::other)
        }))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What stays behind is removed by the next writer.
        drop(std::fs::remove_file(&self.path));
    }
}
