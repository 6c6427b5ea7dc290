//! Developer tasks: `cargo xtask tidy | bench | fuzz | docs`.

mod bench;
mod bench_image;
mod fuzz;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask TASK

  tidy                 check the architecture's invariants
  bench scan|match     measure against peers, alternately, and print ratios
  fuzz --smoke         run every fuzz target for a short time
  fuzz TARGET SECONDS  run one fuzz target";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["tidy"] => tidy::run(&root()),
        ["bench", "scan"] => bench::scan(&root(), 5),
        ["fuzz", "--smoke"] => fuzz::smoke(&root()),
        ["fuzz", target, seconds] => fuzz::one(&root(), target, seconds),
        _ => bail!("{USAGE}"),
    }
}

/// The repository's folder.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
