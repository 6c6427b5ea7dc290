//! Matching: which advisories speak of which packages of an inventory.
//!
//! One finding is one package instance and one vulnerability. Advisories are compared one by one ([`judge`]), then merged by
//! what they speak of ([`cluster`]). Nothing is decided silently: a version that does not parse makes a finding
//! *undetermined*, and packages that no advisory could be asked about are gaps.

mod cluster;
mod judge;
mod origin;
mod subject;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hullmark_inventory::{Gap, GapReason, Inventory, OsRelease, Package};
use hullmark_oci::FilePath;
use jiff::Timestamp;

use crate::db::segment::{Entry, Head, Texts};
use crate::db::{Corrupt, Database, DatabaseError, Segment, SegmentInfo};
use crate::ecosystem::{self, OsFeed};
use crate::finding::{Finding, NameUsed, Status, SuppressedBy, Suppression};
use judge::Judged;
use subject::Subject;

/// How to match.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only advisories published by then, as if it were that day.
    pub at: Option<Timestamp>,
    /// Whether the system is attached to Ubuntu Pro, whose fixes it then receives.
    pub ubuntu_pro: UbuntuPro,
    /// Whether to read summaries' references, which are kept compressed.
    pub references: References,
}

/// Whether a system receives Ubuntu Pro's fixes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UbuntuPro {
    /// It does not, as far as is known.
    #[default]
    Detached,
    /// It does.
    Attached,
}

/// Whether findings carry references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// Yes.
    #[default]
    Include,
    /// No.
    Omit,
}

/// What matching found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matched {
    /// Open and undetermined findings, worst first, then by id and package.
    pub findings: Vec<Finding>,
    /// What could not be judged.
    pub gaps: Vec<Gap>,
    /// The segments that were asked, sorted by name.
    pub used: Vec<SegmentInfo>,
}

/// What to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// A vulnerability or an advisory record, by any of its ids.
    Id(&'a str),
    /// A package, by its own or its source's name.
    Package(&'a str),
}

/// Matches an inventory.
///
/// # Errors
/// If a segment is not intact.
pub fn find(
    db: &Database,
    inventory: &Inventory,
    options: &Options,
) -> Result<Matched, DatabaseError> {
    let matcher = Matcher::new(db, inventory, options);
    let mut matched = Matched { used: matcher.used(), ..Matched::default() };
    let mut unjudged = Unjudged::default();
    for (index, package) in inventory.packages.iter().enumerate() {
        let plan = matcher.plan(package);
        let asked = match plan {
            Plan::Ask(asked) => asked,
            Plan::Unjudged(why) => {
                unjudged.note(why, package);
                continue;
            }
        };
        let candidates = matcher.candidates(package, &asked, Keep::Hits)?;
        let mut findings = matcher.findings(index, &candidates)?;
        // What the vendor denies in words was needed to outweigh other records; it is no finding.
        findings.retain(|f| matches!(f.status, Status::Open | Status::Undetermined));
        matched.findings.append(&mut findings);
    }
    sort(&mut matched.findings);
    matched.gaps = unjudged.gaps();
    Ok(matched)
}

/// Returns everything that was compared for a vulnerability or a package: findings and non-findings, withdrawn records too.
///
/// # Errors
/// If a segment is not intact.
pub fn explain(
    db: &Database,
    inventory: &Inventory,
    query: Query<'_>,
    options: &Options,
) -> Result<Vec<Finding>, DatabaseError> {
    let matcher = Matcher::new(db, inventory, options);
    let mut findings = Vec::new();
    for (index, package) in inventory.packages.iter().enumerate() {
        if let Query::Package(name) = query
            && package.name != name
            && package.source_name() != name
        {
            continue;
        }
        let Plan::Ask(asked) = matcher.plan(package) else { continue };
        let candidates = matcher.candidates(package, &asked, Keep::Everything)?;
        findings.extend(matcher.findings(index, &candidates)?);
    }
    if let Query::Id(id) = query {
        findings.retain(|f| {
            f.id == id
                || f.aliases.iter().any(|alias| alias == id)
                || f.basis.iter().any(|basis| basis.record == id)
        });
    }
    sort(&mut findings);
    Ok(findings)
}

/// Records that differ between two databases, by segment and name.
pub(crate) type Differing = BTreeMap<(String, String), BTreeSet<u32>>;

/// Returns for each package whether one of these records has something to say about it.
///
/// # Errors
/// If a segment is not intact.
pub(crate) fn touched(
    db: &Database,
    inventory: &Inventory,
    options: &Options,
    differing: &Differing,
) -> Result<Vec<bool>, DatabaseError> {
    let matcher = Matcher::new(db, inventory, options);
    let packages = inventory.packages.iter();
    packages.map(|package| matcher.is_touched(package, differing)).collect()
}

/// Worst first, then by id, then by package.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (b.severity, &a.id, a.package, a.status).cmp(&(a.severity, &b.id, b.package, b.status))
    });
}

/// Which comparisons to keep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Those that make a finding.
    Hits,
    /// All, with tombstones of withdrawn records.
    Everything,
}

/// Why a package is not judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    UnknownOs(String),
    NoSegment(String),
    ThirdParty,
    OtherSystem(&'static str),
    NoFeed(&'static str),
}

enum Plan<'a> {
    Ask(Vec<Asked<'a>>),
    Unjudged(Why),
}

/// One question: a segment, and the name and version to ask it about.
struct Asked<'a> {
    segment: &'a Segment,
    subject: Subject,
    stream: Stream,
}

/// How binding a segment is for a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// It speaks of what the package's stream is or gets.
    Own,
    /// It speaks of fixes that this system does not get.
    Subscription,
}

/// One record that was compared with one package.
struct Candidate<'a> {
    segment: &'a Segment,
    head: Head<'a>,
    subject: &'a Subject,
    judged: Judged<'a>,
    stream: Stream,
}

struct Matcher<'a> {
    db: &'a Database,
    inventory: &'a Inventory,
    options: &'a Options,
    feed: Option<OsFeed>,
    os_segments: Vec<&'a Segment>,
    at: Option<i64>,
    texts: RefCell<BTreeMap<&'a str, Texts<'a>>>,
}

impl<'a> Matcher<'a> {
    fn new(db: &'a Database, inventory: &'a Inventory, options: &'a Options) -> Self {
        let feed = inventory.os.as_ref().and_then(ecosystem::of_os);
        let os_segments = match &feed {
            Some(feed) => db.segments().iter().filter(|s| feed.holds(&s.meta().name)).collect(),
            None => Vec::new(),
        };
        let at = options.at.map(Timestamp::as_millisecond);
        Self { db, inventory, options, feed, os_segments, at, texts: RefCell::default() }
    }

    /// Returns the segments that this inventory's packages are judged by.
    fn used(&self) -> Vec<SegmentInfo> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        if self.inventory.packages.iter().any(|p| p.kind.is_os()) {
            names.extend(self.os_segments.iter().map(|s| s.meta().name.as_str()));
        }
        for package in &self.inventory.packages {
            if let Some(query) = ecosystem::language_query(package) {
                names.insert(query.segment);
            }
        }
        names.into_iter().filter_map(|name| self.db.info(name)).cloned().collect()
    }

    fn plan(&self, package: &Package) -> Plan<'a> {
        if package.kind.is_os() { self.plan_os(package) } else { self.plan_language(package) }
    }

    fn plan_os(&self, package: &Package) -> Plan<'a> {
        let Some(os) = &self.inventory.os else {
            return Plan::Unjudged(Why::UnknownOs(String::new()));
        };
        let Some(ecosystem) = self.feed.as_ref().and_then(OsFeed::ecosystem) else {
            return Plan::Unjudged(Why::UnknownOs(shown_os(os)));
        };
        if !subject::same_system(package.kind, ecosystem.scheme) {
            return Plan::Unjudged(Why::OtherSystem(package.kind.as_str()));
        }
        if self.os_segments.is_empty() {
            let wanted = self.feed.as_ref().and_then(|f| f.segments.first().cloned());
            return Plan::Unjudged(Why::NoSegment(wanted.unwrap_or_default()));
        }
        if origin::is_third_party(os, package) {
            return Plan::Unjudged(Why::ThirdParty);
        }
        let segments = self.os_segments.iter().filter_map(|segment| {
            let stream = origin::stream(&segment.meta().name, package, self.options.ubuntu_pro)?;
            let subject = Subject::of_os(package, ecosystem);
            Some(Asked { segment, subject, stream })
        });
        let mut asked: Vec<Asked<'a>> = segments.collect();
        asked.sort_by_key(|a| a.stream == Stream::Subscription);
        Plan::Ask(asked)
    }

    fn plan_language(&self, package: &Package) -> Plan<'a> {
        let Some(query) = ecosystem::language_query(package) else {
            return Plan::Unjudged(Why::NoFeed(package.kind.as_str()));
        };
        let Some(segment) = self.db.segment(query.segment) else {
            return Plan::Unjudged(Why::NoSegment(query.segment.into()));
        };
        let subjects = query.names.into_iter().map(|name| Subject {
            name,
            by: NameUsed::Package,
            version: query.version.clone(),
            epoch: subject::Epoch::Known,
        });
        let ask = |subject| Asked { segment, subject, stream: Stream::Own };
        Plan::Ask(subjects.map(ask).collect())
    }

    fn is_touched(&self, package: &Package, differing: &Differing) -> Result<bool, DatabaseError> {
        let Plan::Ask(asked) = self.plan(package) else { return Ok(false) };
        for question in &asked {
            let segment = question.segment;
            let key = (segment.meta().name.clone(), question.subject.name.clone());
            let Some(numbers) = differing.get(&key) else { continue };
            let error = DatabaseError::corrupt(&segment.meta().name);
            let entries = segment.entries(&question.subject.name).map_err(&error)?;
            let compared = question.subject.compared(segment);
            for entries in entries.chunk_by(|a, b| a.record == b.record) {
                if !numbers.contains(&entries[0].record)
                    || compared.is_clear_of(entries).map_err(&error)?
                {
                    continue;
                }
                let os = self.inventory.os.as_ref();
                let judged = judge::record(package, &compared, entries, os).map_err(&error)?;
                if judged.is_some_and(|judged| judged.counts()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn candidates<'b>(
        &self,
        package: &Package,
        asked: &'b [Asked<'a>],
        keep: Keep,
    ) -> Result<Vec<Candidate<'b>>, DatabaseError>
    where
        'a: 'b,
    {
        let mut candidates: Vec<Candidate<'b>> = Vec::new();
        // What the package's own stream speaks of, whatever it says: a subscription's record adds nothing to that.
        let mut spoken_of: BTreeSet<&'b str> = BTreeSet::new();
        for question in asked {
            let mut found = self
                .ask(package, question, keep, &mut spoken_of)
                .map_err(DatabaseError::corrupt(&question.segment.meta().name))?;
            candidates.append(&mut found);
        }
        Ok(candidates)
    }

    fn ask<'b>(
        &self,
        package: &Package,
        asked: &'b Asked<'a>,
        keep: Keep,
        spoken_of: &mut BTreeSet<&'b str>,
    ) -> Result<Vec<Candidate<'b>>, Corrupt> {
        let segment: &'b Segment = asked.segment;
        let entries = segment.entries(&asked.subject.name)?;
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let compared = asked.subject.compared(segment);
        let several_streams = asked.segment.meta().name.starts_with("Ubuntu:");
        let mut found = Vec::new();
        for entries in entries.chunk_by(|a, b| a.record == b.record) {
            if keep == Keep::Hits && !several_streams && compared.is_clear_of(entries)? {
                continue;
            }
            let Some(judged) =
                judge::record(package, &compared, entries, self.inventory.os.as_ref())?
            else {
                continue;
            };
            let counts = judged.counts();
            if keep == Keep::Hits && !counts && !several_streams {
                continue;
            }
            let head: Head<'b> = segment.head(entries[0].record)?;
            if !head.security || self.at.is_some_and(|at| head.published.is_some_and(|p| p > at)) {
                continue;
            }
            if head.withdrawn.is_some_and(|w| self.at.is_none_or(|at| w <= at)) {
                if keep == Keep::Everything {
                    let judged = judged.withdrawn();
                    found.push(Candidate {
                        segment,
                        head,
                        subject: &asked.subject,
                        judged,
                        stream: asked.stream,
                    });
                }
                continue;
            }
            if several_streams {
                let ids = head.vulnerabilities.iter().copied().chain([head.id]);
                match asked.stream {
                    Stream::Own => spoken_of.extend(ids),
                    Stream::Subscription if ids.into_iter().any(|id| spoken_of.contains(id)) => {
                        continue;
                    }
                    Stream::Subscription => {}
                }
            }
            if keep == Keep::Hits && !counts {
                continue;
            }
            found.push(Candidate {
                segment,
                head,
                subject: &asked.subject,
                judged,
                stream: asked.stream,
            });
        }
        Ok(found)
    }

    /// Merges what was compared for one package into findings.
    fn findings(
        &self,
        index: usize,
        candidates: &[Candidate<'_>],
    ) -> Result<Vec<Finding>, DatabaseError> {
        let mut findings = Vec::new();
        for group in cluster::group(candidates) {
            let (mut finding, best) = cluster::finding(index, &group);
            if let Some(best) = best.filter(|_| self.options.references == References::Include) {
                finding.references = self.references(best)?;
            }
            self.add_intel(&mut finding)?;
            finding.suppressed = self.covered_by_owner(index, &finding)?;
            findings.push(finding);
        }
        Ok(findings)
    }

    fn references(&self, candidate: &Candidate<'_>) -> Result<Vec<String>, DatabaseError> {
        let name = candidate.segment.meta().name.as_str();
        let Some(segment) = self.db.segment(name) else { return Ok(Vec::new()) };
        let mut texts = self.texts.borrow_mut();
        let texts =
            texts.entry(segment.meta().name.as_str()).or_insert_with(|| Texts::new(segment));
        texts.references(&candidate.head).map_err(DatabaseError::corrupt(name))
    }

    fn add_intel(&self, finding: &mut Finding) -> Result<(), DatabaseError> {
        let known = self.db.intel();
        for id in std::iter::once(&finding.id).chain(&finding.aliases) {
            if id.starts_with("CVE-") {
                finding.kev = finding.kev.take().or(known.kev(id)?);
                finding.epss = finding.epss.or(known.epss(id)?);
            }
        }
        Ok(())
    }

    /// Returns why a language package's finding does not count: the package is part of an operating-system package, and that
    /// distribution's advisories speak of the vulnerability in it, whatever they say.
    fn covered_by_owner(
        &self,
        index: usize,
        finding: &Finding,
    ) -> Result<Option<Suppression>, DatabaseError> {
        let package = &self.inventory.packages[index];
        let Some(owner) = package.owned_by.as_ref().filter(|_| !package.kind.is_os()) else {
            return Ok(None);
        };
        let owning =
            self.inventory.packages.iter().find(|p| {
                p.kind == owner.kind && p.name == owner.name && p.version == owner.version
            });
        let Some(owning) = owning else { return Ok(None) };
        let Plan::Ask(asked) = self.plan_os(owning) else { return Ok(None) };
        for question in &asked {
            let segment = question.segment;
            let error = DatabaseError::corrupt(&segment.meta().name);
            let entries = segment.entries(&question.subject.name).map_err(&error)?;
            let spoken: BTreeSet<u32> =
                entries.iter().map(|entry: &Entry<'_>| entry.record).collect();
            for id in std::iter::once(&finding.id).chain(&finding.aliases) {
                for record in segment.records_of(id).map_err(&error)? {
                    let head = segment.head(record).map_err(&error)?;
                    if spoken.contains(&record) && head.withdrawn.is_none() && head.security {
                        return Ok(Some(owner_covers(owning, head.id, &segment.meta().name)));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn owner_covers(owner: &Package, record: &str, segment: &str) -> Suppression {
    Suppression {
        by: SuppressedBy::Owner,
        source: format!("{segment}: {record}"),
        reason: format!(
            "part of the {} package `{}`, which its distribution's advisories judge",
            owner.kind.as_str(),
            owner.name
        ),
        expires: None,
    }
}

fn shown_os(os: &OsRelease) -> String {
    if os.version_id.is_empty() { os.id.clone() } else { format!("{} {}", os.id, os.version_id) }
}

/// Packages that were not judged, by reason.
#[derive(Default)]
struct Unjudged(BTreeMap<Why, Vec<String>>);

impl Unjudged {
    fn note(&mut self, why: Why, package: &Package) {
        self.0.entry(why).or_default().push(package.name.clone());
    }

    fn gaps(self) -> Vec<Gap> {
        const SHOWN: usize = 5;
        let mut gaps: Vec<Gap> = Vec::new();
        for (why, mut names) in self.0 {
            names.sort();
            names.dedup();
            let count = names.len();
            let mut list = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
            if count > SHOWN {
                list.push_str(", …");
            }
            let (reason, text) = match why {
                Why::UnknownOs(os) if os.is_empty() => {
                    (GapReason::UnknownOs, "the operating system is not known".to_owned())
                }
                Why::UnknownOs(os) => {
                    (GapReason::UnknownOs, format!("no advisories are published for `{os}`"))
                }
                Why::NoSegment(name) => {
                    (GapReason::NoAdvisories, format!("no advisories are loaded for `{name}`"))
                }
                Why::ThirdParty => (
                    GapReason::NoAdvisories,
                    "not from the distribution, so its advisories do not speak of them".to_owned(),
                ),
                Why::OtherSystem(kind) => (
                    GapReason::NoAdvisories,
                    format!("{kind} packages on a distribution of another package system"),
                ),
                Why::NoFeed(kind) => (
                    GapReason::NoAdvisories,
                    format!("nobody publishes advisories for packages of kind `{kind}`"),
                ),
            };
            let detail = format!("{text}: {count} packages not judged ({list})");
            gaps.push(Gap { path: FilePath::default(), layer: None, reason, detail });
        }
        gaps.sort();
        gaps
    }
}
