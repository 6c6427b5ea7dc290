//! `hullmark check`: one verdict per image, and one exit code for all of them.

use std::path::Path;
use std::sync::Arc;

use anstyle::AnsiColor;

use hullmark_examine::Examination;
use hullmark_inventory::catalog::binary::Executables;
use hullmark_policy::verdict::{self, NoStyle, Style, TextOptions};
use hullmark_policy::{Decision, Stage, Verdict};
use serde_json::json;

use super::{Inquiry, Outcome, advisories};
use crate::cli::{self, CheckArgs, CheckFormat};
use crate::error::CommandError;
use crate::open;
use crate::settings::Settings;
use crate::ui::Ui;

pub(super) fn run(args: CheckArgs, settings: &Settings, ui: &Ui) -> Result<Outcome, CommandError> {
    let CheckArgs { targets, policy, stage, format, output, image, matching } = args;
    let named = if policy.is_empty() { &settings.policy.value } else { &policy };
    let policies = Arc::new(open::policies(named)?);
    let advisories = advisories::open(&matching, settings, ui)?;
    let inquiry = Inquiry {
        image: &image,
        executables: Executables::Skip,
        advisories: Some(advisories.database.clone()),
        matching: advisories::options(&matching),
        suppressions: advisories::suppressions(&matching, settings)?,
        judge: Some((policies, gate(stage))),
    };
    let examinations = inquiry.run(&targets, settings, ui)?;
    let verdicts: Vec<&Verdict> =
        examinations.iter().filter_map(|e: &Examination| e.verdict.as_ref()).collect();
    let report = match format {
        CheckFormat::Json => {
            let documents: Vec<_> = verdicts.iter().map(|v| verdict::document(v)).collect();
            let mut text = match documents.as_slice() {
                [one] => format!("{:#}", json!(one)),
                many => format!("{:#}", json!(many)),
            };
            text.push('\n');
            text
        }
        CheckFormat::Text => {
            verdicts.iter().map(|v| text(v, ui, output.as_deref())).collect::<Vec<_>>().join("\n")
        }
    };
    ui.data(report.as_bytes(), output.as_deref())?;
    let denied = verdicts.iter().any(|v| v.decision == Decision::Deny);
    Ok(if denied { Outcome::Denied } else { Outcome::Done })
}

fn text(verdict: &Verdict, ui: &Ui, output: Option<&Path>) -> String {
    let options = TextOptions { width: ui.columns(), ..TextOptions::default() };
    if ui.color(output) {
        verdict::text(verdict, options, &Colors)
    } else {
        verdict::text(verdict, options, &NoStyle)
    }
}

fn gate(stage: cli::Stage) -> Stage {
    match stage {
        cli::Stage::Build => Stage::Build,
        cli::Stage::Push => Stage::Push,
        cli::Stage::Admission => Stage::Admission,
        cli::Stage::Runtime => Stage::Runtime,
    }
}

/// Verdicts on a terminal.
struct Colors;

impl Style for Colors {
    fn decision(&self, text: &str, decision: Decision) -> String {
        let color = match decision {
            Decision::Allow => AnsiColor::Green,
            Decision::Warn => AnsiColor::Yellow,
            Decision::Deny => AnsiColor::Red,
        };
        let style = anstyle::Style::new().bold().fg_color(Some(color.into()));
        format!("{style}{text}{style:#}")
    }

    fn dim(&self, text: &str) -> String {
        let style = anstyle::Style::new().dimmed();
        format!("{style}{text}{style:#}")
    }
}
