//! The advisories that a command asks: the database in the data folder, or files named on the command line.

use std::sync::Arc;

use hullmark_advisory::compile::{self, UpdateError};
use hullmark_advisory::ignore::Rules;
use hullmark_advisory::{Database, matching, vex};
use hullmark_examine::{AttachedVex, Suppressions};

use super::now;
use crate::cli::MatchArgs;
use crate::error::{CommandError, ErrorKind};
use crate::open;
use crate::settings::Settings;
use crate::ui::Ui;

/// An open database, and the folder that goes away with it if it was made for this command only.
pub(super) struct Advisories {
    pub(super) database: Arc<Database>,
    _temporary: Option<tempfile::TempDir>,
}

/// Opens the advisories to ask.
pub(super) fn open(
    args: &MatchArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<Advisories, CommandError> {
    if args.advisories.is_empty() {
        let database = open::database(&settings.advisories())?;
        return Ok(Advisories { database, _temporary: None });
    }
    let folder = tempfile::tempdir()
        .map_err(|e| CommandError::step(ErrorKind::Io, "failed to create a temporary folder", e))?;
    let report = compile::import(folder.path(), &args.advisories, now(), &settings.limits)
        .map_err(import_failed)?;
    report_problems(&report, ui);
    let database = open::database(folder.path())?;
    Ok(Advisories { database, _temporary: Some(folder) })
}

/// What suppresses findings.
pub(super) fn suppressions(
    args: &MatchArgs,
    settings: &Settings,
) -> Result<Suppressions, CommandError> {
    let mut vex = Vec::new();
    for path in &args.vex {
        let name = path.display().to_string();
        let bytes = open::read_bounded(path, settings.limits.document_bytes)?;
        let failed =
            |e| CommandError::step(ErrorKind::Usage, format!("failed to read `{name}`"), e);
        vex.push(vex::parse(&bytes, &name).map_err(failed)?);
    }
    let mut ignore = Vec::new();
    for path in &args.ignore_file {
        let name = path.display().to_string();
        let bytes = open::read_bounded(path, settings.limits.document_bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let failed =
            |e| CommandError::step(ErrorKind::Usage, format!("failed to read `{name}`"), e);
        ignore.push(Rules::parse(&text, &name).map_err(failed)?);
    }
    let attached = if args.insecure_attached_vex {
        AttachedVex::DangerousTrustUnsigned
    } else {
        AttachedVex::Ignore
    };
    Ok(Suppressions { vex: Arc::new(vex), ignore: Arc::new(ignore), attached })
}

/// How packages are matched.
pub(super) fn options(args: &MatchArgs) -> matching::Options {
    matching::Options { at: args.at, ..matching::Options::default() }
}

/// Says which records could not be read: they are missing from every answer.
pub(super) fn report_problems(report: &compile::Report, ui: &Ui) {
    const SHOWN: usize = 5;
    for problem in report.problems.iter().take(SHOWN) {
        ui.warning(&format!("failed to read `{}`: {}", problem.path, problem.reason));
    }
    if report.problem_count > SHOWN as u64 {
        ui.warning(&format!("{} records in all could not be read", report.problem_count));
    }
}

/// A failed import with what to try.
pub(super) fn import_failed(error: UpdateError) -> CommandError {
    let hint = match &error {
        UpdateError::Unrecognized { .. } => Some(
            "what can be read: an OSV export (`all.zip`), OSV JSON files, KEV JSON, EPSS CSV, and folders of these",
        ),
        _ => None,
    };
    let error = CommandError::new(ErrorKind::Database, error);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
