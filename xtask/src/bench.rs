//! Measures ours and the peer alternately in one run: CPU seconds, wall seconds, peak memory; medians and ratios.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench_image;

/// One run of one program.
#[derive(Clone, Copy, Debug)]
struct Sample {
    cpu: f64,
    wall: f64,
    /// Peak resident memory in MiB.
    memory: f64,
}

struct Contender {
    name: String,
    command: Vec<String>,
    environment: Vec<(String, String)>,
    samples: Vec<Sample>,
}

/// Inventory of the bench image, cold and warm, beside syft and the floor.
pub(crate) fn scan(root: &Path, runs: usize) -> Result<()> {
    let tools = root.join(".tools");
    let image = bench_image::build(&tools.join("bench"))?;
    let syft = find_syft(&tools)?;
    cargo(root, &["build", "--release", "--quiet", "-p", "hullmark"])?;
    cargo(root, &["build", "--release", "--quiet", "-p", "hullmark-oci", "--example", "floor"])?;
    let release = root.join("target/release");
    let data = tempfile::tempdir()?;
    let text = |path: PathBuf| path.display().to_string();
    let target = format!("oci:{}", image.display());
    let ours = |cache: &str| {
        let mut command = vec![text(release.join("hullmark")), "sbom".into(), target.clone()];
        command.extend(
            ["--format", "cyclonedx", "-o", "/dev/null", "-q", "--data-dir"].map(String::from),
        );
        command.push(data.path().display().to_string());
        command.extend((!cache.is_empty()).then(|| cache.to_owned()));
        command
    };
    let floor = vec![text(release.join("examples/floor")), text(image.clone())];
    let peer = [
        text(syft),
        format!("oci-dir:{}", image.display()),
        "-q".into(),
        "-o".into(),
        "cyclonedx-json=/dev/null".into(),
    ];
    let quiet = vec![("SYFT_CHECK_FOR_APP_UPDATE".to_owned(), "false".to_owned())];
    let mut contenders = [
        Contender::new("inflate + hash floor", floor, &[]),
        Contender::new("hullmark sbom, cold", ours("--no-cache"), &[]),
        Contender::new("hullmark sbom, warm", ours(""), &[]),
        Contender::new("syft", peer.to_vec(), &quiet),
    ];
    // Fills the cache and the page cache, uncounted.
    for contender in &contenders {
        contender.run()?;
    }
    for _ in 0..runs {
        for contender in &mut contenders {
            let sample = contender.run()?;
            contender.samples.push(sample);
        }
    }
    report(&contenders);
    Ok(())
}

impl Contender {
    fn new(name: &str, command: Vec<String>, environment: &[(String, String)]) -> Self {
        let environment = environment.to_vec();
        Self { name: name.into(), command, environment, samples: Vec::new() }
    }

    /// Runs once under GNU time, which sees the peak memory of exactly this process.
    fn run(&self) -> Result<Sample> {
        let output = Command::new("/usr/bin/time")
            .args(["-f", "%U %S %e %M"])
            .args(&self.command)
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .output()
            .context("failed to run `/usr/bin/time` (Debian package `time`)")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("`{}` failed: {stderr}", self.command.join(" "));
        }
        let last = stderr.lines().last().unwrap_or_default();
        let numbers: Vec<f64> = last.split(' ').filter_map(|n| n.parse().ok()).collect();
        let [user, system, wall, memory] = numbers[..] else { bail!("unexpected output: {last}") };
        Ok(Sample { cpu: user + system, wall, memory: memory / 1024.0 })
    }

    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let mut values: Vec<f64> = self.samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn report(contenders: &[Contender]) {
    let peer = contenders.last();
    println!("| run | CPU s | wall s | peak MiB | CPU vs peer | memory vs peer |");
    println!("|---|---|---|---|---|---|");
    for contender in contenders {
        let (cpu, memory) = (contender.median(|s| s.cpu), contender.median(|s| s.memory));
        let ratio = |ours: f64, of: fn(&Sample) -> f64| {
            peer.map_or(f64::NAN, |peer| peer.median(of) / ours.max(0.001))
        };
        println!(
            "| {} | {cpu:.2} | {:.2} | {memory:.0} | {:.1}x less | {:.1}x less |",
            contender.name,
            contender.median(|s| s.wall),
            ratio(cpu, |s| s.cpu),
            ratio(memory, |s| s.memory),
        );
    }
}

fn find_syft(tools: &Path) -> Result<PathBuf> {
    let candidates = [tools.join("syft/bin/syft"), PathBuf::from("/usr/local/bin/syft")];
    candidates
        .into_iter()
        .find(|path| path.is_file())
        .context("syft is missing: run `scripts/install-syft.sh`")
}

pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("cargo").args(arguments).current_dir(root).status()?;
    if !status.success() {
        bail!("`cargo {}` failed", arguments.join(" "));
    }
    Ok(())
}
