//! Advisories from where they are published, or from a mirror: everything the first time, then only what changed.
//!
//! The layout is that of the public OSV export: `<ECOSYSTEM>/all.zip`, `<ECOSYSTEM>/modified_id.csv` (every record and when it
//! changed) and `<ECOSYSTEM>/<ID>.json`. Every feed is a change of the database of its own: it is there as a whole, or the
//! database is as it was.

mod list;
mod location;
mod memory;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use hullmark_advisory::compile::{Problem, Report, Update, UpdateError};
use hullmark_advisory::db::{self, Database, DatabaseError};
use hullmark_advisory::{ecosystem, osv};
use hullmark_oci::{Digest, Limits, SourceError};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::Client;
pub use list::parse_list;
use location::{Fetcher, Got, Location};
use memory::{Memory, Remembered};

/// The public OSV export.
pub const EXPORT: &str = "https://osv-vulnerabilities.storage.googleapis.com";
/// CISA's catalogue of exploited vulnerabilities.
pub const KEV: &str =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";
/// FIRST's exploit predictions.
pub const EPSS: &str = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz";

/// Changed records that are fetched one by one; if there are more, the complete export is less work for both sides.
const MAX_SINGLE: usize = 2000;
/// Requests for single records at a time.
const PARALLEL: usize = 8;
/// Bytes of single records fetched in one go. They are in memory at once.
const SINGLE_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of a complete export; the largest (npm, with its malware) has a few hundred million.
const EXPORT_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes of a list of changes; 300,000 records take 15 MB.
const LIST_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of the catalogue or the predictions, unpacked; the predictions have about 10 MB.
const TABLE_BYTES: u64 = 256 * 1024 * 1024;

/// What to fetch, from where and whereto.
#[derive(Clone)]
pub struct Request {
    /// Folder of the database.
    pub database: PathBuf,
    /// The export or its mirror: an address, or a folder of this machine.
    pub export: String,
    /// Where CISA's catalogue is: an address, or a file of this machine.
    pub kev: String,
    /// Where the predictions are, likewise.
    pub epss: String,
    /// The feeds to bring up to date.
    pub feeds: Vec<Feed>,
    /// The time that the database will say it was updated.
    pub now: Timestamp,
    /// Bounds on what is read.
    pub limits: Limits,
    /// Is told how far things are.
    pub progress: Arc<dyn Fn(Step<'_>) + Send + Sync>,
}

/// One source of advisories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    /// An ecosystem of the export.
    Ecosystem(&'static str),
    /// CISA's catalogue of exploited vulnerabilities.
    Kev,
    /// FIRST's exploit predictions.
    Epss,
}

/// Why a name is not a feed's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFeedError {
    /// It is a release; releases come with their ecosystem.
    #[error("`{name}` is a part of `{base}`, which is fetched as a whole")]
    Release {
        /// What was asked for.
        name: String,
        /// The ecosystem.
        base: &'static str,
    },
    /// It is no ecosystem whose packages can be matched.
    #[error("`{0}` is not an ecosystem that can be matched")]
    Unknown(String),
}

/// How far an update is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Bytes of a complete export came.
    Export {
        /// The feed.
        feed: &'a str,
        /// Bytes so far.
        received: u64,
        /// Bytes there will be, if that is known.
        total: Option<u64>,
    },
    /// Single records came.
    Records {
        /// The feed.
        feed: &'a str,
        /// Records so far.
        received: usize,
        /// Records there will be.
        total: usize,
    },
    /// What came is written to the database.
    Writing {
        /// The feed.
        feed: &'a str,
    },
}

/// What an update of one feed did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// How it was done.
    pub how: How,
    /// What it did to the database.
    pub report: Report,
}

/// How a feed was brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Nothing had changed.
    Current,
    /// By the complete export.
    Complete,
    /// By what changed.
    Changes {
        /// Records fetched.
        fetched: usize,
        /// Records that the list names no more.
        forgotten: usize,
    },
}

/// Why a feed could not be brought up to date. What the database held of it is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// A base address or folder makes no sense.
    #[error("`{text}` cannot be fetched from: {reason}")]
    Location {
        /// The address.
        text: String,
        /// Why.
        reason: String,
    },
    /// The export does not have the ecosystem.
    #[error("there is no `{feed}` at `{base}`")]
    NotThere {
        /// The ecosystem.
        feed: &'static str,
        /// The export.
        base: String,
    },
    /// What came does not hold a single advisory of the ecosystem.
    #[error("the export of `{feed}` holds no advisory of it")]
    Empty {
        /// The ecosystem.
        feed: &'static str,
    },
    /// What came is something else.
    #[error("`{from}` is not {expected}")]
    Foreign {
        /// Where it came from.
        from: String,
        /// What was expected.
        expected: &'static str,
    },
    /// It could not be fetched.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be brought into the database.
    #[error(transparent)]
    Update(#[from] UpdateError),
}

impl From<DatabaseError> for FeedError {
    fn from(error: DatabaseError) -> Self {
        Self::Update(error.into())
    }
}

impl Feed {
    /// Understands a name, in any case: an ecosystem's, `KEV` or `EPSS`.
    ///
    /// # Errors
    /// If there is no such feed.
    pub fn parse(name: &str) -> Result<Self, ParseFeedError> {
        if name.eq_ignore_ascii_case("KEV") {
            return Ok(Self::Kev);
        }
        if name.eq_ignore_ascii_case("EPSS") {
            return Ok(Self::Epss);
        }
        let base = ecosystem::base(name);
        let known = ecosystem::ECOSYSTEMS.iter().find(|e| e.base.eq_ignore_ascii_case(base));
        match known {
            Some(known) if base.len() == name.len() => Ok(Self::Ecosystem(known.base)),
            Some(known) => Err(ParseFeedError::Release { name: name.into(), base: known.base }),
            None => Err(ParseFeedError::Unknown(name.chars().take(100).collect())),
        }
    }

    /// Returns the feeds that a database already holds something of.
    pub fn of_database(manifest: &db::Manifest) -> BTreeSet<Self> {
        let names = manifest.segments.iter().map(|info| ecosystem::base(&info.name));
        names.filter_map(|name| Self::parse(name).ok()).collect()
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecosystem(name) => name,
            Self::Kev => "KEV",
            Self::Epss => "EPSS",
        }
    }
}

/// Brings feeds up to date, one after the other. One that fails does not keep the others from being written.
///
/// # Errors
/// If an address makes no sense; nothing was fetched then.
pub async fn update(
    client: &Client,
    request: &Request,
) -> Result<Vec<(Feed, Result<Updated, FeedError>)>, FeedError> {
    let transport = client.0.transport.clone();
    let has = |feed| request.feeds.contains(&feed);
    let is_export = |feed: &Feed| matches!(feed, Feed::Ecosystem(_));
    let locate = |wanted: bool, text: &str| -> Result<Option<Location>, FeedError> {
        wanted.then(|| Location::parse(text, &transport)).transpose()
    };
    let export = locate(request.feeds.iter().any(is_export), &request.export)?;
    let kev = locate(has(Feed::Kev), &request.kev)?;
    let epss = locate(has(Feed::Epss), &request.epss)?;
    let job = Job { fetcher: Fetcher { transport }, request };
    let mut results = Vec::new();
    for feed in &request.feeds {
        let result = match (feed, &export, &kev, &epss) {
            (Feed::Ecosystem(name), Some(base), _, _) => job.ecosystem(name, base).await,
            (Feed::Kev, _, Some(at), _) | (Feed::Epss, _, _, Some(at)) => {
                job.table(*feed, at).await
            }
            _ => continue,
        };
        results.push((*feed, result));
    }
    Ok(results)
}

/// One update.
struct Job<'a> {
    fetcher: Fetcher,
    request: &'a Request,
}

/// The records of an ecosystem that the database holds.
#[derive(Debug, Default)]
struct Known {
    /// Ids with the last change, in milliseconds since 1970.
    records: BTreeMap<String, i64>,
    newest: i64,
    /// Stands for the segments: another digest, other segments.
    segments: Option<Digest>,
}

/// The list of an ecosystem's records, and its tag.
struct List {
    records: BTreeMap<String, i64>,
    tag: Option<String>,
}

/// Single records, and those that were not there.
#[derive(Default)]
struct Singles {
    found: BTreeMap<String, Bytes>,
    missing: BTreeSet<String>,
}

impl Job<'_> {
    async fn ecosystem(&self, name: &'static str, base: &Location) -> Result<Updated, FeedError> {
        let known = self.known(name).await?;
        let remembered = self.remembered(name, base, &known).await?;
        let place = base.join(&[name]);
        let list = match self.list(&place, remembered.list_tag.as_deref()).await? {
            Got::Same => return self.confirm(name).await,
            Got::New(list, _) => list,
        };
        if let Some(list) = list.as_ref().filter(|list| credible(&list.records, &known)) {
            let wanted = outdated(&list.records, &known, &remembered.settled);
            if let Some(singles) = self.singles(name, &place, &wanted).await?
                && singles.missing.is_empty()
            {
                let gone: Vec<String> = known
                    .records
                    .keys()
                    .filter(|id| !list.records.contains_key(*id))
                    .cloned()
                    .collect();
                let how = How::Changes { fetched: singles.found.len(), forgotten: gone.len() };
                let how = if wanted.is_empty() && gone.is_empty() { How::Current } else { how };
                let report = self.apply(name, &place, singles, gone).await?;
                self.remember(name, base, Some(list), remembered.export_tag).await?;
                return Ok(Updated { how, report });
            }
        }
        self.complete(name, base, list, known, &remembered).await
    }

    /// Fetches the complete export, and then what the list knows to be newer.
    async fn complete(
        &self,
        name: &'static str,
        base: &Location,
        list: Option<List>,
        known: Known,
        remembered: &Remembered,
    ) -> Result<Updated, FeedError> {
        let place = base.join(&[name]);
        let at = place.join(&["all.zip"]);
        let tag = remembered.export_tag.as_deref().filter(|_| list.is_none());
        let tell = |received, total| {
            (self.request.progress)(Step::Export { feed: name, received, total });
        };
        let (zip, tag) = match self.fetcher.file(&at, tag, EXPORT_BYTES, &tell).await {
            Ok(Got::New(zip, tag)) => (zip, tag),
            Ok(Got::Same) => return self.confirm(name).await,
            Err(SourceError::NotFound { .. }) => {
                return Err(FeedError::NotThere { feed: name, base: base.to_string() });
            }
            Err(error) => return Err(error.into()),
        };
        drop(known);
        (self.request.progress)(Step::Writing { feed: name });
        let source = at.to_string();
        let mut report = self
            .change(move |update| {
                update.export(name, zip, &source)?;
                let read = update.so_far();
                if read.read == read.unmatched {
                    return Err(FeedError::Empty { feed: name });
                }
                update.refreshed(name);
                Ok(())
            })
            .await?;
        let known = self.known(name).await?;
        // A list that does not fit what the export holds is not believed the next time either.
        let list = list.filter(|list| credible(&list.records, &known));
        if let Some(list) = &list {
            let newer = |(_, time): &(&String, &i64)| **time > known.newest;
            let newer: BTreeMap<_, _> =
                list.records.iter().filter(newer).map(|(id, t)| (id.clone(), *t)).collect();
            let wanted = outdated(&newer, &known, &BTreeMap::new());
            if let Some(singles) = self.singles(name, &place, &wanted).await?
                && !wanted.is_empty()
            {
                report = merged(report, self.apply(name, &place, singles, Vec::new()).await?);
            }
        }
        self.remember(name, base, list.as_ref(), tag).await?;
        Ok(Updated { how: How::Complete, report })
    }

    /// Notes that an ecosystem is as current as its source.
    async fn confirm(&self, name: &'static str) -> Result<Updated, FeedError> {
        let confirm = move |update: &mut Update| {
            update.refreshed(name);
            Ok(())
        };
        Ok(Updated { how: How::Current, report: self.change(confirm).await? })
    }

    /// Fetches the list of changes: `None` where there is none that can be understood.
    async fn list(
        &self,
        place: &Location,
        tag: Option<&str>,
    ) -> Result<Got<Option<List>>, FeedError> {
        let at = place.join(&["modified_id.csv"]);
        match self.fetcher.document(&at, tag, LIST_BYTES).await {
            Ok(Got::Same) => Ok(Got::Same),
            Ok(Got::New(bytes, tag)) => {
                let list = match parse_list(&bytes) {
                    Ok(records) => Some(List { records, tag }),
                    Err(line) => {
                        tracing::warn!("`{at}` is passed over: line {line} is malformed");
                        None
                    }
                };
                Ok(Got::New(list, None))
            }
            Err(SourceError::NotFound { .. }) => Ok(Got::New(None, None)),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches records one by one: `None` if there are too many for that.
    async fn singles(
        &self,
        name: &str,
        place: &Location,
        wanted: &[String],
    ) -> Result<Option<Singles>, FeedError> {
        let total = wanted.len();
        if total > MAX_SINGLE {
            return Ok(None);
        }
        let mut singles = Singles::default();
        let (mut waiting, mut running) = (wanted.iter(), JoinSet::new());
        let mut bytes = 0;
        loop {
            while running.len() < PARALLEL
                && let Some(id) = waiting.next()
            {
                let (fetcher, id) = (self.fetcher.clone(), id.clone());
                let at = place.join(&[&format!("{id}.json")]);
                let limit = osv::MAX_RECORD_BYTES as u64;
                running.spawn(async move { (id, fetcher.document(&at, None, limit).await) });
            }
            let Some(done) = running.join_next().await else { return Ok(Some(singles)) };
            let Ok((id, result)) = done else { continue };
            match result {
                Ok(Got::New(record, _)) => {
                    bytes += record.len() as u64;
                    singles.found.insert(id, record);
                }
                Ok(Got::Same) | Err(SourceError::NotFound { .. }) => {
                    singles.missing.insert(id);
                }
                Err(error) => return Err(error.into()),
            }
            if bytes > SINGLE_BYTES {
                return Ok(None);
            }
            let received = singles.found.len();
            (self.request.progress)(Step::Records { feed: name, received, total });
        }
    }

    /// Writes single records, and forgets those that are gone.
    async fn apply(
        &self,
        name: &'static str,
        place: &Location,
        singles: Singles,
        gone: Vec<String>,
    ) -> Result<Report, FeedError> {
        (self.request.progress)(Step::Writing { feed: name });
        let mut strange = Vec::new();
        let mut records = Vec::new();
        for (id, record) in singles.found {
            let from = place.join(&[&format!("{id}.json")]).to_string();
            match id_of(&record) {
                Some(other) if other != id => strange.push((from, "it is another record")),
                _ => records.push((from, record)),
            }
        }
        for id in &singles.missing {
            let from = place.join(&[&format!("{id}.json")]).to_string();
            strange.push((from, "the list of changes names it, and it is not there"));
        }
        let report = self.change(move |update| {
            for (from, record) in &records {
                update.record_of(name, record, from)?;
            }
            for id in &gone {
                update.forget(name, id);
            }
            update.refreshed(name);
            Ok(())
        });
        let mut report = report.await?;
        report.problem_count += strange.len() as u64;
        let problem = |(path, reason): (String, &str)| Problem { path, reason: reason.into() };
        report.problems.extend(strange.into_iter().map(problem));
        Ok(report)
    }

    /// Brings the catalogue or the predictions up to date.
    async fn table(&self, feed: Feed, at: &Location) -> Result<Updated, FeedError> {
        let known = self.known(segment_name(feed)).await?;
        let remembered = self.remembered(feed.name(), at, &known).await?;
        let tag = remembered.export_tag.as_deref();
        // The values of a table are its segment's: what is there is current, but only its date says since when.
        let (bytes, tag) = match self.fetcher.document(at, tag, TABLE_BYTES).await? {
            Got::Same => return self.confirm(segment_name(feed)).await,
            Got::New(bytes, tag) => (bytes, tag),
        };
        let from = at.to_string();
        let report = self
            .change(move |update| {
                let bytes = inflated(&bytes, &from)?;
                let (fits, expected) = match feed {
                    Feed::Kev => (is_catalog(&bytes), "CISA's catalogue"),
                    _ => (matches!(bytes.first(), Some(b'#' | b'c')), "FIRST's predictions"),
                };
                if !fits {
                    return Err(FeedError::Foreign { from, expected });
                }
                Ok(update.document(&bytes, &from)?)
            })
            .await?;
        let known = self.known(segment_name(feed)).await?;
        let kept = Remembered {
            from: at.to_string(),
            segments: known.segments,
            export_tag: tag,
            ..Remembered::default()
        };
        self.keep(feed.name(), kept).await?;
        Ok(Updated { how: How::Complete, report })
    }

    /// Makes one change of the database, on a thread for blocking work.
    async fn change(
        &self,
        fill: impl FnOnce(&mut Update) -> Result<(), FeedError> + Send + 'static,
    ) -> Result<Report, FeedError> {
        let Request { database, limits, now, .. } = self.request;
        let (database, limits, now) = (database.clone(), limits.clone(), *now);
        off_thread(move || {
            let mut update = Update::begin(&database, &limits)?;
            fill(&mut update)?;
            Ok(update.commit(now)?)
        })
        .await
    }

    async fn known(&self, name: &'static str) -> Result<Known, FeedError> {
        let database = self.request.database.clone();
        off_thread(move || known(&database, name)).await
    }

    async fn remembered(
        &self,
        feed: &'static str,
        from: &Location,
        known: &Known,
    ) -> Result<Remembered, FeedError> {
        let Some(segments) = known.segments.clone() else { return Ok(Remembered::default()) };
        let (database, from) = (self.request.database.clone(), from.to_string());
        off_thread(move || Ok(Memory::read(&database).recall(feed, &from, &segments))).await
    }

    /// Remembers what the database now holds, beside what the list says.
    async fn remember(
        &self,
        name: &'static str,
        base: &Location,
        list: Option<&List>,
        export_tag: Option<String>,
    ) -> Result<(), FeedError> {
        let known = self.known(name).await?;
        let mut settled = BTreeMap::new();
        if let Some(list) = list {
            let behind = outdated(&list.records, &known, &settled);
            settled.extend(behind.into_iter().filter_map(|id| {
                let time = *list.records.get(&id)?;
                Some((id, time))
            }));
        }
        let kept = Remembered {
            from: base.to_string(),
            segments: known.segments,
            list_tag: list.and_then(|list| list.tag.clone()),
            export_tag,
            settled,
        };
        self.keep(name, kept).await
    }

    async fn keep(&self, feed: &'static str, what: Remembered) -> Result<(), FeedError> {
        let database = self.request.database.clone();
        off_thread(move || Ok(Memory::keep(&database, feed, what)?)).await
    }
}

/// Whether a list can be all that there is: one that lost half of what is known is a broken one.
fn credible(list: &BTreeMap<String, i64>, known: &Known) -> bool {
    !known.records.is_empty() && list.len() >= known.records.len().div_ceil(2)
}

/// Returns the ids that the list has newer than the database, without those that were settled as they are.
fn outdated(
    list: &BTreeMap<String, i64>,
    known: &Known,
    settled: &BTreeMap<String, i64>,
) -> Vec<String> {
    let behind = |(id, time): &(&String, &i64)| {
        known.records.get(*id).is_none_or(|known| known < *time) && settled.get(*id) != Some(*time)
    };
    list.iter().filter(behind).map(|(id, _)| id.clone()).collect()
}

fn known(database: &Path, name: &str) -> Result<Known, FeedError> {
    let database = match Database::open(database) {
        Err(DatabaseError::Missing(_)) => return Ok(Known::default()),
        other => other?,
    };
    let mut known = Known::default();
    let mut names = String::new();
    for (info, segment) in database.status().segments.iter().filter_map(|info| {
        let mine = ecosystem::base(&info.name) == name;
        mine.then(|| Some((info, database.segment(&info.name)?))).flatten()
    }) {
        names.push_str(&format!("{} {}\n", info.name, info.digest));
        if segment.ecosystem().is_none() {
            continue;
        }
        let corrupt = |source| DatabaseError::Corrupt { segment: info.name.clone(), source };
        for record in 0..segment.meta().records {
            let head = segment.head(record).map_err(corrupt)?;
            let modified = head.modified.unwrap_or(i64::MIN);
            let newest = known.records.entry(head.id.to_owned()).or_insert(modified);
            *newest = modified.max(*newest);
            known.newest = modified.max(known.newest);
        }
    }
    known.segments = (!names.is_empty()).then(|| Digest::sha256(names.as_bytes()));
    Ok(known)
}

fn id_of(record: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: String,
    }
    serde_json::from_slice::<Id>(record).ok().map(|record| record.id)
}

fn is_catalog(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Catalog {
        #[serde(rename = "catalogVersion")]
        version: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Catalog>(bytes).is_ok_and(|catalog| catalog.version.is_some())
}

/// Undoes gzip, if it is that.
fn inflated(bytes: &Bytes, from: &str) -> Result<Bytes, FeedError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.clone());
    }
    let mut out = Vec::new();
    let read =
        flate2::read::MultiGzDecoder::new(&bytes[..]).take(TABLE_BYTES + 1).read_to_end(&mut out);
    read.map_err(|source| SourceError::Io { what: format!("`{from}`"), source })?;
    if out.len() as u64 > TABLE_BYTES {
        return Err(SourceError::TooLarge { what: format!("`{from}`"), limit: TABLE_BYTES }.into());
    }
    Ok(out.into())
}

fn segment_name(feed: Feed) -> &'static str {
    match feed {
        Feed::Kev => db::intel::KEV,
        Feed::Epss => db::intel::EPSS,
        Feed::Ecosystem(name) => name,
    }
}

/// Puts two reports together.
fn merged(mut first: Report, second: Report) -> Report {
    first.read += second.read;
    first.unmatched += second.unmatched;
    first.problem_count += second.problem_count;
    first.problems.extend(second.problems);
    let changed: BTreeSet<String> = first.changed.into_iter().chain(second.changed).collect();
    first.changed = changed.into_iter().collect();
    first.gone.extend(second.gone);
    first
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FeedError> + Send + 'static,
) -> Result<T, FeedError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        let (what, detail) = ("the database".into(), "the program is shutting down".into());
        Err(SourceError::Unreachable { what, detail }.into())
    })
}
