//! The range vectors, as far as they test order: comparisons joined by `,` (and) and `||` (or), and NuGet's intervals.
//!
//! What a native range language adds (`^`, `~>`, wildcards, which pre-releases a range may select) is not order, and
//! such rows are left out; the counts say how many were taken.

use std::cmp::Ordering;

use hullmark_advisory::version::rpm::{self, OneSided};
use hullmark_advisory::version::{Scheme, Unparsable};
use serde_json::Value;

type Compare = fn(&str, &str) -> Result<Ordering, Unparsable>;

/// One comparison of a range: the operator, and the version on its right.
type Comparison<'a> = (&'a str, &'a str);

/// What a version without an operator means.
#[derive(Clone, Copy, PartialEq)]
enum Bare {
    Equal,
    /// Something of the native language's own.
    Native,
}

/// Splits a range of plain comparisons; `None` if it is anything else.
fn comparisons(range: &str, bare: Bare) -> Option<Vec<Vec<Comparison<'_>>>> {
    range.split("||").map(|all| all.split(',').map(|one| comparison(one, bare)).collect()).collect()
}

fn comparison(text: &str, bare: Bare) -> Option<Comparison<'_>> {
    let text = text.trim();
    let end = text.find(|c: char| !"<>=!".contains(c))?;
    let (operator, version) = (&text[..end], text[end..].trim());
    let plain = ["<", "<=", ">", ">=", "=", "==", "!="].contains(&operator)
        || (operator.is_empty() && bare == Bare::Equal);
    (plain && !version.contains(char::is_whitespace)).then_some((operator, version))
}

/// Splits `[1.0, 2.0)` into comparisons.
fn interval(range: &str) -> Option<Vec<Vec<Comparison<'_>>>> {
    let inside = range.get(1..range.len().checked_sub(1)?)?;
    let Some((low, high)) = inside.split_once(',') else {
        return Some(vec![vec![("=", inside)]]);
    };
    let low = Some((if range.starts_with('[') { ">=" } else { ">" }, low.trim()));
    let high = Some((if range.ends_with(']') { "<=" } else { "<" }, high.trim()));
    Some(vec![[low, high].into_iter().flatten().filter(|(_, v)| !v.is_empty()).collect()])
}

fn matches(
    ranges: &[Vec<Comparison<'_>>],
    version: &str,
    compare: Compare,
) -> Result<bool, Unparsable> {
    for range in ranges {
        let mut all = true;
        for (operator, bound) in range {
            let order = compare(version, bound)?;
            all &= match *operator {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                ">=" => order.is_ge(),
                "!=" => order.is_ne(),
                _ => order.is_eq(),
            };
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks the rows that `takes` takes; `disputes` are (range, version, why) whose answer is the opposite or none.
fn check(
    file: &str,
    least: usize,
    compare: Compare,
    takes: fn(&Value) -> bool,
    disputes: &[(&str, &str, &str)],
) {
    let path = format!("vectors/versions/{file}.ranges.json");
    let Some(path) = hullmark_testkit::shared_data(&path) else { return };
    let text = std::fs::read_to_string(path).expect("vectors are readable");
    let rows: Vec<Value> = serde_json::from_str(&text).expect("vectors are JSON");
    let mut wrong = Vec::new();
    let (mut taken, mut disputed) = (0, 0);
    for row in rows.iter().filter(|row| takes(row)) {
        let text = |field: &str| row[field].as_str().expect("text");
        let (range, version) = (text("range"), text("version"));
        let bare = if of_grype(row) { Bare::Equal } else { Bare::Native };
        let parsed =
            if range.starts_with(['[', '(']) { interval(range) } else { comparisons(range, bare) };
        let Some(parsed) = parsed else { continue };
        taken += 1;
        let expected = row["match"].as_bool().expect("match");
        let ours = matches(&parsed, version, compare);
        let dispute = disputes.iter().any(|(r, v, _)| (*r, *v) == (range, version));
        match (ours == Ok(expected), dispute) {
            (true, false) => {}
            (false, true) => disputed += 1,
            _ => wrong.push(format!("{version} in {range}: want {expected}, got {ours:?}")),
        }
    }
    assert!(wrong.is_empty(), "{file}: {} of {taken}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken >= least, "{file}: {taken} taken");
    println!(
        "{file}: {} of {taken} agree, {disputed} disputed, of {}",
        taken - disputed,
        rows.len()
    );
}

fn all(_: &Value) -> bool {
    true
}

fn of_grype(row: &Value) -> bool {
    row["source"].as_str().is_some_and(|source| source.contains("grype"))
}

/// Whole versions (`1.2` and `1.x` are ranges of their own to npm) without pre-releases, which npm lets a range select only
/// when it names one of the same numbers.
fn whole_releases(row: &Value) -> bool {
    let text = |field: &str| row[field].as_str().unwrap_or_default();
    let whole = |v: &str| v.matches('.').count() == 2 && !v.contains(['-', 'x', 'X', '*']);
    whole(text("version"))
        && !text("version").contains("..")
        && text("range").split("||").all(whole)
}

/// Ranges whose every bound is inclusive: PEP 440 and Composer let an exclusive one move past pre-releases.
fn inclusive(row: &Value) -> bool {
    let range = row["range"].as_str().unwrap_or_default();
    let plain = range.replace(">=", "").replace("<=", "");
    !plain.contains(['<', '>', '=', '!', '~', '^', '*'])
}

#[test]
fn distributions() {
    check("dpkg", 45, |a, b| Scheme::Dpkg.compare(a, b), all, &[]);
    check("apk", 20, |a, b| Scheme::Apk.compare(a, b), all, &[]);
    let lenient: Compare = |a, b| rpm::compare_evr(a, b, OneSided::Skip, OneSided::Compare);
    let zeros = "grype takes `.0.0` at the end of a release for nothing; RPM does not";
    let disputes = [
        ("< 0:8.3.1-5.el8.0.0", "8.3.1-5.el8", zeros),
        ("> 0:8.3.1-5.el8", "8.3.1-5.el8.0.0", zeros),
    ];
    check("rpm-evr", 30, lenient, all, &disputes);
}

#[test]
fn languages() {
    let dots = "grype turns the dot inside the pre-release into a hyphen; to SemVer these are two identifiers";
    let disputes = [("= 1.0.0-rc-alpha", "1.0.0.rc.alpha", dots)];
    check("semver", 50, |a, b| Scheme::Semver.compare(a, b), all, &disputes);
    check("go", 1, |a, b| Scheme::Go.compare(a, b), all, &[]);
    check("maven", 45, |a, b| Scheme::Maven.compare(a, b), all, &[]);
    let empty = "RubyGems takes the empty version for 0; to us it is none";
    let disputes = [("< 0.1 ", "  ", empty), ("> 0.a ", "  ", empty)];
    check("gem", 20, |a, b| Scheme::Gem.compare(a, b), all, &disputes);
    check("bitnami", 20, |a, b| Scheme::Bitnami.compare(a, b), all, &[]);
    check("nuget", 10, |a, b| Scheme::NuGet.compare(a, b), all, &[]);
    check("npm", 10, |a, b| Scheme::Npm.compare(a, b), whole_releases, &[]);
    let none = "no version at all: not contained for packaging, undetermined for us";
    let disputes = [(">=2.0", ">=2.0", none), (">=1.0", "===foobar", none)];
    check("pep440", 20, |a, b| Scheme::Pep440.compare(a, b), inclusive, &disputes);
    check("composer", 3, |a, b| Scheme::Composer.compare(a, b), inclusive, &[]);
}
