//! Measures the database and matching: `cargo run --release -p hullmark-advisory --example advisory_bench -- FEEDS`.
//!
//! FEEDS is a folder of `<Ecosystem>/all.zip`. Prints compile time and size, opening, matching 1,000 packages, and
//! re-judging 10,000 inventories on a change of 1,000 names.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hullmark_advisory::compile;
use hullmark_advisory::db::Segment;
use hullmark_advisory::index::Index;
use hullmark_advisory::matching::{Options, References, find};
use hullmark_advisory::{Database, ecosystem};
use hullmark_inventory::{Inventory, OsRelease, Package, PackageKind};
use hullmark_oci::{FilePath, Limits};
use jiff::Timestamp;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(std::env::args().nth(1).map(PathBuf::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing sensible is left to do when stderr is closed.
            let _closed = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(feeds: Option<PathBuf>) -> Result<()> {
    let feeds = feeds.ok_or("usage: advisory_bench FEEDS")?;
    let mut out = io::stdout().lock();
    let dir = std::env::temp_dir().join(format!("advisory-bench-{}", std::process::id()));
    let at: Timestamp = "2026-11-21T00:00:00Z".parse()?;
    let mut zips: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(feeds)? {
        let zip = entry?.path().join("all.zip");
        zips.extend(zip.exists().then_some(zip));
    }
    zips.sort();
    let begin = Instant::now();
    let report = compile::import(&dir, &zips, at, &Limits::default())?;
    writeln!(out, "compile   {} records in {:?}", report.read, begin.elapsed())?;

    let db = Database::open(&dir)?;
    let bytes: u64 = db.status().segments.iter().map(|s| s.size).sum();
    let entries: u64 = db.segments().iter().map(|s| u64::from(s.meta().entries)).sum();
    writeln!(out, "size      {bytes} bytes, {} segments, {entries} entries", db.segments().len())?;
    writeln!(out, "open      {:?}", median(50, || Database::open(&dir).map(drop))?)?;
    let begin = Instant::now();
    db.verify()?;
    writeln!(out, "verify    {:?}", begin.elapsed())?;

    let inventory = thousand(&db)?;
    for references in [References::Include, References::Omit] {
        let options = Options { references, ..Options::default() };
        let found = find(&db, &inventory, &options)?.findings.len();
        let packages = inventory.packages.len();
        let time = median(20, || find(&db, &inventory, &options).map(drop))?;
        writeln!(
            out,
            "match     {packages} packages, {found} findings, references {references:?}: {time:?}"
        )?;
    }
    let cold = median(10, || {
        Database::open(&dir).and_then(|db| find(&db, &inventory, &Options::default())).map(drop)
    })?;
    writeln!(out, "open+match, pages unchecked: {cold:?}")?;

    rejudge(&db, &mut out)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// The middle one of several runs.
fn median<E>(
    runs: usize,
    mut run: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Duration, E> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begin = Instant::now();
        run()?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times[runs / 2])
}

fn names(segment: Option<&Segment>, every: usize) -> Result<Vec<String>> {
    let segment = segment.ok_or("a segment of the shared feeds is missing")?;
    (0..segment.names()).step_by(every).map(|at| Ok(segment.name(at)?.to_owned())).collect()
}

/// A package of a kind, of a version that is newer than most fixes; every tenth is old.
fn some(kind: PackageKind, name: &str, number: usize) -> Package {
    let version = if number.is_multiple_of(10) { "0.0.1-1" } else { "9999.0.0-1" };
    Package::new(kind, name, version, &FilePath::default())
}

/// A system of 400 debs with 300 Python, 200 npm and 100 Go packages, all of which have advisories.
fn thousand(db: &Database) -> Result<Inventory> {
    let mut packages = Vec::new();
    for (segment, kind, count) in [
        ("Debian:10", PackageKind::Deb, 400),
        ("PyPI", PackageKind::Python, 300),
        ("npm", PackageKind::Npm, 200),
        ("Go", PackageKind::Go, 100),
    ] {
        let names = names(db.segment(segment), 1)?;
        packages.extend((0..count).map(|at| some(kind, &names[at * 7 % names.len()], at)));
    }
    let os = OsRelease { id: "debian".into(), version_id: "10".into(), ..OsRelease::default() };
    Ok(Inventory { os: Some(os), packages, ..Inventory::default() })
}

/// 10,000 inventories of 200 packages from 60 bases and many applications, and 1,000 changed names.
fn rejudge(db: &Database, out: &mut impl Write) -> Result<()> {
    let debs = names(db.segment("Debian:10"), 1)?;
    let python = names(db.segment("PyPI"), 1)?;
    let mut index = Index::default();
    let begin = Instant::now();
    for number in 0..10_000_u32 {
        let n = number as usize;
        let mut packages = Vec::with_capacity(200);
        packages.extend(
            (0..120).map(|at| {
                some(PackageKind::Deb, &debs[(at * 3 + n % 60) % debs.len()], at + n % 60)
            }),
        );
        packages.extend((0..80).map(|at| {
            let mut package =
                some(PackageKind::Python, &python[(at * 11 + n * 13) % python.len()], at);
            package.version = format!("{}.{}.{}", n % 5, at % 7, n % 11);
            package
        }));
        let os = OsRelease { id: "debian".into(), version_id: "10".into(), ..OsRelease::default() };
        index.add(number, &Inventory { os: Some(os), packages, ..Inventory::default() });
    }
    writeln!(out, "index     10000 inventories of 200 packages in {:?}", begin.elapsed())?;
    let changed: BTreeSet<(String, String)> = debs
        .iter()
        .take(300)
        .map(|name| ("Debian".to_owned(), name.clone()))
        .chain(
            python
                .iter()
                .take(700)
                .map(|name| ("PyPI".to_owned(), ecosystem::normalize("PyPI", name))),
        )
        .collect();
    let options = Options::default();
    let nothing = Database::empty();
    for (what, old) in [("no change", db), ("everything new", &nothing)] {
        let begin = Instant::now();
        let events = index.rejudge(old, db, &changed, &options)?.len();
        writeln!(
            out,
            "rejudge   {} names, {what}: {events} events in {:?}",
            changed.len(),
            begin.elapsed()
        )?;
    }
    Ok(())
}
