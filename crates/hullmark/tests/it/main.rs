//! The program as a person runs it: output, exit codes, errors with hints. Data ships in the repository.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod cache;
mod check;
mod errors;
mod hostile;
mod registry;
mod scan;

use std::path::{Path, PathBuf};
use std::process::Command;

/// What one run left behind.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

/// A home of its own, so that neither the user's configuration nor an earlier test counts.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs the program in the repository's folder with nothing in its environment but a home.
    fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().map(Run::from).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hullmark"));
        command
            .args(arguments)
            .current_dir(repository())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin");
        command
    }
}

impl From<std::process::Output> for Run {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("the program is never killed by a signal");
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

const SHOP: &str = "oci-archive:examples/quickstart/shop.oci.tar";
const ADVISORIES: &str = "examples/quickstart/advisories";
const POLICY: &str = "examples/quickstart/policy.yaml";
