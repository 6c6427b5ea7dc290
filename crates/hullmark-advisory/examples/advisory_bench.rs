//! Measures the database and matching: `cargo run --release -p hullmark-advisory --example advisory_bench -- FEEDS`.
//!
//! FEEDS is a folder of `<Ecosystem>/all.zip`. Prints compile time and size, opening, matching 1,000 packages, and
//! re-judging 10,000 inventories on a change of 1,000 names.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use hullmark_advisory::Database;
use hullmark_advisory::compile::{self, Update};
use hullmark_advisory::db::Segment;
use hullmark_advisory::index::{Index, changes};
use hullmark_advisory::matching::{Options, References, find};
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
    writeln!(out, "open      {}", median(200, || Database::open(&dir).map(drop))?)?;
    let begin = Instant::now();
    db.verify()?;
    writeln!(out, "verify    {:?}", begin.elapsed())?;

    let dense = thousand(&db)?;
    let usual = usual(&db, &dense)?;
    for (inventory, references) in
        [(&usual, References::Include), (&dense, References::Include), (&dense, References::Omit)]
    {
        let options = Options { references, ..Options::default() };
        let found = find(&db, inventory, &options)?.findings.len();
        let packages = inventory.packages.len();
        let time = median(200, || find(&db, inventory, &options).map(drop))?;
        writeln!(
            out,
            "match     {packages} packages, {found} findings, references {references:?}: {time}"
        )?;
    }
    let cold = median(50, || {
        Database::open(&dir).and_then(|db| find(&db, &usual, &Options::default())).map(drop)
    })?;
    writeln!(out, "open+match, pages unchecked: {cold}")?;

    rejudge(&db, &dir, &mut out)?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// The middle and the best of several runs: on a busy machine the best is nearer to what the code costs.
fn median<E>(
    runs: usize,
    mut run: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<String, E> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begin = Instant::now();
        run()?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(format!("{:?} (best {:?})", times[runs / 2], times[0]))
}

fn names(segment: Option<&Segment>) -> Result<Vec<String>> {
    let segment = segment.ok_or("a segment of the shared feeds is missing")?;
    (0..segment.names()).map(|at| Ok(segment.name(at)?.to_owned())).collect()
}

/// A package of a kind, of a version that is newer than most fixes; every tenth is old.
fn some(kind: PackageKind, name: &str, number: usize) -> Package {
    let version = if number.is_multiple_of(10) { "0.0.1-1" } else { "9999.0.0-1" };
    Package::new(kind, name, version, &FilePath::default())
}

/// A system of 400 debs with 300 Python, 200 npm and 100 Go packages. All have advisories, and one of ten is outdated: far
/// more to find than in any image.
fn thousand(db: &Database) -> Result<Inventory> {
    let mut packages = Vec::new();
    for (segment, kind, count) in [
        ("Debian:10", PackageKind::Deb, 400),
        ("PyPI", PackageKind::Python, 300),
        ("npm", PackageKind::Npm, 200),
        ("Go", PackageKind::Go, 100),
    ] {
        let names = names(db.segment(segment))?;
        packages.extend((0..count).map(|at| some(kind, &names[at * 7 % names.len()], at)));
    }
    let os = OsRelease { id: "debian".into(), version_id: "10".into(), ..OsRelease::default() };
    Ok(Inventory { os: Some(os), packages, ..Inventory::default() })
}

/// Closer to an image: 50 packages with findings, 450 with advisories about other versions only, the rest without any.
fn usual(db: &Database, dense: &Inventory) -> Result<Inventory> {
    let findings = find(db, dense, &Options::default())?.findings;
    let hit: BTreeSet<usize> = findings.iter().map(|f| f.package).collect();
    let (hits, others): (Vec<_>, Vec<_>) =
        dense.packages.iter().enumerate().partition(|(at, _)| hit.contains(at));
    let chosen = hits.into_iter().take(50).chain(others.into_iter().take(450));
    let mut packages: Vec<Package> = chosen.map(|(_, package)| package.clone()).collect();
    let missing = 1000 - packages.len();
    packages.extend((0..missing).map(|at| some(PackageKind::Deb, &format!("nobody-{at}"), 1)));
    Ok(Inventory { os: dense.os.clone(), packages, ..Inventory::default() })
}

/// 10,000 inventories of 200 packages from 60 bases and many applications, and 1,000 changed names.
fn rejudge(db: &Database, dir: &Path, out: &mut impl Write) -> Result<()> {
    let debs = names(db.segment("Debian:10"))?;
    let python = names(db.segment("PyPI"))?;
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
        // Twenty versions of each Python package are in use.
        packages.extend((0..80).map(|at| {
            let name = (at * 11 + n * 13) % python.len();
            let mut package = some(PackageKind::Python, &python[name], at);
            package.version = format!("{}.{}", (n + at) % 5, name % 4 + n % 4);
            package
        }));
        let os = OsRelease { id: "debian".into(), version_id: "10".into(), ..OsRelease::default() };
        index.add(number, &Inventory { os: Some(os), packages, ..Inventory::default() });
    }
    writeln!(out, "index     10000 inventories of 200 packages in {:?}", begin.elapsed())?;

    // One new advisory for each of 1,000 names; it concerns the older of the versions in use.
    let mut update = Update::begin(dir, &Limits::default())?;
    let deb_names = debs.iter().map(|name| ("Debian:10", name, "1.0-1"));
    let python_names = python.iter().map(|name| ("PyPI", name, "2.0"));
    for (at, (ecosystem, name, fixed)) in
        deb_names.take(300).chain(python_names.take(700)).enumerate()
    {
        let record = format!(
            r#"{{"id":"NEW-{at}","modified":"2026-11-20T00:00:00Z","affected":[{{"package":{{"ecosystem":"{ecosystem}",
            "name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
        );
        update.record(record.as_bytes(), "bench")?;
    }
    let begin = Instant::now();
    update.commit("2026-11-22T00:00:00Z".parse()?)?;
    writeln!(out, "update    1000 records in {:?}", begin.elapsed())?;
    let new = Database::open(dir)?;
    let begin = Instant::now();
    let changed = changes(db, &new)?;
    writeln!(out, "changes   {} names in {:?}", changed.len(), begin.elapsed())?;
    let begin = Instant::now();
    let events = index.rejudge(db, &new, &changed, &Options::default())?.len();
    writeln!(out, "rejudge   {} names: {events} events in {:?}", changed.len(), begin.elapsed())?;
    Ok(())
}
