//! `hullmark db`: the advisory database: import, status, search.

use hullmark_advisory::compile::{self, Report};
use hullmark_advisory::db::SegmentInfo;
use jiff::Timestamp;
use serde_json::json;

use super::{Outcome, advisories, now};
use crate::cli::{CheckFormat, DbCommand};
use crate::error::{CommandError, ErrorKind};
use crate::open;
use crate::settings::Settings;
use crate::ui::Ui;

pub(super) fn run(
    command: DbCommand,
    settings: &Settings,
    ui: &Ui,
) -> Result<Outcome, CommandError> {
    let folder = settings.advisories();
    match command {
        DbCommand::Import { paths } => {
            let report = compile::import(&folder, &paths, now(), &settings.limits)
                .map_err(advisories::import_failed)?;
            summarize(&report, ui);
        }
        DbCommand::Status { format } => {
            let database = open::database(&folder)?;
            let segments = &database.status().segments;
            let text = match format {
                CheckFormat::Json => {
                    let document =
                        json!({ "schema": "hullmark.advisories/v1", "segments": segments });
                    format!("{document:#}\n")
                }
                CheckFormat::Text => status(segments, now()),
            };
            ui.data(text.as_bytes(), None)?;
        }
        DbCommand::Search { query, format } => {
            let found = open::database(&folder)?.search(&query)?;
            let text = match format {
                CheckFormat::Json => {
                    let records: Vec<_> = found
                        .iter()
                        .map(|(segment, record)| json!({ "segment": segment, "record": record }))
                        .collect();
                    let document =
                        json!({ "schema": "hullmark.advisory-search/v1", "records": records });
                    format!("{document:#}\n")
                }
                CheckFormat::Text => found
                    .iter()
                    .map(|(segment, record)| format!("{segment:<16} {}\n", record.id))
                    .collect(),
            };
            ui.data(text.as_bytes(), None)?;
            if found.is_empty() {
                ui.note(&format!("nothing about `{query}`"));
            }
        }
        DbCommand::Update { .. }
        | DbCommand::Export { .. }
        | DbCommand::Push { .. }
        | DbCommand::Pull { .. } => {
            return Err(CommandError::message(ErrorKind::Usage, "not there yet"));
        }
    }
    Ok(Outcome::Done)
}

fn summarize(report: &Report, ui: &Ui) {
    advisories::report_problems(report, ui);
    ui.note(&format!("read {} records, {} segments changed", report.read, report.changed.len()));
    if report.unmatched > 0 {
        ui.note(&format!("{} records are of ecosystems that cannot be matched", report.unmatched));
    }
    for name in &report.gone {
        ui.note(&format!("`{name}` is gone"));
    }
}

fn status(segments: &[SegmentInfo], now: Timestamp) -> String {
    let mut text = format!(
        "{:<24} {:>8} {:>9} {:<11} {:>8}  {}\n",
        "segment", "records", "KiB", "newest", "age", "source"
    );
    for segment in segments {
        let SegmentInfo { name, records, size, newest, updated, source, .. } = segment;
        let newest = newest.map_or_else(|| "-".into(), |t| t.strftime("%Y-%m-%d").to_string());
        let age = updated.map_or_else(|| "-".into(), |t| age(t, now));
        text.push_str(&format!(
            "{name:<24} {records:>8} {:>9} {newest:<11} {age:>8}  {source}\n",
            size.div_ceil(1024)
        ));
    }
    text
}

/// How long ago, in the largest unit that fits.
fn age(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(then).as_mins();
    match minutes {
        ..60 => format!("{minutes} min"),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}
