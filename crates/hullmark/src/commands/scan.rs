//! `hullmark scan`: what is known against what is in an image.

use hullmark_advisory::Status;
use hullmark_evidence::Evidence;
use hullmark_evidence::report::{self, Options, ReportError, Template};
use hullmark_inventory::catalog::binary::Executables;

use super::{Inquiry, Outcome, advisories};
use crate::cli::{ReportArgs, ScanArgs};
use crate::error::{CommandError, ErrorKind};
use crate::open;
use crate::settings::Settings;
use crate::ui::Ui;

/// A template is written by hand; anything larger is something else.
const TEMPLATE_LIMIT: u64 = 1 << 20;

pub(super) fn run(args: ScanArgs, settings: &Settings, ui: &Ui) -> Result<Outcome, CommandError> {
    let ScanArgs { targets, report, fail_on, fail_on_gaps, image, matching } = args;
    // Said before minutes of work and not after.
    if targets.len() > 1 && !report.format.holds_many() {
        let error = ReportError::OneImage { format: report.format, images: targets.len() };
        return Err(CommandError::new(ErrorKind::Usage, error));
    }
    let advisories = advisories::open(&matching, settings, ui)?;
    let inquiry = Inquiry {
        image: &image,
        executables: Executables::Skip,
        advisories: Some(advisories.database.clone()),
        matching: advisories::options(&matching),
        suppressions: advisories::suppressions(&matching, settings)?,
        judge: None,
    };
    let evidence: Vec<Evidence> =
        inquiry.run(&targets, settings, ui)?.into_iter().map(|e| e.evidence).collect();
    write_report(&evidence, &report, ui)?;
    let over = |e: &Evidence| {
        fail_on.is_some_and(|threshold| {
            e.findings.iter().any(|f| {
                f.status == Status::Open && f.suppressed.is_none() && f.severity >= threshold
            })
        })
    };
    let gaps = |e: &Evidence| fail_on_gaps && !e.inventory.gaps.is_empty();
    let failed = evidence.iter().any(|e| over(e) || gaps(e));
    Ok(if failed { Outcome::Denied } else { Outcome::Done })
}

/// Writes evidence in the format asked for.
pub(super) fn write_report(
    evidence: &[Evidence],
    args: &ReportArgs,
    ui: &Ui,
) -> Result<(), CommandError> {
    let template = match &args.template {
        Some(path) => {
            let bytes = open::read_bounded(path, TEMPLATE_LIMIT)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Some(Template { name: path.display().to_string(), text })
        }
        None => None,
    };
    let options = Options {
        severities: args.severity.clone(),
        only_fixable: args.ignore_unfixed,
        sort: args.sort,
        show_suppressed: args.show_suppressed,
        columns: ui.columns(),
        color: ui.color(args.output.as_deref()),
        template,
    };
    let bytes = report::render(evidence, args.format, &options)
        .map_err(|e| CommandError::new(ErrorKind::Usage, e))?;
    ui.data(&bytes, args.output.as_deref())
}
