//! From advisories as published to segments on disk.
//!
//! Memory is bounded by the largest single segment, not by the input: records go to a spool file as they are read, and one
//! segment is built after the other. A segment holds its records in full (in its cold part), so an update needs no other
//! source: it reads the old segment, drops what changed, and adds what is new.

pub(crate) mod prepare;
mod recognize;
mod spool;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use hullmark_oci::Limits;
use jiff::Timestamp;

use crate::db::build::{Builder, write_table};
use crate::db::store::Writer;
use crate::db::{Database, DatabaseError, Manifest, SegmentInfo};
use crate::ecosystem;
use crate::osv::Record;
use spool::{Reach, Spool};

/// Problems that are reported one by one; beyond, only their number is.
const MAX_PROBLEMS: usize = 100;

/// A change of a database that is being put together. Nothing is visible to readers before [`Self::commit`].
pub struct Update {
    writer: Writer,
    spool: Spool,
    limits: Limits,
    /// Ecosystems whose records are replaced as a whole, with their sources.
    replaced: BTreeSet<String>,
    /// Ids to forget, by ecosystem.
    removed: BTreeMap<String, BTreeSet<String>>,
    /// Ecosystems of which everything that changed since the last time is in this change.
    refreshed: BTreeSet<String>,
    /// Records of converters, whose parts come from several files.
    converted: BTreeMap<String, Record>,
    sources: BTreeMap<String, String>,
    tables: BTreeMap<&'static str, TableUpdate>,
    report: Report,
}

struct TableUpdate {
    values: BTreeMap<String, Vec<u8>>,
    newest: Option<i64>,
    source: String,
}

/// What a change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records read.
    pub read: u64,
    /// Records of ecosystems that cannot be matched.
    pub unmatched: u64,
    /// What could not be read: the first few, and the number of all.
    pub problems: Vec<Problem>,
    /// Number of all problems.
    pub problem_count: u64,
    /// Names of segments that changed.
    pub changed: Vec<String>,
    /// Names of segments that are gone.
    pub gone: Vec<String>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, and the entry in it.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Why a change could not be made. Damaged single records are [`Problem`]s instead.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The database could not be read or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An input could not be read.
    #[error("failed to read `{}`", .path.display())]
    Input {
        /// The input.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An input is nothing that can be imported.
    #[error("`{path}` cannot be imported: {reason}")]
    Unrecognized {
        /// The input.
        path: String,
        /// Why.
        reason: String,
    },
    /// An input passes a limit.
    #[error("`{path}` is larger than allowed: {what}")]
    TooLarge {
        /// The input.
        path: String,
        /// What of it.
        what: String,
    },
    /// The spool could not be written.
    #[error("failed to write the spool file")]
    Spool(#[source] std::io::Error),
}

/// Brings files and folders into the database in `dir`: what each is, is recognised by its content.
///
/// `at` is the time that the database will say it was updated.
///
/// # Errors
/// If an input named by the caller cannot be read or recognised, or the database cannot be written.
pub fn import(
    dir: &Path,
    paths: &[PathBuf],
    at: Timestamp,
    limits: &Limits,
) -> Result<Report, UpdateError> {
    let mut update = Update::begin(dir, limits)?;
    for path in paths {
        update.path(path)?;
    }
    update.commit(at)
}

impl Update {
    /// Begins a change; waits for another writer of the same database.
    ///
    /// # Errors
    /// If the folder cannot be created or locked.
    pub fn begin(dir: &Path, limits: &Limits) -> Result<Self, UpdateError> {
        let mut writer = Writer::lock(dir)?;
        let spool = Spool::create(&writer.partial()).map_err(UpdateError::Spool)?;
        Ok(Self {
            writer,
            spool,
            limits: limits.clone(),
            replaced: BTreeSet::new(),
            removed: BTreeMap::new(),
            refreshed: BTreeSet::new(),
            converted: BTreeMap::new(),
            sources: BTreeMap::new(),
            tables: BTreeMap::new(),
            report: Report::default(),
        })
    }

    /// Adds a file or a folder, by its content.
    ///
    /// # Errors
    /// If it cannot be read, or is nothing that can be imported.
    pub fn path(&mut self, path: &Path) -> Result<(), UpdateError> {
        recognize::add_path(self, path)
    }

    /// Adds a complete export of an ecosystem (`all.zip`): what the database held of it is forgotten.
    ///
    /// # Errors
    /// If it is no zip archive, or passes a limit.
    pub fn export(
        &mut self,
        ecosystem: &str,
        zip: impl Read + Seek,
        source: &str,
    ) -> Result<(), UpdateError> {
        self.replaced.insert(ecosystem.into());
        recognize::add_zip(self, zip, source, Some(ecosystem))
    }

    /// Adds or replaces one OSV record. One that is malformed is a [`Problem`].
    ///
    /// # Errors
    /// If the spool cannot be written.
    pub fn record(&mut self, json: &[u8], source: &str) -> Result<(), UpdateError> {
        match Record::parse(json) {
            Ok(record) => self.add(record, source, None),
            Err(error) => {
                self.problem(source, &error);
                Ok(())
            }
        }
    }

    /// Adds or replaces what one OSV record says of an ecosystem; what it says of others is left to their own feeds. One
    /// that is malformed is a [`Problem`].
    ///
    /// # Errors
    /// If the spool cannot be written.
    pub fn record_of(
        &mut self,
        ecosystem: &str,
        json: &[u8],
        source: &str,
    ) -> Result<(), UpdateError> {
        match Record::parse(json) {
            Ok(record) => self.add(record, source, Some(ecosystem)),
            Err(error) => {
                self.problem(source, &error);
                Ok(())
            }
        }
    }

    /// Adds a document of any known form (OSV, KEV, EPSS, a tracker's), by its content.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn document(&mut self, bytes: &[u8], source: &str) -> Result<(), UpdateError> {
        recognize::add_document(self, bytes, source)
    }

    /// Returns what was read so far.
    pub fn so_far(&self) -> &Report {
        &self.report
    }

    /// Forgets one record of an ecosystem, as when an export no longer lists it.
    pub fn forget(&mut self, ecosystem: &str, id: &str) {
        self.removed.entry(ecosystem::base(ecosystem).into()).or_default().insert(id.into());
    }

    /// Says that everything that changed in an ecosystem since its last update is part of this change, so that its
    /// segments count as up to date.
    pub fn refreshed(&mut self, ecosystem: &str) {
        self.refreshed.insert(ecosystem.into());
    }

    /// Adds records that a converter made; they replace all that the database held of `replaces` (an ecosystem, or one
    /// segment). Records of one id from several files are put together.
    pub fn converted(
        &mut self,
        records: impl IntoIterator<Item = Record>,
        replaces: &str,
        source: &str,
    ) {
        self.replaced.insert(replaces.into());
        for mut record in records {
            self.report.read += 1;
            for affected in &record.affected {
                let (segment, _) = ecosystem::segment_of(&affected.ecosystem);
                self.sources.entry(segment).or_insert_with(|| source.into());
            }
            match self.converted.get_mut(&record.id) {
                Some(known) => {
                    known.affected.append(&mut record.affected);
                    known.references.append(&mut record.references);
                    known.references.dedup();
                    known.ratings.append(&mut record.ratings);
                }
                None => {
                    self.converted.insert(record.id.clone(), record);
                }
            }
        }
    }

    /// Replaces a table of values by id.
    pub(crate) fn table(
        &mut self,
        name: &'static str,
        values: BTreeMap<String, Vec<u8>>,
        newest: Option<i64>,
        source: &str,
    ) {
        self.report.read += values.len() as u64;
        self.tables.insert(name, TableUpdate { values, newest, source: source.into() });
    }

    /// Adds a record, or only what it says of one ecosystem: an export of npm is not a feed of the Maven packages that
    /// some of its records also name.
    fn add(&mut self, record: Record, source: &str, only: Option<&str>) -> Result<(), UpdateError> {
        self.report.read += 1;
        let sequence = self.report.read;
        let mut parts = prepare::split(record);
        if let Some(only) = only {
            parts.retain(|segment, _| in_ecosystem(segment, only));
        }
        if parts.is_empty() {
            self.report.unmatched += 1;
        }
        for (segment, part) in parts {
            if !self.sources.contains_key(&segment) {
                self.sources.insert(segment.clone(), source.into());
            }
            let added = self.spool.add(&segment, sequence, Reach::Ecosystem, &part);
            added.map_err(UpdateError::Spool)?;
        }
        Ok(())
    }

    fn spool_converted(&mut self) -> Result<(), UpdateError> {
        for (_, record) in std::mem::take(&mut self.converted) {
            for (segment, part) in prepare::split(record) {
                self.spool.add(&segment, 0, Reach::Segment, &part).map_err(UpdateError::Spool)?;
            }
        }
        Ok(())
    }

    fn problem(&mut self, path: &str, reason: &dyn std::error::Error) {
        self.report.problem_count += 1;
        if self.report.problems.len() < MAX_PROBLEMS {
            let reason = match reason.source() {
                Some(source) => format!("{reason}: {source}"),
                None => reason.to_string(),
            };
            self.report.problems.push(Problem { path: path.into(), reason });
        }
    }

    /// Builds the segments that change and makes them the database.
    ///
    /// # Errors
    /// If the database cannot be read or written. It is then as it was.
    pub fn commit(mut self, at: Timestamp) -> Result<Report, UpdateError> {
        // What is damaged is dropped and reported; if its source is part of this change, it is whole again afterwards.
        let (old, damage) = Database::salvage(self.writer.dir())?;
        for error in &damage {
            self.problem("database", error);
        }
        self.spool_converted()?;
        let changed = self.winners(&old)?;
        let mut segments: BTreeMap<String, SegmentInfo> =
            old.status().segments.iter().map(|s| (s.name.clone(), s.clone())).collect();
        for name in self.touched(&old, &changed)? {
            let built = self.build(&name, &old, &changed, at)?;
            self.settle(&mut segments, name, built);
        }
        for info in segments.values_mut() {
            if self.refreshed.iter().any(|ecosystem| in_ecosystem(&info.name, ecosystem)) {
                info.updated = Some(at);
            }
        }
        for (name, table) in std::mem::take(&mut self.tables) {
            let partial = self.writer.partial();
            let written = write_table(&partial, name, &table.values, table.newest)
                .map_err(|source| DatabaseError::Build { segment: name.into(), source })?;
            self.writer.keep(&partial, &written)?;
            let info = SegmentInfo::new(&written, at, table.source);
            self.settle(&mut segments, name.into(), Some(info));
        }
        let segments = segments.into_values().collect();
        self.writer.publish(&Manifest { updated: Some(at), segments, ..Manifest::default() })?;
        Ok(self.report)
    }

    /// Notes what became of a segment. One that did not change keeps its file, and only its date moves.
    fn settle(
        &mut self,
        segments: &mut BTreeMap<String, SegmentInfo>,
        name: String,
        built: Option<SegmentInfo>,
    ) {
        match built {
            Some(info) => {
                let before = segments.insert(name.clone(), info.clone());
                if before.is_none_or(|before| before.digest != info.digest) {
                    self.report.changed.push(name);
                }
            }
            None => {
                if segments.remove(&name).is_some() {
                    self.report.gone.push(name);
                }
            }
        }
    }

    /// Returns the ids that change in each ecosystem, once the spool holds of each record only its newest version.
    fn winners(
        &mut self,
        old: &Database,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, UpdateError> {
        let mut changed = std::mem::take(&mut self.removed);
        let replaced = self.replaced.clone();
        let newest_known = |base: &str, id: &str| -> Result<Option<i64>, DatabaseError> {
            if replaced.iter().any(|name| in_ecosystem(base, name)) {
                return Ok(None);
            }
            newest_known(old, base, id)
        };
        self.spool.settle(newest_known, &mut changed)?;
        Ok(changed)
    }

    /// Returns the segments that have to be built: those with new records, and those that lose some.
    fn touched(
        &self,
        old: &Database,
        changed: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<BTreeSet<String>, DatabaseError> {
        let mut names: BTreeSet<String> = self.spool.segments().map(str::to_owned).collect();
        for segment in old.segments() {
            let name = &segment.meta().name;
            let replaced = self.replaced.iter().any(|ecosystem| in_ecosystem(name, ecosystem));
            let outdated = || {
                let ids = changed.get(ecosystem::base(name)).into_iter().flatten();
                for id in ids {
                    if !segment.records_of(id)?.is_empty() {
                        return Ok(true);
                    }
                }
                Ok(false)
            };
            if replaced || outdated().map_err(DatabaseError::corrupt(name))? {
                names.insert(name.clone());
            }
        }
        Ok(names)
    }

    fn build(
        &mut self,
        name: &str,
        old: &Database,
        changed: &BTreeMap<String, BTreeSet<String>>,
        at: Timestamp,
    ) -> Result<Option<SegmentInfo>, UpdateError> {
        let base = ecosystem::base(name);
        let dropped = changed.get(base);
        let replaced = self.replaced.iter().any(|ecosystem| in_ecosystem(name, ecosystem));
        let kept = old.segment(name).filter(|_| !replaced);
        let partial = self.writer.partial();
        let failed = |source| DatabaseError::Build { segment: name.into(), source };
        let mut builder = Builder::create(&partial, name).map_err(failed)?;
        let mut fresh = self.spool.records(name).map_err(UpdateError::Spool)?.peekable();
        let mut empty = true;
        let mut put = |record: &Record| -> Result<(), DatabaseError> {
            empty = false;
            builder.add(record).map_err(failed)
        };
        for record in kept.into_iter().flat_map(crate::db::Segment::records) {
            let record = record.map_err(DatabaseError::corrupt(name))?;
            if dropped.is_some_and(|ids| ids.contains(&record.id)) {
                continue;
            }
            while fresh.peek().is_some_and(|f| f.as_ref().map_or(true, |f| f.id < record.id)) {
                if let Some(next) = fresh.next() {
                    put(&next.map_err(UpdateError::Spool)?)?;
                }
            }
            put(&record)?;
        }
        for record in fresh {
            put(&record.map_err(UpdateError::Spool)?)?;
        }
        let written = builder.finish().map_err(failed)?;
        if empty {
            return Ok(None);
        }
        self.writer.keep(&partial, &written)?;
        // Single records do not bring a segment up to date: its age stays that of its last complete source.
        let before = old.info(name).filter(|_| !replaced);
        let source = before.map(|info| info.source.clone());
        let source = source.or_else(|| self.sources.get(name).cloned()).unwrap_or_default();
        let updated = before.and_then(|info| info.updated).unwrap_or(at);
        Ok(Some(SegmentInfo::new(&written, updated, source)))
    }
}

/// Whether a segment belongs to an ecosystem (`Debian`) or is it (`Debian:12`).
fn in_ecosystem(segment: &str, ecosystem: &str) -> bool {
    segment.strip_prefix(ecosystem).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Returns the newest date that any of an ecosystem's segments has for a record.
fn newest_known(old: &Database, base: &str, id: &str) -> Result<Option<i64>, DatabaseError> {
    let mut newest = None;
    for segment in old.segments().iter().filter(|s| ecosystem::base(&s.meta().name) == base) {
        let error = DatabaseError::corrupt(&segment.meta().name);
        for number in segment.records_of(id).map_err(&error)? {
            let head = segment.head(number).map_err(&error)?;
            if head.id == id {
                newest = newest.max(head.modified);
            }
        }
    }
    Ok(newest)
}
