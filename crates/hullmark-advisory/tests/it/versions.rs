//! Version orders: public test vectors, the real tools, and properties.

use std::cmp::Ordering;

use hullmark_advisory::version::{Scheme, Unparsable, rpm};

type Compare = fn(&str, &str) -> Result<Ordering, Unparsable>;

/// A row that we disagree with, and why.
struct Dispute {
    a: &'static str,
    b: &'static str,
    why: &'static str,
}

fn segments(a: &str, b: &str) -> Result<Ordering, Unparsable> {
    Ok(rpm::segment_key(a)?.cmp(&rpm::segment_key(b)?))
}

/// Every vector of `file` must agree with `compare`, or be disputed; a dispute that is none fails, too.
fn check_vectors(file: &str, compare: Compare, disputes: &[Dispute]) {
    let Some(path) = hullmark_testkit::shared_data(&format!("vectors/versions/{file}.json")) else {
        return;
    };
    let text = std::fs::read_to_string(path).expect("vectors are readable");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("vectors are JSON");
    let mut wrong = Vec::new();
    let mut disputed = 0;
    for row in &rows {
        let (a, b) = (row["a"].as_str().expect("a"), row["b"].as_str().expect("b"));
        let expected = row["cmp"].as_i64().expect("cmp");
        let got = compare(a, b).map(|order| order as i64);
        let dispute = disputes.iter().find(|d| (d.a == a && d.b == b) || (d.a == b && d.b == a));
        match (got == Ok(expected), dispute) {
            (true, None) => {}
            (false, Some(_)) => disputed += 1,
            (true, Some(d)) => wrong.push(format!("{a} {b}: no dispute needed ({})", d.why)),
            (false, None) => wrong.push(format!("{a} {b}: want {expected}, got {got:?}")),
        }
    }
    assert!(rows.len() >= 7, "{file}: too few vectors");
    assert!(wrong.is_empty(), "{file}: {} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    println!("{file}: {} vectors agree, {disputed} disputed", rows.len() - disputed);
}

#[test]
fn dpkg_vectors() {
    check_vectors("dpkg", |a, b| Scheme::Dpkg.compare(a, b), &[]);
}

#[test]
fn rpm_vectors() {
    check_vectors("rpm", segments, &[]);
    check_vectors("rpm-evr", |a, b| Scheme::Rpm.compare(a, b), &[]);
    check_vectors("rpm-nevra", rpm::compare_nevra, &[]);
}

#[test]
fn apk_vectors() {
    check_vectors("apk", |a, b| Scheme::Apk.compare(a, b), &[]);
}

#[test]
fn semver_vectors() {
    check_vectors("semver", |a, b| Scheme::Semver.compare(a, b), &[]);
    check_vectors("npm", |a, b| Scheme::Npm.compare(a, b), &[]);
    check_vectors("pub", |a, b| Scheme::Pub.compare(a, b), &[]);
    check_vectors("go", |a, b| Scheme::Go.compare(a, b), &[]);
}

#[test]
fn pep440_vectors() {
    check_vectors("pep440", |a, b| Scheme::Pep440.compare(a, b), &[]);
}
