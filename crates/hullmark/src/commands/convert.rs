//! `hullmark convert`: a stored JSON report in another format, without examining anything again.

use hullmark_evidence::report;

use super::{Outcome, scan};
use crate::cli::ConvertArgs;
use crate::error::{CommandError, ErrorKind};
use crate::open;
use crate::settings::Settings;
use crate::ui::Ui;

pub(super) fn run(
    args: ConvertArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<Outcome, CommandError> {
    let bytes = open::read_bounded(&args.file, settings.limits.document_bytes)?;
    let stored = report::json::read(&bytes, &settings.limits).map_err(|e| {
        CommandError::step(
            ErrorKind::Malformed,
            format!("failed to read `{}`", args.file.display()),
            e,
        )
        .hint("a report is what `hullmark scan --format json` writes")
    })?;
    if !stored.severities.is_empty() || stored.only_fixable {
        ui.warning("the report was limited when it was made; what it left out is not here either");
    }
    scan::write_report(&stored.images, &args.report, ui)?;
    Ok(Outcome::Done)
}
