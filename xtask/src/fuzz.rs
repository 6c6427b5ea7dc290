//! Runs the fuzz targets: each for a short time, or one for as long as wanted. The programs are cargo-fuzz and a nightly toolchain.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Seconds for each target of a short run.
const SMOKE_SECONDS: u32 = 10;

/// What one run did.
struct Run {
    target: String,
    executions: u64,
    seconds: u64,
    /// Where the first lines of a failure are, if there was one.
    failure: Option<String>,
}

/// Runs every target for a short time.
pub(crate) fn smoke(root: &Path) -> Result<()> {
    let folder = root.join("fuzz");
    require_tools()?;
    let built = cargo_fuzz(&folder, "build").status().context("failed to run cargo-fuzz")?;
    if !built.success() {
        bail!("the fuzz targets do not build");
    }
    let runs = targets(&folder)?
        .iter()
        .map(|target| run_target(&folder, target, SMOKE_SECONDS))
        .collect::<Result<Vec<_>>>()?;
    report(&runs)
}

/// Runs one target.
pub(crate) fn one(root: &Path, target: &str, seconds: &str) -> Result<()> {
    let folder = root.join("fuzz");
    let seconds = seconds.parse().context("the time is a number of seconds")?;
    let targets = targets(&folder)?;
    if !targets.iter().any(|known| known == target) {
        bail!("`{target}` is no target; there are {}", targets.join(", "));
    }
    require_tools()?;
    report(&[run_target(&folder, target, seconds)?])
}

fn require_tools() -> Result<()> {
    let works = cargo_fuzz(Path::new("."), "--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        bail!(
            "cargo-fuzz or a nightly toolchain is missing: `cargo install cargo-fuzz --locked`, `rustup toolchain install nightly`"
        );
    }
    Ok(())
}

/// The names of all targets, sorted.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("fuzz_targets")).context("failed to list the targets")? {
        let path = entry?.path();
        if let (Some(name), Some("rs")) =
            (path.file_stem(), path.extension().and_then(|e| e.to_str()))
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Runs one target from its seeds and from what earlier runs found; what this one finds is kept in `found/`, not among the seeds.
fn run_target(folder: &Path, target: &str, seconds: u32) -> Result<Run> {
    eprintln!("{target}: {seconds} s");
    let (found, seeds) = (format!("found/{target}"), format!("corpus/{target}"));
    fs::create_dir_all(folder.join(&found)).context("failed to create a folder")?;
    let start = Instant::now();
    let mut command = cargo_fuzz(folder, "run");
    command.args([target, &found]);
    if folder.join(&seeds).is_dir() {
        command.arg(&seeds);
    }
    let output = command
        .args(["--", "-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-max_total_time={seconds}"))
        .stdout(Stdio::null())
        .output()
        .context("failed to run cargo-fuzz")?;
    let log = String::from_utf8_lossy(&output.stderr);
    Ok(Run {
        target: target.to_owned(),
        executions: executions(&log),
        seconds: start.elapsed().as_secs(),
        failure: (!output.status.success()).then(|| failure(&log)),
    })
}

fn cargo_fuzz(folder: &Path, task: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", task]).current_dir(folder);
    if task != "--version" {
        // Our code is safe Rust: a sanitizer would halve the speed and find little. `hullmark_fuzz` bounds allocations itself.
        command.args(["--sanitizer", "none", "--fuzz-dir", "."]);
    }
    command
}

fn executions(log: &str) -> u64 {
    log.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or_default()
}

/// The lines of a log that say what went wrong, and with which input.
fn failure(log: &str) -> String {
    let tells = |line: &&str| {
        ["panicked at", "ERROR:", "SUMMARY:", "an allocation of", "artifacts/"]
            .iter()
            .any(|mark| line.contains(mark))
    };
    let lines: Vec<&str> = log.lines().filter(tells).take(8).collect();
    if lines.is_empty() { log.lines().rev().take(5).collect() } else { lines.join("\n  ") }
}

fn report(runs: &[Run]) -> Result<()> {
    println!("{:<20} {:>12} {:>8}  result", "target", "executions", "seconds");
    for run in runs {
        let result = if run.failure.is_some() { "FAILED" } else { "ok" };
        println!("{:<20} {:>12} {:>8}  {result}", run.target, run.executions, run.seconds);
    }
    let failures: Vec<String> = runs
        .iter()
        .filter_map(|run| run.failure.as_ref().map(|why| format!("{}:\n  {why}", run.target)))
        .collect();
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{} of {} targets failed\n{}", failures.len(), runs.len(), failures.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_failures_are_found_in_a_log() {
        let log = "INFO: x\nthread 'main' panicked at src/a.rs:1:1:\nno\nstat::number_of_executed_units: 42\n";
        assert_eq!(executions(log), 42);
        assert_eq!(failure(log), "thread 'main' panicked at src/a.rs:1:1:");
        assert_eq!(executions("nothing"), 0);
        assert_eq!(failure("build error"), "build error");
    }

    #[test]
    fn every_target_is_in_the_manifest_and_has_seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let targets = targets(&folder).unwrap();
        assert!(targets.len() > 20);
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target}");
            assert!(folder.join("corpus").join(&target).is_dir(), "{target}");
        }
    }
}
