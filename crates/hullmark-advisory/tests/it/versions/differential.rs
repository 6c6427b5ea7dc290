//! Our answers beside those of the real tools, on pairs from a seeded generator and from the shared vectors.
//!
//! One process per tool reads all pairs; `scripts/install-version-tools.sh` installs the tools.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use hullmark_advisory::version::Scheme;

const GENERATED: usize = 4000;
const FROM_VECTORS: usize = 2000;
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// A tool that reads `A<TAB>B` lines and answers -1, 0, 1 or `?`.
struct Tool {
    scheme: Scheme,
    /// Program and arguments; `{tools}` is where the script installs, `{here}` this crate.
    command: &'static [&'static str],
    /// What versions of the scheme are made of.
    pieces: &'static [&'static str],
    /// The tool refuses the version, and we need not.
    we_may_read: fn(&str) -> bool,
    /// The tool reads the version, and we need not.
    we_may_refuse: fn(&str) -> bool,
}

fn never(_: &str) -> bool {
    false
}

/// Runs the tool over the pairs; `None` if it is not installed.
fn ask(tool: &Tool, pairs: &[(String, String)]) -> Option<Vec<String>> {
    let tools = format!("{HERE}/../../target/version-tools");
    let fill = |text: &str| text.replace("{tools}", &tools).replace("{here}", HERE);
    let mut command = Command::new(fill(tool.command[0]));
    command.args(tool.command[1..].iter().map(|argument| fill(argument)));
    command
        .env("PYTHONPATH", format!("{tools}/python"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().ok()?;
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input: String = pairs.iter().map(|(a, b)| format!("{a}\t{b}\n")).collect();
    // A missing module ends the tool early: then the pipe breaks, and the missing answers tell.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
    let output = child.wait_with_output().ok()?;
    let complete = writer.join().expect("the writer does not panic");
    let answers: Vec<String> =
        String::from_utf8(output.stdout).ok()?.lines().map(String::from).collect();
    (complete && output.status.success() && answers.len() == pairs.len()).then_some(answers)
}

/// A small generator of our own, so that the pairs are the same everywhere and for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound as u64).expect("below a usize")
    }

    fn pick<'a>(&mut self, pieces: &[&'a str]) -> &'a str {
        pieces[self.below(pieces.len())]
    }
}

/// Pairs of random versions, three in four of them one or two edits apart.
fn generated(pieces: &[&str]) -> Vec<(String, String)> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut pairs = Vec::new();
    while pairs.len() < GENERATED {
        let a = random_version(&mut random, pieces);
        let edits = random.below(4);
        let b = match edits {
            0 => random_version(&mut random, pieces),
            _ => (0..edits.min(2)).fold(a.clone(), |b, _| edited(&mut random, &b, pieces)),
        };
        if !a.is_empty() && !b.is_empty() {
            pairs.push((a.concat(), b.concat()));
        }
    }
    pairs
}

fn random_version<'a>(random: &mut Random, pieces: &[&'a str]) -> Vec<&'a str> {
    let mut version = vec![["0", "1", "2", "10"][random.below(4)]];
    version.extend((0..random.below(8)).map(|_| random.pick(pieces)));
    if random.below(12) == 0 {
        version.remove(0);
    }
    version
}

fn edited<'a>(random: &mut Random, version: &[&'a str], pieces: &[&'a str]) -> Vec<&'a str> {
    let mut edited = version.to_vec();
    let at = random.below(edited.len() + 1);
    if random.below(3) == 0 || at == edited.len() {
        edited.insert(at, random.pick(pieces));
    } else if random.below(2) == 0 {
        edited.remove(at);
    } else {
        edited[at] = random.pick(pieces);
    }
    edited
}

/// Random pairs of the real versions that the vectors of `scheme` name, each with a near neighbor in text order.
fn from_vectors(scheme: Scheme) -> Vec<(String, String)> {
    let path = format!("vectors/versions/{scheme}.json");
    let Some(path) = hullmark_testkit::shared_data(&path).filter(|path| path.exists()) else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(path).expect("vectors are readable");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("vectors are JSON");
    let versions: BTreeSet<&str> =
        rows.iter().flat_map(|row| [row["a"].as_str(), row["b"].as_str()]).flatten().collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    (0..FROM_VECTORS)
        .map(|_| {
            let at = random.below(versions.len());
            let near = (at + random.below(12)).min(versions.len() - 1);
            (versions[at].to_owned(), versions[near].to_owned())
        })
        .collect()
}

fn ours(scheme: Scheme, a: &str, b: &str) -> String {
    scheme.compare(a, b).map_or_else(|_| "?".to_owned(), |order| (order as i8).to_string())
}

/// Checks the tool's answers against ours; returns the pairs that differ.
fn differences(tool: &Tool) -> Vec<(String, String, String, String)> {
    let mut pairs = generated(tool.pieces);
    if !matches!(tool.scheme, Scheme::Pacman) {
        pairs.extend(from_vectors(tool.scheme));
    }
    let Some(answers) = ask(tool, &pairs) else {
        hullmark_testkit::skip(&format!(
            "the version tool of {} is missing: run scripts/install-version-tools.sh",
            tool.scheme
        ));
        return Vec::new();
    };
    let scheme = tool.scheme;
    let unread = |v: &str| scheme.key(v).is_err();
    let (mut compared, mut different) = (0, Vec::new());
    for ((a, b), theirs) in pairs.into_iter().zip(answers) {
        let ours = ours(scheme, &a, &b);
        let fine = match (ours.as_str(), theirs.as_str()) {
            ("?", "?") => true,
            ("?", _) => [&a, &b].iter().all(|v| !unread(v) || (tool.we_may_refuse)(v)),
            (_, "?") => (tool.we_may_read)(&a) || (tool.we_may_read)(&b),
            _ => {
                compared += 1;
                ours == theirs
            }
        };
        if !fine {
            different.push((a, b, ours, theirs));
        }
    }
    println!("{scheme}: {compared} pairs that both read, {} differ", different.len());
    assert!(compared > GENERATED / 8, "{scheme}: the generator hardly makes what both read");
    different
}

fn check(tool: &Tool) {
    let different = differences(tool);
    let shown: Vec<String> = different
        .iter()
        .take(20)
        .map(|(a, b, ours, theirs)| format!("{a} {b}: ours {ours}, theirs {theirs}"))
        .collect();
    assert!(different.is_empty(), "{}: {}\n{}", tool.scheme, different.len(), shown.join("\n"));
}

#[test]
fn dpkg() {
    check(&Tool {
        scheme: Scheme::Dpkg,
        command: &["/usr/bin/python3", "{here}/tests/tools/compare.py", "dpkg"],
        pieces: &[
            "0",
            "1",
            "10",
            "009",
            ".",
            ".",
            ".",
            "-",
            "+",
            "~",
            ":",
            "a",
            "Z",
            "rc",
            "deb",
            "~~",
            "18446744073709551616",
        ],
        we_may_read: never,
        we_may_refuse: never,
    });
}

/// dpkg itself has no batch mode: a few hundred pairs through a shell's loop.
#[test]
fn dpkg_itself() {
    let tool = Tool {
        scheme: Scheme::Dpkg,
        command: &[
            "bash",
            "-c",
            r#"command -v dpkg >/dev/null || exit 1
            while IFS=$'\t' read -r a b; do
                if dpkg --compare-versions "$a" lt "$b" 2>/dev/null; then echo -1
                elif dpkg --compare-versions "$a" eq "$b" 2>/dev/null; then echo 0
                else echo 1; fi
            done"#,
        ],
        pieces: &["0", "1", "10", "009", ".", ".", "-1", "+", "~", "a", "Z", "rc", "~~"],
        we_may_read: never,
        we_may_refuse: never,
    };
    let mut pairs = generated(tool.pieces);
    // A hyphen at the start would be an option.
    pairs.retain(|(a, b)| [a, b].iter().all(|v| !v.starts_with('-') && tool.scheme.key(v).is_ok()));
    pairs.truncate(400);
    match ask(&tool, &pairs) {
        None => hullmark_testkit::skip("dpkg is missing"),
        Some(answers) => {
            for ((a, b), theirs) in pairs.iter().zip(answers) {
                assert_eq!(ours(tool.scheme, a, b), theirs, "{a} {b}");
            }
        }
    }
}

#[test]
fn rpm() {
    check(&Tool {
        scheme: Scheme::Rpm,
        command: &["/usr/bin/python3", "{here}/tests/tools/compare.py", "rpm_evr"],
        pieces: &[
            "0",
            "1",
            "10",
            "009",
            ".",
            ".",
            "_",
            "+",
            "~",
            "^",
            "-",
            "-",
            "a",
            "Z",
            "rc",
            "el8",
            "1:",
            "99999999999999999999",
        ],
        we_may_read: never,
        we_may_refuse: never,
    });
}

/// No Debian package brings apk: the test runs where `apk-compare` answers, and is not required elsewhere.
#[test]
fn apk() {
    let tool = Tool {
        scheme: Scheme::Apk,
        command: &["{tools}/apk-compare"],
        pieces: &[
            "0", "1", "10", "01", "010", ".", ".1", ".01", ".10", "a", "b", "_alpha", "_rc",
            "_rc1", "_p", "_git", "_p2", "-r0", "-r1", "~ab",
        ],
        // apk 2, which took digits behind the letter, is still installed everywhere.
        we_may_read: |v| {
            v.as_bytes().windows(2).any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_digit())
        },
        we_may_refuse: never,
    };
    if Path::new(HERE).join("../../target/version-tools/apk-compare").exists() {
        check(&tool);
    } else {
        println!("apk: not compared with the tool, which is not packaged here");
    }
}

#[test]
fn npm() {
    check(&Tool {
        scheme: Scheme::Npm,
        command: &["node", "{here}/tests/tools/compare.js", "{tools}/node/node_modules/semver"],
        pieces: &[
            "0", "1", "10", ".0", ".1", ".0.0", ".1.2", ".10.0", "-", "-rc", "-1", "-0", ".a",
            "+x", "+", "v", "A", "alpha",
        ],
        we_may_read: never,
        we_may_refuse: never,
    });
}

#[test]
fn go() {
    check(&Tool {
        scheme: Scheme::Go,
        command: &["{tools}/go/compare"],
        pieces: &[
            ".0",
            ".1",
            ".10.2",
            ".0.0",
            "-rc",
            "-0",
            "-1.2",
            ".a",
            "+incompatible",
            "-20180116102854-5a71ef0e047d",
            "9",
        ],
        // Advisories leave the `v` out, and leading zeros or a pre-release behind two numbers are harmless.
        we_may_read: |_| true,
        we_may_refuse: never,
    });
}

#[test]
fn pep440() {
    check(&Tool {
        scheme: Scheme::Pep440,
        command: &["/usr/bin/python3", "{here}/tests/tools/compare.py", "pep440"],
        pieces: &[
            "0", "1", "10", "01", ".0", ".1", ".", "-", "_", "a", "b1", "rc", "c2", "alpha",
            "Beta", "pre", "preview1", ".post", "-1", "rev", "r2", ".dev", "dev1", "+", "+a", "+1",
            "+1.b", "!", "v",
        ],
        we_may_read: never,
        we_may_refuse: never,
    });
}

#[test]
fn gem() {
    check(&Tool {
        scheme: Scheme::Gem,
        command: &["ruby", "{here}/tests/tools/compare.rb"],
        pieces: &[
            "0", "1", "10", "01", ".0", ".1", ".0.0", ".a", ".b", ".rc", "rc1", "-", "-1", "-beta",
            ".Z", ".pre", ".",
        ],
        we_may_read: never,
        we_may_refuse: never,
    });
}

#[test]
fn composer() {
    check(&Tool {
        scheme: Scheme::Composer,
        command: &["php", "{here}/tests/tools/compare.php"],
        pieces: &[
            "0", "1", "10", "01", ".0", ".1", ".x", ".*", "-dev", ".dev", "dev", "-", "_", "alpha",
            "-a", "b2", "-beta.1", "RC", "rc1", "-p1", "pl", "patch", "stable", "-stable", "+x",
            "v", "2010", "-01", "@dev", "dev-",
        ],
        we_may_read: never,
        we_may_refuse: never,
    });
}

#[test]
fn pacman() {
    check(&Tool {
        scheme: Scheme::Pacman,
        command: &["/usr/bin/python3", "{here}/tests/tools/compare.py", "pacman"],
        pieces: &["0", "1", "10", "009", ".", ".", "_", "+", "..", "a", "Z", "rc", "1:"],
        we_may_read: never,
        // A separator at the end: pacman puts it both above and below the same versions.
        we_may_refuse: |v| v.is_empty() || v.ends_with(['.', '_', '+', ':']),
    });
}

/// Where we differ from Maven, Maven must contradict itself: a start of either version shows it.
#[test]
fn maven() {
    let tool = Tool {
        scheme: Scheme::Maven,
        command: &["java", "-cp", "{tools}/maven-artifact.jar", "{here}/tests/tools/Compare.java"],
        pieces: &[
            "0", "1", "10", "01", ".", ".", ".", "-", "-", "alpha", "beta", "rc", "cr", "SNAPSHOT",
            "final", "ga", "RELEASE", "sp", "foo", "a", "b", "m", "x", "redhat", "_", "+",
        ],
        we_may_read: never,
        we_may_refuse: |v| !v.bytes().any(|b| b.is_ascii_alphanumeric()),
    };
    let different = differences(&tool);
    let mut witnesses = Vec::new();
    for (at, (a, b, ..)) in different.iter().enumerate() {
        let starts = |v: &str| (1..v.len()).map(|end| v[..end].to_owned()).collect::<Vec<_>>();
        let between: BTreeSet<String> =
            [starts(a), starts(b), vec!["0".to_owned()]].into_iter().flatten().collect();
        witnesses.extend(between.into_iter().map(|start| (at, start)));
    }
    let pairs: Vec<(String, String)> = witnesses
        .iter()
        .flat_map(|(at, start)| {
            let (a, b, ..) = &different[*at];
            [(a.clone(), start.clone()), (start.clone(), b.clone())]
        })
        .collect();
    let answers = if pairs.is_empty() { Some(Vec::new()) } else { ask(&tool, &pairs) };
    let answers = answers.expect("the tool has just answered");
    let explained: BTreeSet<usize> = witnesses
        .iter()
        .zip(answers.chunks(2))
        .filter(|((at, _), two)| through(&two[0], &two[1]) == Some(different[*at].2.as_str()))
        .map(|((at, _), _)| *at)
        .collect();
    println!("maven: {} differ, {} explained by a cycle", different.len(), explained.len());
    let unexplained: Vec<_> =
        different.iter().enumerate().filter(|(at, _)| !explained.contains(at)).collect();
    assert!(unexplained.is_empty(), "{}: {unexplained:#?}", unexplained.len());
    assert!(different.len() < GENERATED / 20, "too many differences: {}", different.len());
}

/// What `a ? b` must be when `a ? x` and `x ? b` are as given, if that follows.
fn through<'a>(first: &'a str, second: &'a str) -> Option<&'a str> {
    match (first, second) {
        (same, other) if same == other => Some(same),
        ("0", other) | (other, "0") => Some(other),
        _ => None,
    }
}
