//! Records, one a line, through the whole update: segments are built, opened, walked, and asked for packages.
#![no_main]

use hullmark_advisory::compile::Update;
use hullmark_advisory::db::Database;
use hullmark_advisory::matching::{self, Options, Query};
use hullmark_advisory::osv::Record;
use hullmark_fuzz::limits;
use hullmark_inventory::{Inventory, OsRelease, Package, PackageKind};
use hullmark_oci::FilePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let records: Vec<Record> =
        data.split(|b| *b == b'\n').filter_map(|line| Record::parse(line).ok()).collect();
    if records.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut update = Update::begin(folder.path(), &limits()).expect("an update");
    for line in data.split(|b| *b == b'\n') {
        update.record(line, "fuzz").expect("a spool");
    }
    update.commit(jiff::Timestamp::UNIX_EPOCH).expect("a database");
    let db = Database::open(folder.path()).expect("a database");
    db.verify().expect("an intact database");
    let mut inventory = Inventory {
        os: Some(OsRelease {
            id: "debian".into(),
            version_id: "12".into(),
            ..OsRelease::default()
        }),
        ..Inventory::default()
    };
    for segment in db.segments() {
        segment.read_everything().expect("an intact segment");
    }
    for record in &records {
        let _ = db.search(&record.id).expect("a search");
        for affected in &record.affected {
            for version in affected.versions.iter().map(String::as_str).chain(["1.0"]) {
                for kind in [PackageKind::Deb, PackageKind::Npm, PackageKind::Python] {
                    inventory.packages.push(Package::new(
                        kind,
                        &affected.name,
                        version,
                        &FilePath::default(),
                    ));
                }
            }
        }
    }
    inventory.packages.truncate(200);
    inventory.packages.sort();
    let matched = matching::find(&db, &inventory, &Options::default()).expect("an intact database");
    for finding in &matched.findings {
        assert!(finding.package < inventory.packages.len());
    }
    matching::explain(&db, &inventory, Query::Id(&records[0].id), &Options::default())
        .expect("an intact database");
});
