//! From a change of the database to changed findings, without touching an image.
//!
//! [`Index`] turns inventories inside out: for every name that a segment can be asked about, which packages have it, and in
//! which inventories those are. Packages that advisories cannot tell apart are kept, and judged, once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hullmark_inventory::{Inventory, OsRelease, Package};
use hullmark_oci::FilePath;

use crate::db::segment::{Entry, Head};
use crate::db::{Corrupt, Database, DatabaseError, Segment};
use crate::ecosystem;
use crate::finding::{Finding, Fix, Severity, Status};
use crate::matching::{self, Differing, Options, References};
use crate::osv::Record;

/// What advisories can tell apart of a package: its kind, names and versions, vendor, module, and the system it is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    os: Option<u32>,
    package: Package,
}

/// Packages of many inventories, by the names that advisories use.
#[derive(Debug, Default)]
pub struct Index {
    systems: Vec<OsRelease>,
    system_numbers: HashMap<OsRelease, u32>,
    subjects: Vec<Subject>,
    subject_numbers: BTreeMap<Subject, u32>,
    /// Where each subject is.
    postings: Vec<Vec<Posting>>,
    /// Subjects by ecosystem and normalised name.
    names: BTreeMap<(String, String), Vec<u32>>,
}

/// A package in an inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Posting {
    /// The number under which the inventory was added.
    pub inventory: u32,
    /// Index of the package in it.
    pub package: u32,
}

/// A changed finding.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingEvent {
    /// In which inventory, and of which package of it.
    pub posting: Posting,
    /// What changed.
    pub change: Change,
}

/// How a finding changed. Findings are shared between the packages that they are about; their index is 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is new.
    New(std::sync::Arc<Finding>),
    /// It is gone.
    Gone(std::sync::Arc<Finding>),
    /// Its status, fix, severity or known exploitation changed.
    Changed(std::sync::Arc<Finding>),
}

impl Index {
    /// Adds an inventory under a number of the caller's.
    pub fn add(&mut self, number: u32, inventory: &Inventory) {
        let os = inventory.os.as_ref().map(|os| self.system(os));
        let feed = inventory.os.as_ref().and_then(ecosystem::of_os);
        let os_base = feed.as_ref().and_then(ecosystem::OsFeed::ecosystem);
        for (at, package) in inventory.packages.iter().enumerate() {
            let Ok(at) = u32::try_from(at) else { break };
            let names: Vec<(String, String)> = if package.kind.is_os() {
                let Some(ecosystem) = os_base else { continue };
                let name = match ecosystem.name {
                    crate::finding::NameUsed::Package => &package.name,
                    _ => package.source_name(),
                };
                vec![(ecosystem.base.into(), name.into())]
            } else {
                let Some(query) = ecosystem::language_query(package) else { continue };
                query.names.into_iter().map(|name| (query.segment.into(), name)).collect()
            };
            let os = os.filter(|_| package.kind.is_os());
            let subject = self.subject(Subject { os, package: essentials(package) }, names);
            self.postings[subject as usize].push(Posting { inventory: number, package: at });
        }
    }

    /// Returns where packages are that an ecosystem's advisories file under a name.
    pub fn postings(&self, ecosystem: &str, name: &str) -> Vec<Posting> {
        let base = ecosystem::base(ecosystem);
        let key = (base.to_owned(), ecosystem::normalize(base, name));
        let subjects = self.names.get(&key).into_iter().flatten();
        subjects.flat_map(|s| self.postings[*s as usize].iter().copied()).collect()
    }

    /// Returns an inventory of subjects of one system.
    fn inventory(&self, os: Option<u32>, numbers: &[u32]) -> Inventory {
        let packages = numbers.iter().map(|n| self.subjects[*n as usize].package.clone());
        Inventory {
            os: os.and_then(|os| self.systems.get(os as usize).cloned()),
            packages: packages.collect(),
            ..Inventory::default()
        }
    }

    fn system(&mut self, os: &OsRelease) -> u32 {
        let next = u32::try_from(self.systems.len()).unwrap_or(u32::MAX);
        let number = *self.system_numbers.entry(os.clone()).or_insert(next);
        if number == next {
            self.systems.push(os.clone());
        }
        number
    }

    fn subject(&mut self, subject: Subject, names: Vec<(String, String)>) -> u32 {
        if let Some(&number) = self.subject_numbers.get(&subject) {
            return number;
        }
        let number = u32::try_from(self.subjects.len()).unwrap_or(u32::MAX);
        self.subjects.push(subject.clone());
        self.subject_numbers.insert(subject, number);
        self.postings.push(Vec::new());
        for name in names {
            self.names.entry(name).or_default().push(number);
        }
        number
    }

    /// Judges again what a change of the database may have changed, and returns what did, by inventory.
    ///
    /// `changed` holds names by ecosystem, as [`changes`] returns them. Whether a package's owner covers a finding is not
    /// looked at here: a consumer judges an inventory with an event anew.
    ///
    /// # Errors
    /// If a segment is not intact.
    pub fn rejudge(
        &self,
        old: &Database,
        new: &Database,
        changed: &BTreeSet<(String, String)>,
        options: &Options,
    ) -> Result<Vec<FindingEvent>, DatabaseError> {
        let subjects: BTreeSet<u32> =
            changed.iter().filter_map(|key| self.names.get(key)).flatten().copied().collect();
        let options = Options { references: References::Omit, ..options.clone() };
        let differing = [differing(old, new, changed)?, differing(new, old, changed)?];
        // Subjects of one system are judged together: what a system's feed is, is then looked up once.
        let mut by_system: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        for number in subjects {
            by_system.entry(self.subjects[number as usize].os).or_default().push(number);
        }
        let mut events = Vec::new();
        for (os, numbers) in by_system {
            let mut numbers = numbers;
            let mut inventory = self.inventory(os, &numbers);
            // Most packages are of versions that the changed records do not speak of, before and after.
            let before = matching::touched(old, &inventory, &options, &differing[0])?;
            let after = matching::touched(new, &inventory, &options, &differing[1])?;
            let mut touched = before.iter().zip(&after).map(|(before, after)| *before || *after);
            numbers.retain(|_| touched.next().unwrap_or(true));
            if numbers.len() < inventory.packages.len() {
                inventory = self.inventory(os, &numbers);
            }
            let before = by_package(matching::find(old, &inventory, &options)?.findings);
            let after = by_package(matching::find(new, &inventory, &options)?.findings);
            for (at, number) in numbers.iter().enumerate() {
                let none = BTreeMap::new();
                let (before, after) =
                    (before.get(&at).unwrap_or(&none), after.get(&at).unwrap_or(&none));
                for change in differences(before, after) {
                    let postings = self.postings[*number as usize].iter();
                    events.extend(
                        postings.map(|p| FindingEvent { posting: *p, change: change.clone() }),
                    );
                }
            }
        }
        events.sort_by(|a, b| {
            a.posting.cmp(&b.posting).then_with(|| id(&a.change).cmp(id(&b.change)))
        });
        Ok(events)
    }
}

/// Returns the records of changed names that `db` has and `other` has not, or has otherwise.
fn differing(
    db: &Database,
    other: &Database,
    changed: &BTreeSet<(String, String)>,
) -> Result<Differing, DatabaseError> {
    let mut differing = Differing::new();
    for segment in db.segments() {
        let meta = segment.meta();
        let digest = |db: &Database| db.info(&meta.name).map(|info| info.digest.clone());
        if digest(db) == digest(other) {
            continue;
        }
        let base = ecosystem::base(&meta.name);
        let error = DatabaseError::corrupt(&meta.name);
        let from = (base.to_owned(), String::new());
        for (_, name) in changed.range(from..).take_while(|(ecosystem, _)| ecosystem == base) {
            let records =
                differing_records(segment, other.segment(&meta.name), name).map_err(&error)?;
            if !records.is_empty() {
                differing.insert((meta.name.clone(), name.clone()), records);
            }
        }
    }
    Ok(differing)
}

fn differing_records(
    segment: &Segment,
    other: Option<&Segment>,
    name: &str,
) -> Result<BTreeSet<u32>, Corrupt> {
    let entries = segment.entries(name)?;
    let mut theirs: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    let mut heads: BTreeMap<&str, Head<'_>> = BTreeMap::new();
    if let Some(other) = other {
        for entry in other.entries(name)? {
            let head = other.head(entry.record)?;
            theirs.entry(head.id).or_default().push(entry);
            heads.insert(head.id, head);
        }
    }
    let mut records = BTreeSet::new();
    for ours in entries.chunk_by(|a, b| a.record == b.record) {
        let head = segment.head(ours[0].record)?;
        let known = theirs.get(head.id).map_or(&[][..], Vec::as_slice);
        let same = heads.get(head.id).is_some_and(|theirs| theirs.says_the_same(&head))
            && known.len() == ours.len()
            && known.iter().zip(ours).all(|(a, b)| a.says_the_same(b));
        if !same {
            records.insert(ours[0].record);
        }
    }
    Ok(records)
}

/// Returns the package without what no advisory looks at.
fn essentials(package: &Package) -> Package {
    let mut essential =
        Package::new(package.kind, &package.name, &package.version, &FilePath::default());
    essential.source.clone_from(&package.source);
    essential.vendor.clone_from(&package.vendor);
    essential.module.clone_from(&package.module);
    essential
}

type Findings = BTreeMap<String, std::sync::Arc<Finding>>;

fn by_package(findings: Vec<Finding>) -> BTreeMap<usize, Findings> {
    let mut packages: BTreeMap<usize, Findings> = BTreeMap::new();
    for mut finding in findings {
        let package = std::mem::take(&mut finding.package);
        let id = finding.id.clone();
        packages.entry(package).or_default().insert(id, std::sync::Arc::new(finding));
    }
    packages
}

fn differences(before: &Findings, after: &Findings) -> Vec<Change> {
    fn judged(finding: &Finding) -> (Status, &Fix, Severity, bool) {
        (finding.status, &finding.fix, finding.severity, finding.kev.is_some())
    }
    let mut changes = Vec::new();
    for (id, finding) in after {
        match before.get(id) {
            None => changes.push(Change::New(finding.clone())),
            Some(known) if judged(known) != judged(finding) => {
                changes.push(Change::Changed(finding.clone()));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
    changes.extend(gone.map(|(_, finding)| Change::Gone(finding.clone())));
    changes
}

fn id(change: &Change) -> &str {
    match change {
        Change::New(finding) | Change::Gone(finding) | Change::Changed(finding) => &finding.id,
    }
}

/// Returns the names whose records differ between two databases, by ecosystem.
///
/// # Errors
/// If a segment is not intact.
pub fn changes(
    old: &Database,
    new: &Database,
) -> Result<BTreeSet<(String, String)>, DatabaseError> {
    let mut changed = BTreeSet::new();
    let names: BTreeSet<&str> = old
        .status()
        .segments
        .iter()
        .chain(&new.status().segments)
        .map(|info| info.name.as_str())
        .collect();
    for name in names {
        let digest = |db: &Database| db.info(name).map(|info| info.digest.clone());
        if ecosystem::lookup(name).is_some() && digest(old) != digest(new) {
            segment_changes(old.segment(name), new.segment(name), &mut changed)
                .map_err(DatabaseError::corrupt(name))?;
        }
    }
    Ok(changed)
}

/// Walks both segments in the order of ids.
fn segment_changes(
    old: Option<&Segment>,
    new: Option<&Segment>,
    changed: &mut BTreeSet<(String, String)>,
) -> Result<(), Corrupt> {
    let mut note = |record: &Record| {
        for affected in &record.affected {
            let base = ecosystem::base(&affected.ecosystem);
            changed.insert((base.into(), ecosystem::normalize(base, &affected.name)));
        }
    };
    let mut old = old.into_iter().flat_map(Segment::records).peekable();
    let mut new = new.into_iter().flat_map(Segment::records).peekable();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(Ok(a)), Some(Ok(b))) => a.id.cmp(&b.id),
            // The damaged one is taken next, and ends this.
            (Some(Err(_)), _) => std::cmp::Ordering::Less,
            (_, Some(Err(_))) => std::cmp::Ordering::Greater,
        };
        let before = if order.is_le() { old.next().transpose()? } else { None };
        let after = if order.is_ge() { new.next().transpose()? } else { None };
        if before != after {
            before.iter().chain(&after).for_each(&mut note);
        }
    }
}
