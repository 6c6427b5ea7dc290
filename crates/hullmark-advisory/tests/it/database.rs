//! The database on disk.

use hullmark_advisory::Database;

use crate::support::{all_feeds, import};

#[test]
fn every_record_of_the_shared_feeds_compiles() {
    let Some(dir) = all_feeds() else { return };
    let db = Database::open(dir).expect("opens");
    db.verify().expect("is intact");
    let count = |base: &str| -> u64 {
        let segments = &db.status().segments;
        segments.iter().filter(|s| s.name == base).map(|s| s.records).sum()
    };
    for (name, records) in [
        ("Go", 4291),
        ("PyPI", 2661),
        ("crates.io", 1206),
        ("Bitnami", 7444),
        ("npm", 461),
        ("Packagist", 771),
        ("RubyGems", 954),
    ] {
        assert_eq!(count(name), records, "{name}");
    }
}

#[test]
fn samples_compile() {
    let Some(samples) = hullmark_testkit::shared_data("feeds/samples") else { return };
    let (_dir, report) = import(&[samples]);
    assert_eq!(report.problem_count, 1, "only the index is no advisory: {:?}", report.problems);
    assert_eq!(report.read, 85);
}
