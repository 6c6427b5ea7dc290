//! Compares versions: reads `A<TAB>B` lines on stdin and prints `-1`, `0`, `1`, or `?` where either does not parse.
//!
//! `cargo run -p hullmark-advisory --example compare -- SCHEME`, where SCHEME is one of `Scheme::ALL`, or `rpm-evr`
//! (the same as `rpm`), `rpm-lenient` (epochs and releases that one side lacks are not compared), `rpm-nevra`.

use std::cmp::Ordering;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use hullmark_advisory::version::rpm::{self, OneSided};
use hullmark_advisory::version::{Scheme, Unparsable};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(compare) = comparison(&name) else {
        let names: Vec<&str> = Scheme::ALL.iter().map(|scheme| scheme.as_str()).collect();
        let message = format!(
            "usage: compare SCHEME\nschemes: {} rpm-evr rpm-lenient rpm-nevra\n",
            names.join(" ")
        );
        // Nothing sensible is left to do when stderr is closed.
        return match io::stderr().write_all(message.as_bytes()) {
            Ok(()) | Err(_) => ExitCode::from(2),
        };
    };
    match run(&compare) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

type Compare = dyn Fn(&str, &str) -> Result<Ordering, Unparsable>;

fn comparison(name: &str) -> Option<Box<Compare>> {
    match name {
        "rpm-evr" => Some(Box::new(|a, b| Scheme::Rpm.compare(a, b))),
        "rpm-lenient" => {
            Some(Box::new(|a, b| rpm::compare_evr(a, b, OneSided::Skip, OneSided::Skip)))
        }
        "rpm-nevra" => Some(Box::new(rpm::compare_nevra)),
        name => {
            let scheme: Scheme = name.parse().ok()?;
            Some(Box::new(move |a, b| scheme.compare(a, b)))
        }
    }
}

fn run(compare: &Compare) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? != 0 {
        let answer = match pair(&line).map(|(a, b)| compare(a, b)) {
            Some(Ok(order)) => order as i8,
            Some(Err(_)) | None => {
                out.write_all(b"?\n")?;
                line.clear();
                continue;
            }
        };
        writeln!(out, "{answer}")?;
        line.clear();
    }
    out.flush()
}

/// Splits `A<TAB>B`; `None` unless it is UTF-8 with one tab.
fn pair(line: &[u8]) -> Option<(&str, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    line.strip_suffix('\n').unwrap_or(line).split_once('\t')
}
