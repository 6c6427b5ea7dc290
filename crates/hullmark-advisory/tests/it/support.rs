//! Databases and inventories for tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use hullmark_advisory::Database;
use hullmark_advisory::compile::{self, Report, Update};
use hullmark_inventory::{Inventory, OsRelease, Package, PackageKind, SourcePackage};
use hullmark_oci::{FilePath, Limits};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

/// The day on which test databases are written.
pub(crate) fn day() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().expect("a date")
}

/// Imports files and folders into a new database.
pub(crate) fn import(paths: &[PathBuf]) -> (TempDir, Report) {
    let dir = tempfile::tempdir().expect("a folder");
    let report = compile::import(dir.path(), paths, day(), &Limits::default()).expect("imports");
    (dir, report)
}

/// A database of single records.
pub(crate) fn database_of(records: &[Value]) -> Database {
    let dir = tempfile::tempdir().expect("a folder");
    let mut update = Update::begin(dir.path(), &Limits::default()).expect("begins");
    for record in records {
        update.record(record.to_string().as_bytes(), "test").expect("adds");
    }
    let report = update.commit(day()).expect("commits");
    assert_eq!(report.problems, [], "records of the test itself are fine");
    Database::open(dir.path()).expect("opens")
}

/// All of the shared feeds, compiled once for all tests of this process.
pub(crate) fn all_feeds() -> Option<&'static Path> {
    static DIR: OnceLock<Option<(TempDir, Report)>> = OnceLock::new();
    DIR.get_or_init(|| {
        let feeds = hullmark_testkit::shared_data("feeds")?;
        let mut paths: Vec<PathBuf> = std::fs::read_dir(feeds)
            .expect("lists")
            .map(|entry| entry.expect("an entry").path().join("all.zip"))
            .filter(|path| path.exists())
            .collect();
        paths.sort();
        Some(import(&paths))
    })
    .as_ref()
    .map(|(dir, _)| dir.path())
}

pub(crate) fn package(kind: PackageKind, name: &str, version: &str) -> Package {
    Package::new(kind, name, version, &FilePath::from_raw(b"some/where"))
}

pub(crate) fn with_source(mut package: Package, name: &str, version: Option<&str>) -> Package {
    package.source = Some(SourcePackage { name: name.into(), version: version.map(Into::into) });
    package
}

pub(crate) fn os(id: &str, version: &str) -> OsRelease {
    OsRelease { id: id.into(), version_id: version.into(), ..OsRelease::default() }
}

pub(crate) fn inventory(os: Option<OsRelease>, packages: Vec<Package>) -> Inventory {
    Inventory { os, packages, ..Inventory::default() }
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("reads")).expect("is JSON")
}
