//! One module per subcommand. Each turns its arguments into a request, runs it, and says how the process ends.

mod advisories;
mod check;
mod config;
mod convert;
mod db;
mod explain;
mod sbom;
mod scan;

use std::process::ExitCode;
use std::sync::Arc;

use clap::CommandFactory as _;
use hullmark_advisory::Database;
use hullmark_advisory::matching;
use hullmark_examine::{Examination, Ports, Request, Suppressions, examine};
use hullmark_inventory::cache::FragmentCache;
use hullmark_inventory::catalog::binary::Executables;
use hullmark_inventory::scan::ScanOptions;
use hullmark_policy::{Policies, Stage};

use crate::cli::{Cli, Command, ImageArgs};
use crate::error::{CommandError, ErrorKind};
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{open, progress};

/// How a command ended, short of failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or allowed.
    Done,
    /// Denied, or findings over the threshold asked for.
    Denied,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Denied => Self::from(1),
        }
    }
}

/// Runs a command.
pub(crate) fn run(command: Command, settings: &Settings, ui: &Ui) -> Result<Outcome, CommandError> {
    match command {
        Command::Check(args) => check::run(args, settings, ui),
        Command::Scan(args) => scan::run(args, settings, ui),
        Command::Sbom(args) => sbom::run(args, settings, ui),
        Command::Explain(args) => explain::run(args, settings, ui),
        Command::Convert(args) => convert::run(args, settings, ui),
        Command::Db(command) => db::run(command, settings, ui),
        Command::Config(command) => config::run(&command, settings, ui),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "hullmark", &mut script);
            ui.data(&script, None)?;
            Ok(Outcome::Done)
        }
        Command::Man { folder } => {
            let failed = |e| {
                CommandError::step(
                    ErrorKind::Io,
                    format!("failed to write to `{}`", folder.display()),
                    e,
                )
            };
            std::fs::create_dir_all(&folder).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), &folder).map_err(failed)?;
            Ok(Outcome::Done)
        }
    }
}

/// What every examining command asks alike.
struct Inquiry<'a> {
    image: &'a ImageArgs,
    executables: Executables,
    advisories: Option<Arc<Database>>,
    matching: matching::Options,
    suppressions: Suppressions,
    judge: Option<(Arc<Policies>, Stage)>,
}

impl Inquiry<'_> {
    /// Examines targets, one after another, in the order given.
    fn run(
        self,
        targets: &[String],
        settings: &Settings,
        ui: &Ui,
    ) -> Result<Vec<Examination>, CommandError> {
        let fragments = (!self.image.no_cache).then(|| FragmentCache::new(&settings.fragments()));
        let ports = Ports { fragments, advisories: self.advisories, progress: progress::start(ui) };
        let at = self.matching.at;
        let request = Request {
            platform: open::platform(self.image),
            scan: ScanOptions { limits: settings.limits.clone(), executables: self.executables },
            matching: self.matching,
            suppressions: self.suppressions,
            judge: self.judge,
            parallel: std::thread::available_parallelism().map_or(1, usize::from),
            // A question about another day is judged as of that day.
            now: at.unwrap_or_else(now),
        };
        let image = self.image;
        let examinations = block_on(async move {
            let mut all = Vec::new();
            for text in targets {
                let target = open::target(text, image, settings).await?;
                all.extend(examine(&target, &ports, &request).await?);
            }
            Ok(all)
        })?;
        for ended in examinations.iter().flat_map(|e| &e.ended_rules) {
            ui.warning(&format!("{ended}, and suppresses nothing"));
        }
        Ok(examinations)
    }
}

/// The time, read in one place.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary reads the clock, everything below takes the time as a parameter"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Runs asynchronous work to its end. Blocking work that is still going on when it fails is not waited for.
fn block_on<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| CommandError::step(ErrorKind::Io, "failed to start the runtime", e))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}
