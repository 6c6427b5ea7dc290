//! The order vectors of the shared data. Every row agrees, or is disputed here with the reason.

use std::cmp::Ordering;

use hullmark_advisory::version::rpm::{self, OneSided};
use hullmark_advisory::version::{Scheme, Unparsable};

type Compare = fn(&str, &str) -> Result<Ordering, Unparsable>;

/// Why we disagree with rows.
enum Dispute {
    /// Versions that the ecosystem's own tool refuses: we answer that they do not parse.
    Invalid(&'static str, &'static [&'static str]),
    /// Pairs, in either order, with our answer for the order given.
    Wrong(&'static str, &'static [(&'static str, &'static str, Ordering)]),
}

impl Dispute {
    /// Returns our answer for the pair, if it is disputed.
    fn answer(&self, a: &str, b: &str) -> Option<Option<Ordering>> {
        match self {
            Self::Invalid(_, versions) => {
                versions.iter().any(|v| [a, b].contains(v)).then_some(None)
            }
            Self::Wrong(_, pairs) => pairs.iter().find_map(|&(left, right, order)| {
                if (left, right) == (a, b) {
                    Some(Some(order))
                } else if (left, right) == (b, a) {
                    Some(Some(order.reverse()))
                } else {
                    None
                }
            }),
        }
    }

    fn why(&self) -> &'static str {
        match self {
            Self::Invalid(why, _) | Self::Wrong(why, _) => why,
        }
    }
}

/// Checks all rows of a file; disputes must be needed, and answered as they say.
fn check(file: &str, least: usize, compare: Compare, disputes: &[Dispute]) {
    let Some(path) = hullmark_testkit::shared_data(&format!("vectors/versions/{file}.json")) else {
        return;
    };
    let text = std::fs::read_to_string(path).expect("vectors are readable");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("vectors are JSON");
    assert!(rows.len() >= least, "{file}: too few vectors");
    let mut wrong = Vec::new();
    let mut disputed = 0;
    for row in &rows {
        let (a, b) = (row["a"].as_str().expect("a"), row["b"].as_str().expect("b"));
        let expected = row["cmp"].as_i64().expect("cmp");
        let ours = compare(a, b).ok();
        let dispute = disputes.iter().find_map(|d| d.answer(a, b).map(|answer| (answer, d.why())));
        match dispute {
            None if ours.map(|order| order as i64) == Some(expected) => {}
            None => wrong.push(format!("{a} {b}: want {expected}, got {ours:?}")),
            Some((answer, why)) if answer == ours && ours.map(|o| o as i64) != Some(expected) => {
                assert!(!why.is_empty());
                disputed += 1;
            }
            Some((answer, why)) => {
                wrong.push(format!("{a} {b}: dispute says {answer:?}, got {ours:?} ({why})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{file}: {} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    println!("{file}: {} of {} agree, {disputed} disputed", rows.len() - disputed, rows.len());
}

#[test]
fn dpkg() {
    check("dpkg", 2000, |a, b| Scheme::Dpkg.compare(a, b), &[]);
}

#[test]
fn rpm_epoch_version_release() {
    check("rpm", 2000, |a, b| Scheme::Rpm.compare(a, b), &[]);
    check("rpm-evr", 90, |a, b| Scheme::Rpm.compare(a, b), &[hyphens(), one_sided_epochs()]);
    check("rpm-nevra", 7, rpm::compare_nevra, &[]);
}

#[test]
fn rpm_with_one_sided_parts_skipped() {
    let skip = |a: &str, b: &str| rpm::compare_evr(a, b, OneSided::Skip, OneSided::Compare);
    check("rpm-evr", 90, skip, &[hyphens()]);
}

fn hyphens() -> Dispute {
    Dispute::Wrong(
        "the table compares one segment, where `-` only separates; in a whole version the last `-` starts the release",
        &[("1.2.3.4", "1-2-3-4", Ordering::Greater), ("1.2.3a", "1-2-3-4", Ordering::Greater)],
    )
}

fn one_sided_epochs() -> Dispute {
    Dispute::Wrong(
        "grype leaves the epoch out when one side has none; RPM takes it as 0, and so do advisories",
        &[
            ("2:4.19.01-1.el7_5", "4.19.1-1.el7_5", Ordering::Greater),
            ("4.19.01-1.el7_5", "2:4.19.1-1.el7_5", Ordering::Less),
            ("3:4.19.0-1.el7_5", "4.21.0-1.el7", Ordering::Greater),
        ],
    )
}

#[test]
fn apk() {
    let refused = Dispute::Invalid(
        "`apk version --check` refuses these versions; how apk sorts broken ones has changed between its releases",
        &[
            "1-r",
            "1-r-0",
            "1-r-1",
            "0.r1",
            "0..1..0",
            "0...1...0",
            "0...1...0r1",
            "0..8",
            "0.8.21.r2",
            "10.2.24.r0",
            "1.2.0A",
            "1-ruff",
            "1-r0-1",
            "1-ruff2",
            "1-r0-ruff2",
            "1.2_blah",
            ".1",
            "a",
            "c",
        ],
    );
    check("apk", 2000, |a, b| Scheme::Apk.compare(a, b), &[refused]);
}

#[test]
fn semver_npm_pub_go() {
    check("semver", 80, |a, b| Scheme::Semver.compare(a, b), &[]);
    check("npm", 15, |a, b| Scheme::Npm.compare(a, b), &[]);
    check("pub", 50, |a, b| Scheme::Pub.compare(a, b), &[]);
    check("go", 70, |a, b| Scheme::Go.compare(a, b), &[]);
}

#[test]
fn pep440() {
    let legacy = Dispute::Invalid(
        "not PEP 440: Python's packaging raises InvalidVersion; the table still orders them as setuptools once did",
        &[
            "0.9-eevee",
            "0.9-gyarados",
            "0.9-horsea",
            "0.9-ivysaur",
            "-class.-jw.util.version.version-dev",
            "2013-12-23T17-51-15",
            "0.5m2",
            "0.8.4p1",
            "0.7.10p1",
            "2013-03-27T16:32:26+0100",
            "2013-05-09T12:47:53+0200",
            "0.6m2",
            "0.6m4",
            "0.3m2",
            "2.0.1rc2-git",
            "2013-01-23T17:11:52+0100",
            "0.7.11p2",
            "4.11-final",
            "0.4m5",
        ],
    );
    check("pep440", 2500, |a, b| Scheme::Pep440.compare(a, b), &[legacy]);
}

#[test]
fn maven() {
    let older = Dispute::Wrong(
        "the comparators of Maven 3.9.12 and 4.0.0-rc-5 both put `sec10` above `_noneautotype`; the table is older",
        &[
            ("1.2.57.sec10", "1.2.57_noneautotype", Ordering::Greater),
            ("1.1.46.sec10", "1.1.46_noneautotype", Ordering::Greater),
            ("1.2.60.sec10", "1.2.60_noneautotype", Ordering::Greater),
            ("1.2.8.sec10_noneautotype", "1.2.8_noneautotype", Ordering::Greater),
            ("6.1.12.rc5", "6.1.12rc1", Ordering::Greater),
        ],
    );
    let combined = Dispute::Wrong(
        "Maven 4 reads `bar-1` as one item and then opens a list, `bar1baz` as another chain; Maven 3.9 had them equal",
        &[("1-1.foo-bar-1-baz-0.1", "1-1.foo-bar1baz-.1", Ordering::Greater)],
    );
    let java = Dispute::Wrong(
        "grype cuts `.jre11` and `.jdk17`; Maven orders them, and 17 rows of the other tables want that",
        &[
            ("12.10.2.jre11", "12.10.2", Ordering::Greater),
            ("12.10.2.jdk17", "12.10.2", Ordering::Greater),
            ("12.10.2.jre11", "12.10.2.jdk17", Ordering::Greater),
        ],
    );
    check("maven", 2500, |a, b| Scheme::Maven.compare(a, b), &[older, combined, java]);
}

#[test]
fn gem() {
    let refused = Dispute::Invalid(
        "`Gem::Version.correct?` is false: letters must be behind a dot",
        &["1gamma"],
    );
    check("gem", 2000, |a, b| Scheme::Gem.compare(a, b), &[refused]);
}

#[test]
fn nuget() {
    check("nuget", 20, |a, b| Scheme::NuGet.compare(a, b), &[]);
}

#[test]
fn composer() {
    let refused = Dispute::Invalid(
        "Composer's VersionParser refuses these; the table feeds them to PHP's version_compare as they are",
        &[
            "4.3-2RC2",
            "4.3-2",
            "1.2.3.#",
            "1.2.3.#.1",
            "1.2.3.#.p3",
            "3.1.0.post1",
            "3.0.0b1.post1",
            "1.5.1.dev100",
            "3.2.0rc1.post1",
            "999999999999999999999999999991.999999999999999999999999999991.999999999999999999999999999991",
        ],
    );
    let branch = Dispute::Invalid(
        "Composer compares a branch with nothing: neither `<` nor `>` nor `==` holds",
        &["dev-foo"],
    );
    let normalized = Dispute::Wrong(
        "Composer normalizes first (four numbers, lower case): 3.4 is 3.4.0.0 and not below its alpha",
        &[
            ("v3.4", "v3.4.0-alpha", Ordering::Greater),
            ("v6.5", "v6.5.0-beta-0", Ordering::Greater),
            ("v1.9.0-ALPHA.1", "v1.9.0-BETA.1", Ordering::Less),
            ("v1.9.0-ALPHA.2", "v1.9.0-BETA.2", Ordering::Less),
        ],
    );
    check("composer", 2000, |a, b| Scheme::Composer.compare(a, b), &[refused, branch, normalized]);
}

#[test]
fn cran_and_hackage() {
    check("cran", 40, |a, b| Scheme::Cran.compare(a, b), &[]);
    check("hackage", 7, |a, b| Scheme::Hackage.compare(a, b), &[]);
}

/// What the vectors leave out, and versions that must not parse.
#[test]
fn by_hand() {
    use Scheme::{
        Apk, Bitnami, Composer, Dpkg, Gem, Go, Maven, Npm, NuGet, Pacman, Pep440, Rpm, Semver,
    };
    let ascending: &[(Scheme, &[&str])] = &[
        (
            Dpkg,
            &["1~~", "1~~a", "1~", "1", "1-1", "1a", "1+", "1.0", "1:0~", "1:0", "2147483647:0"],
        ),
        (Rpm, &["1~rc1-1", "1", "1-0", "1-1", "1^git1-1", "1a-1", "1.1-1", "1:0-1"]),
        (
            Apk,
            &[
                "1_alpha", "1_rc", "1", "1-r0", "1~ab-r0", "1_p", "1_p1", "1a", "1.0", "1.01",
                "1.1", "1.10",
            ],
        ),
        (Semver, &["1.0.0-0", "1.0.0-1", "1.0.0--", "1.0.0-a", "1.0.0-a.0", "1.0.0", "1.0.0.1"]),
        (Npm, &["0.0.0-0", "0.0.0", "99999999999999999999999.0.0", "100000000000000000000000.0.0"]),
        (
            Go,
            &[
                "v0.0.0-20180116102854-5a71ef0e047d",
                "v0.0.0-20190116102854-000000000000",
                "0.0.0",
                "go1.21beta1",
                "go1.21rc2",
                "go1.21.0",
                "go1.21.10",
                "v1.22.0+incompatible",
            ],
        ),
        (
            Pep440,
            &[
                "1.dev0",
                "1a0.dev1",
                "1a0",
                "1a0.post0",
                "1rc1",
                "1",
                "1+a",
                "1+a.b",
                "1+0",
                "1-1",
                "1.0.1",
                "1!0",
            ],
        ),
        (Maven, &["1-alpha", "1-rc-1", "1-SNAPSHOT", "1", "1-sp", "1-foo", "1-1", "1.1"]),
        (Gem, &["1.a", "1.b", "1.b1", "1.rc.1", "1", "1.0.0.1", "1.0.1", "1.1"]),
        (NuGet, &["1.0-A", "1.0-b", "1.0", "1.0.0.1", "1.0.1"]),
        (
            Composer,
            &[
                "1.0-dev",
                "1.0-alpha-dev",
                "1.0a1",
                "1.0-beta",
                "1.0-rc.1",
                "1.0",
                "1.0-p1",
                "1.1",
                "1.x-dev",
                "2.0",
                "2010-01-02",
                "20100102",
            ],
        ),
        (Bitnami, &["1.2.2-9", "1.2.3-rc.1-2", "1.2.3-rc.2", "1.2.3-1", "1.2.4"]),
        (Pacman, &["1.0a-1", "1.0", "1.0-1", "1.0-2", "1.0.a-1", "1.0.1-1", "1.1-1", "1:0-1"]),
    ];
    for (scheme, versions) in ascending {
        for (at, a) in versions.iter().enumerate() {
            for (other, b) in versions.iter().enumerate() {
                assert_eq!(scheme.compare(a, b), Ok(at.cmp(&other)), "{scheme}: {a} {b}");
            }
        }
    }
    let equal: &[(Scheme, &[&str])] = &[
        (Dpkg, &["1", "0:1", "1-0", "01", " 1 "]),
        (Rpm, &["1.0-1", "0:1.0-1", "1..0-01", "1_0-1"]),
        (
            Go,
            &[
                "v1.2",
                "1.2.0",
                "v1.2.0+incompatible",
                "v1.2.0+incompatible+dirty",
                "go1.2",
                "go1.2 X:boringcrypto",
            ],
        ),
        (Pep440, &["1", "1.0", "v1.0.0", "0!1", " 1 "]),
        (Pep440, &["1.0alpha1", "1.0-a.1", "1A1"]),
        (Maven, &["1", "1.0", "1-ga", "1.Final", "1-release"]),
        (Gem, &["1", "1.0", "1.0-x86_64-linux", "1-java"]),
        (Gem, &["1.a", "1.0.a", "1.0.a.0"]),
        (NuGet, &["1", "1.0.0.0", "1.0+x"]),
        (Composer, &["1", "v1.0.0", "1.0-stable", "1.0+build", "1.0@dev"]),
        (Bitnami, &["1.2.3", "1.2.3-0", "1.2.3-r0", "1.2.3-11"]),
    ];
    for (scheme, versions) in equal {
        for b in *versions {
            assert_eq!(scheme.compare(versions[0], b), Ok(Ordering::Equal), "{scheme}: {b}");
        }
    }
    use Unparsable::{Character, Empty, Epoch, Structure, TooLong, Unordered};
    let long = "1".repeat(hullmark_advisory::version::MAX_LEN + 1);
    let refused: &[(Scheme, &str, Unparsable)] = &[
        (Dpkg, "1_0", Character),
        (Dpkg, "1 0", Character),
        (Dpkg, "a:1", Epoch),
        (Dpkg, "-1:1", Epoch),
        (Dpkg, ":1", Epoch),
        (Dpkg, "2147483648:1", Epoch),
        (Dpkg, "1:", Structure),
        (Dpkg, "1-", Structure),
        (Dpkg, "1:-1", Structure),
        (Dpkg, "1.\u{e9}", Character),
        (Rpm, "-1", Structure),
        (Rpm, "1:", Structure),
        (Rpm, "1 0", Character),
        (Apk, "1.", Structure),
        (Apk, "1A", Character),
        (Apk, "1_foo", Structure),
        (Apk, "1~", Structure),
        (Semver, "latest", Structure),
        (Semver, "1..0", Structure),
        (Semver, "1.0.0-", Structure),
        (Semver, "1.0.0+", Structure),
        (Semver, ">=1.0", Character),
        (Npm, "1.2", Structure),
        (Npm, "01.2.3", Structure),
        (Npm, "1.2.3-01", Structure),
        (Npm, "file:../x", Character),
        (Go, "(devel)", Unordered),
        (Go, "devel go1.24-abc", Unordered),
        (Go, "go1.21rc", Structure),
        (Pep440, "1.0-final", Structure),
        (Pep440, "1.0+", Structure),
        (Pep440, "1.0+a/b", Character),
        (Maven, "${project.version}", Character),
        (Maven, "1 0", Character),
        (Maven, "...", Structure),
        (Gem, "a.1", Structure),
        (Gem, "1..0", Structure),
        (NuGet, "1.0.0.0.0", Structure),
        (Composer, "dev-main", Unordered),
        (Composer, "master", Unordered),
        (Composer, "1.0.0.0.0", Structure),
        (Composer, "1.0 - 2.0", Character),
        (Pacman, "1.0.-1", Structure),
    ];
    for &(scheme, version, reason) in refused {
        assert_eq!(scheme.key(version), Err(reason), "{scheme}: {version}");
    }
    for scheme in Scheme::ALL {
        assert_eq!(scheme.key(" \t"), Err(Empty), "{scheme}");
        assert_eq!(scheme.key(&long), Err(TooLong), "{scheme}");
    }
}

/// The bytes are part of the format of advisory segments: a change here is a change of the format.
#[test]
fn keys_are_stable() {
    let keys: &[(Scheme, &str, &str)] = &[
        (Scheme::Dpkg, "1:2.30~rc1-4+b1", "Key(1112ae2e017263110214ab621102)"),
        (Scheme::Rpm, "1:2.30-4.el8", "Key(11c2de02c4656c00c802)"),
    ];
    for (scheme, version, key) in keys {
        assert_eq!(format!("{:?}", scheme.key(version).expect("parses")), *key, "{version}");
    }
}

#[test]
fn names_round_trip() {
    for scheme in Scheme::ALL {
        assert_eq!(scheme.as_str().parse(), Ok(scheme));
        let json = serde_json::to_string(&scheme).expect("serializes");
        assert_eq!(json, format!("\"{scheme}\""));
        assert_eq!(serde_json::from_str::<Scheme>(&json).expect("deserializes"), scheme);
    }
    assert!("Dpkg".parse::<Scheme>().is_err());
}
