//! Checks the invariants of ARCHITECTURE.md that the compiler does not: arrows between crates, who may use what, file headers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Which crates each crate may depend on. Data flows one way: a new arrow is a decision, recorded in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("hullmark-oci", &[]),
    ("hullmark-inventory", &["hullmark-oci"]),
    ("hullmark-advisory", &["hullmark-oci", "hullmark-inventory"]),
    ("hullmark-evidence", &["hullmark-oci", "hullmark-inventory", "hullmark-advisory"]),
    (
        "hullmark-policy",
        &["hullmark-oci", "hullmark-inventory", "hullmark-advisory", "hullmark-evidence"],
    ),
    ("hullmark-client", &["hullmark-oci", "hullmark-advisory"]),
    (
        "hullmark-examine",
        &[
            "hullmark-oci",
            "hullmark-inventory",
            "hullmark-advisory",
            "hullmark-evidence",
            "hullmark-policy",
        ],
    ),
    (
        "hullmark",
        &[
            "hullmark-oci",
            "hullmark-inventory",
            "hullmark-advisory",
            "hullmark-evidence",
            "hullmark-policy",
            "hullmark-client",
            "hullmark-examine",
        ],
    ),
    ("hullmark-testkit", &["hullmark-oci"]),
    ("xtask", &[]),
];

/// Dependencies that only the named crates may have.
const FENCED: &[(&str, &[&str])] = &[
    ("reqwest", &["hullmark-client"]),
    ("tokio", &["hullmark-client", "hullmark-examine", "hullmark"]),
    ("clap", &["hullmark"]),
    ("indicatif", &["hullmark"]),
    ("memmap2", &["hullmark-advisory"]),
    ("anyhow", &["xtask"]),
];

/// Crates that must not be compiled. The lock file may name one that is an option nobody takes.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "ring", "libsqlite3-sys"];

/// Packages in the lock file. Raised on purpose only, with the reason in the commit.
const LOCK_CEILING: usize = 400;

/// The one file that may contain unsafe code.
const UNSAFE: &str = "crates/hullmark-advisory/src/db/map.rs";

/// A file longer than this needs a reason in [`LONG_FILES`].
const LONG: usize = 1000;
const LONG_FILES: &[(&str, &str)] = &[];

/// Runs every check and reports all that fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut problems = Vec::new();
    check_arrows(root, &mut problems)?;
    check_lock_file(root, &mut problems)?;
    check_banned(root, &mut problems)?;
    for file in rust_files(root)? {
        check_file(root, &file, &mut problems)?;
    }
    if problems.is_empty() {
        println!("tidy: all invariants hold");
        return Ok(());
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    bail!("{} invariants are broken", problems.len())
}

fn check_arrows(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let output = cargo(root, &["metadata", "--no-deps", "--offline", "--format-version", "1"])?;
    let metadata: serde_json::Value = serde_json::from_str(&output)?;
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for package in metadata["packages"].as_array().context("no packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = arrows.get(name) else {
            problems.push(format!("crate `{name}` has no line in ARROWS"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let is_development = dependency["kind"] == "dev";
            if to.starts_with("hullmark") && !is_development && !allowed.contains(&to) {
                problems.push(format!("`{name}` depends on `{to}`, which is no arrow"));
            }
            let fence = FENCED.iter().find(|(fenced, _)| *fenced == to);
            if fence.is_some_and(|(_, owners)| !owners.contains(&name)) && !is_development {
                problems.push(format!("`{name}` depends on `{to}`, which is fenced off"));
            }
        }
        check_manifest(name, package["manifest_path"].as_str().unwrap_or_default(), problems)?;
    }
    Ok(())
}

fn check_manifest(name: &str, path: &str, problems: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read `{path}`"))?;
    if name != "xtask" && !text.contains("[lints]\nworkspace = true") {
        problems.push(format!("`{name}` does not use the workspace's lints"));
    }
    let inline =
        text.lines().any(|line| line.contains("version = \"") || line.contains("path = \"../"));
    if inline {
        problems.push(format!("`{name}` names versions or paths that belong in the workspace"));
    }
    Ok(())
}

fn check_lock_file(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(root.join("Cargo.lock")).context("failed to read Cargo.lock")?;
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    if names.len() > LOCK_CEILING {
        problems.push(format!("{} packages in the lock file, over {LOCK_CEILING}", names.len()));
    }
    Ok(())
}

fn check_banned(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let tree =
        cargo(root, &["tree", "--workspace", "--offline", "--target", "all", "--prefix", "none"])?;
    let present: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    for banned in BANNED.iter().filter(|banned| present.contains(*banned)) {
        problems.push(format!("`{banned}` is a dependency"));
    }
    Ok(())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("failed to run `cargo {}`", arguments[0]))?;
    if !output.status.success() {
        bail!("`cargo {}` failed: {}", arguments[0], String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn check_file(root: &Path, file: &Path, problems: &mut Vec<String>) -> Result<()> {
    let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("failed to read `{name}`"))?;
    if !text.starts_with("//!") && !text.starts_with("#![") {
        problems.push(format!("`{name}` does not start with `//!`"));
    }
    let lines = text.lines().count();
    if lines > LONG && !LONG_FILES.iter().any(|(long, _)| *long == name) {
        problems.push(format!("`{name}` has {lines} lines and no reason for it"));
    }
    let uses_unsafe = text.lines().map(str::trim_start).any(|line| {
        !line.starts_with("//") && (line.contains("unsafe {") || line.contains("unsafe fn"))
    });
    if uses_unsafe && name != UNSAFE && !name.starts_with("xtask/") {
        problems.push(format!("`{name}` contains unsafe code"));
    }
    Ok(())
}

fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.join("crates"), root.join("xtask/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
