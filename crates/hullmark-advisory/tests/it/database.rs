//! The database on disk: complete, deterministic, replaced atomically, and never believed when damaged.

use std::io::Write as _;
use std::path::PathBuf;

use hullmark_advisory::compile::{Update, UpdateError};
use hullmark_advisory::db::{Access, Corrupt, MANIFEST, Manifest, Segment};
use hullmark_advisory::{Database, DatabaseError};
use hullmark_oci::Limits;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{all_feeds, day, import};

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
    // Records of distributions are in several segments each; every one is in one at least.
    for (base, records) in [("AlmaLinux", 5637), ("Debian", 8911), ("Alpine", 2434)] {
        let mut ids = std::collections::BTreeSet::new();
        for segment in db.segments().iter().filter(|s| s.meta().name.starts_with(base)) {
            ids.extend(segment.records().map(|record| record.expect("is intact").id));
        }
        assert_eq!(ids.len(), records, "{base}");
    }
}

#[test]
fn samples_compile() {
    let Some(samples) = hullmark_testkit::shared_data("feeds/samples") else { return };
    let (_dir, report) = import(&[samples]);
    assert_eq!(report.problem_count, 1, "only the index is no advisory: {:?}", report.problems);
    assert_eq!(report.read, 85);
}

fn record(id: &str, modified: &str, ecosystem: &str, name: &str, fixed: &str) -> String {
    json!({"id": id, "modified": modified, "affected": [{"package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
    .to_string()
}

fn zip_of(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("starts");
        zip.write_all(content.as_bytes()).expect("writes");
    }
    zip.finish().expect("finishes").into_inner()
}

fn update(dir: &TempDir, change: impl FnOnce(&mut Update)) {
    let mut update = Update::begin(dir.path(), &Limits::default()).expect("begins");
    change(&mut update);
    update.commit(day()).expect("commits");
}

/// `segment: id fixed`, of every record.
fn content(dir: &TempDir) -> Vec<String> {
    let db = Database::open(dir.path()).expect("opens");
    db.verify().expect("is intact");
    let mut lines = Vec::new();
    for segment in db.segments() {
        for record in segment.records() {
            let record = record.expect("is intact");
            let fixed = record.affected[0].ranges[0].events[1].version().to_owned();
            lines.push(format!("{}: {} {fixed}", segment.meta().name, record.id));
        }
    }
    lines
}

const OLD: &str = "2024-01-01T00:00:00Z";
const NEW: &str = "2024-02-01T00:00:00Z";

#[test]
fn the_same_records_make_the_same_bytes_in_whatever_order_they_come() {
    let a = record("PYSEC-1", OLD, "PyPI", "a", "1");
    let b = record("PYSEC-2", OLD, "PyPI", "b", "2");
    let c = record("DSA-1", OLD, "Debian:12", "c", "3");
    let digests = |dir: &TempDir| -> Vec<String> {
        let db = Database::open(dir.path()).expect("opens");
        db.status().segments.iter().map(|s| s.digest.to_string()).collect()
    };
    let [first, second, third, other] =
        std::array::from_fn(|_| tempfile::tempdir().expect("a folder"));
    update(&first, |u| {
        [&a, &b, &c].iter().for_each(|r| u.record(r.as_bytes(), "x").expect("adds"));
    });
    update(&second, |u| {
        [&c, &b, &a].iter().for_each(|r| u.record(r.as_bytes(), "y").expect("adds"));
    });
    // Step by step, over an outdated record.
    update(&third, |u| {
        u.record(record("PYSEC-1", "2023-01-01T00:00:00Z", "PyPI", "z", "9").as_bytes(), "x")
            .expect("adds");
    });
    for part in [&b, &a, &c] {
        update(&third, |u| u.record(part.as_bytes(), "x").expect("adds"));
    }
    update(&other, |u| u.record(a.as_bytes(), "x").expect("adds"));
    assert_eq!(digests(&first), digests(&second));
    assert_eq!(digests(&first), digests(&third));
    assert_ne!(digests(&first), digests(&other));
}

#[test]
fn updates_replace_move_and_forget() {
    let dir = tempfile::tempdir().expect("a folder");
    let zip = zip_of(&[
        ("DSA-1.json", &record("DSA-1", OLD, "Debian:11", "a", "1")),
        ("DSA-2.json", &record("DSA-2", OLD, "Debian:12", "b", "2")),
        ("both.json", &record("GHSA-1", OLD, "npm", "not-debian", "2")),
    ]);
    update(&dir, |u| u.export("Debian", std::io::Cursor::new(zip), "zip").expect("adds"));
    assert_eq!(content(&dir), ["Debian:11: DSA-1 1", "Debian:12: DSA-2 2"]);
    // A newer version of a record moves to another release; an older one changes nothing.
    update(&dir, |u| {
        u.record(record("DSA-1", NEW, "Debian:12", "a", "1.1").as_bytes(), "x").expect("adds");
        u.record(record("DSA-2", "2023-01-01T00:00:00Z", "Debian:12", "b", "0.1").as_bytes(), "x")
            .expect("adds");
    });
    assert_eq!(content(&dir), ["Debian:12: DSA-1 1.1", "Debian:12: DSA-2 2"]);
    update(&dir, |u| u.forget("Debian", "DSA-2"));
    assert_eq!(content(&dir), ["Debian:12: DSA-1 1.1"]);
    // A complete export forgets what it does not hold.
    let zip = zip_of(&[("DSA-3.json", &record("DSA-3", OLD, "Debian:13", "c", "3"))]);
    update(&dir, |u| u.export("Debian", std::io::Cursor::new(zip), "zip").expect("adds"));
    assert_eq!(content(&dir), ["Debian:13: DSA-3 3"]);
}

#[test]
fn damaged_records_are_reported_and_the_rest_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    let zip = zip_of(&[
        ("a.json", "{"),
        ("b.json", &record("PYSEC-1", OLD, "PyPI", "a", "1")),
        ("c.txt", "x"),
    ]);
    let mut update = Update::begin(dir.path(), &Limits::default()).expect("begins");
    update.export("PyPI", std::io::Cursor::new(zip), "zip").expect("adds");
    let report = update.commit(day()).expect("commits");
    assert_eq!((report.read, report.problem_count), (1, 1));
    assert!(report.problems[0].path.ends_with("a.json"), "{:?}", report.problems);
}

#[test]
fn bombs_and_strangers_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut update =
        Update::begin(dir.path(), &Limits { ratio_floor_bytes: 1024, ..Limits::default() })
            .expect("begins");
    let spaces = " ".repeat(8 * 1024 * 1024);
    let bomb = zip_of(&[("a.json", &spaces)]);
    let error = update.export("PyPI", std::io::Cursor::new(bomb), "bomb.zip").expect_err("refuses");
    assert!(matches!(error, UpdateError::TooLarge { .. }), "{error}");
    let error = update
        .export("PyPI", std::io::Cursor::new(b"PK nothing".to_vec()), "x")
        .expect_err("refuses");
    assert!(matches!(error, UpdateError::Unrecognized { .. }), "{error}");

    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in [
        ("empty.json", ""),
        ("list.json", "[]"),
        ("other.json", "{\"a\":1}"),
        ("text.csv", "hello"),
    ] {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(&path, content).expect("writes");
        assert!(matches!(update.path(&path), Err(UpdateError::Unrecognized { .. })), "{name}");
    }
    assert!(matches!(update.path(&folder.path().join("absent")), Err(UpdateError::Input { .. })));
}

#[test]
fn converted_feeds_are_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).expect("writes");
    };
    let secdb = |release: &str, fixes: &str| {
        format!(
            r#"{{"apkurl":"x","distroversion":"{release}","packages":[{{"pkg":{{"name":"a","secfixes":{fixes}}}}}]}}"#
        )
    };
    write("v3.19-main.json", &secdb("v3.19", r#"{"1-r1":["CVE-2024-1"]}"#));
    write("v3.20-main.json", &secdb("v3.20", r#"{"1-r2":["CVE-2024-1"]}"#));
    write(
        "kev.json",
        r#"{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2024-1","dateAdded":"2024-01-01","dueDate":"2024-02-01"}]}"#,
    );
    write(
        "epss.csv",
        "#model_version:x,score_date:2024-01-01T00:00:00Z\ncve,epss,percentile\nCVE-2024-1,0.5,0.25\n",
    );
    write(
        "alas.xml",
        r#"<updates><update><id>ALAS2-2024-1</id><pkglist><collection short="amazon-linux-2---core"><package name="a" version="1" release="2"/></collection></pkglist></update></updates>"#,
    );
    let (dir, report) = import(&[folder.path().to_owned()]);
    assert_eq!(report.problems, []);
    let db = Database::open(dir.path()).expect("opens");
    let names: Vec<&str> = db.status().segments.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["Alpine:v3.19", "Alpine:v3.20", "Amazon Linux:2", "epss", "kev"]);
    assert_eq!(
        db.intel().kev("CVE-2024-1").expect("reads").map(|k| k.added),
        Some("2024-01-01".into())
    );
    assert_eq!(db.intel().epss("CVE-2024-1").expect("reads").map(|e| e.score), Some(0.5));
    assert_eq!(db.intel().kev("CVE-2024-2").expect("reads"), None);
    // One release anew: the other keeps what it had.
    write("v3.20-main.json", &secdb("v3.20", r#"{"1-r3":["CVE-2024-1"]}"#));
    update(&dir, |u| u.path(&folder.path().join("v3.20-main.json")).expect("adds"));
    let lines: Vec<String> =
        content(&dir).into_iter().filter(|l| l.starts_with("Alpine")).collect();
    assert_eq!(
        lines,
        ["Alpine:v3.19: ALPINE-CVE-2024-1 1-r1", "Alpine:v3.20: ALPINE-CVE-2024-1 1-r3"]
    );
}

fn small() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    update(&dir, |u| {
        for (id, name) in [("PYSEC-1", "alpha"), ("PYSEC-2", "beta"), ("PYSEC-3", "beta")] {
            u.record(record(id, OLD, "PyPI", name, "1.0").as_bytes(), "x").expect("adds");
        }
    });
    let info = Manifest::read(dir.path()).expect("reads").segments.remove(0);
    let path = info.path(dir.path());
    (dir, path)
}

#[test]
fn a_reader_keeps_what_it_opened() {
    let (dir, path) = small();
    for access in [Access::Map, Access::Read] {
        let before = Database::open_with(dir.path(), access).expect("opens");
        update(&dir, |u| {
            u.record(record("PYSEC-4", OLD, "PyPI", "gamma", "1").as_bytes(), "x").expect("adds");
        });
        assert_eq!(before.segments()[0].meta().records, 3);
        before.verify().expect("is intact");
        let after = Database::open(dir.path()).expect("opens");
        assert_eq!(after.segments()[0].meta().records, 4);
        assert!(path.exists(), "the previous set is kept");
        update(&dir, |u| u.forget("PyPI", "PYSEC-4"));
    }
    update(&dir, |u| {
        u.record(record("PYSEC-5", OLD, "PyPI", "x", "1").as_bytes(), "x").expect("adds");
    });
    update(&dir, |u| {
        u.record(record("PYSEC-6", OLD, "PyPI", "x", "1").as_bytes(), "x").expect("adds");
    });
    assert!(!path.exists(), "what two manifests no longer name is removed");
    let files = std::fs::read_dir(dir.path().join("segments")).expect("lists").count();
    assert_eq!(files, 2, "nothing partial stays behind");
}

#[test]
fn an_update_repairs_what_it_brings_and_reports_what_it_drops() {
    let (dir, path) = small();
    update(&dir, |u| {
        u.record(record("GHSA-1", OLD, "npm", "x", "1").as_bytes(), "x").expect("adds");
    });
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes[300] ^= 1;
    std::fs::write(&path, &bytes).expect("writes");
    let mut repair = Update::begin(dir.path(), &Limits::default()).expect("begins");
    repair.record(record("PYSEC-9", OLD, "PyPI", "a", "1").as_bytes(), "x").expect("adds");
    let report = repair.commit(day()).expect("commits");
    assert_eq!(report.problem_count, 1, "{:?}", report.problems);
    assert!(report.problems[0].reason.contains("`PyPI`"), "{:?}", report.problems);
    assert_eq!(content(&dir), ["PyPI: PYSEC-9 1", "npm: GHSA-1 1"]);
}

#[test]
fn damaged_segments_are_refused_or_answer_correctly() {
    let (_dir, path) = small();
    let good = std::fs::read(&path).expect("reads");
    let answers = |segment: &Segment| -> Result<(usize, String), Corrupt> {
        let beta = segment.entries("beta")?.len();
        let mut text = String::new();
        for record in segment.records() {
            text.push_str(&format!("{:?}", record?));
        }
        Ok((beta, text))
    };
    let expected = answers(&Segment::from_vec(good.clone()).expect("opens")).expect("answers");
    for length in 0..good.len() {
        assert!(Segment::from_vec(good[..length].to_vec()).is_err(), "cut to {length}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(Segment::from_vec(longer), Err(Corrupt::Length { .. })));
    let mut refused = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let outcome = Segment::from_vec(bad).and_then(|segment| answers(&segment));
        match outcome {
            Ok(answer) => assert_eq!(answer, expected, "byte {at} changed an answer"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > good.len() * 9 / 10, "{refused} of {}", good.len());
}

/// Checksums find accidents. Someone who recomputes them can lie, but not lead a reader astray.
#[test]
fn damage_behind_a_valid_checksum_never_panics() {
    let (_dir, path) = small();
    let good = std::fs::read(&path).expect("reads");
    let pages =
        usize::try_from(u64::from_le_bytes(good[24 + 13 * 16..][..8].try_into().expect("8")))
            .expect("fits");
    let reseal = |bytes: &mut Vec<u8>| {
        let sums: Vec<u8> =
            bytes[256..pages].chunks(16 * 1024).flat_map(|page| crc(page).to_le_bytes()).collect();
        bytes[pages..].copy_from_slice(&sums);
        let header = crc(&bytes[..248]);
        bytes[248..252].copy_from_slice(&header.to_le_bytes());
    };
    let (mut fine, mut refused) = (0, 0);
    for at in (8..248).chain(256..pages) {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            reseal(&mut bad);
            match Segment::from_vec(bad).and_then(|segment| segment.read_everything()) {
                Ok(_) => fine += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(fine > 0 && refused > 0, "{fine} {refused}");
}

fn crc(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

#[test]
fn databases_that_are_not_whole_have_named_errors() {
    let show = |error: DatabaseError| {
        use std::error::Error as _;
        format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
    };
    let empty = tempfile::tempdir().expect("a folder");
    assert!(matches!(Database::open(empty.path()), Err(DatabaseError::Missing(_))));

    let (dir, path) = small();
    let good = std::fs::read(&path).expect("reads");
    std::fs::write(&path, &good[..good.len() - 1]).expect("writes");
    let error = show(Database::open(dir.path()).expect_err("truncated"));
    assert!(error.contains("`PyPI`") && error.contains("truncated"), "{error}");
    std::fs::write(&path, b"").expect("writes");
    assert!(show(Database::open(dir.path()).expect_err("empty")).contains("less than its header"));
    std::fs::remove_file(&path).expect("removes");
    assert!(matches!(Database::open(dir.path()), Err(DatabaseError::Io { .. })));

    let manifest = dir.path().join(MANIFEST);
    for (text, expected) in
        [("{", "malformed"), (r#"{"format":99}"#, "format 99"), (r#"{"format":1}"#, "malformed")]
    {
        std::fs::write(&manifest, text).expect("writes");
        let error = show(Database::open(dir.path()).expect_err(expected));
        assert!(error.contains(expected), "{error}");
    }
    // A damaged database can be replaced.
    let (other, _) = small();
    let info = Manifest::read(other.path()).expect("reads").segments.remove(0);
    let bytes = std::fs::read(info.path(other.path())).expect("reads");
    let mut writer = hullmark_advisory::db::store::Writer::lock(dir.path()).expect("locks");
    writer.install(&info, &bytes).expect("installs");
    let mut lie = info.clone();
    lie.name = "npm".into();
    assert!(writer.install(&lie, &bytes).is_err());
    assert!(writer.install(&info, &bytes[1..]).is_err());
    writer.publish(&Manifest { segments: vec![info], ..Manifest::default() }).expect("publishes");
    Database::open(dir.path()).expect("opens").verify().expect("is intact");
}
