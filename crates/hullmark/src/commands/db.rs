//! `hullmark db`: the advisory database: update, import, status, search, and moving it between machines.

use std::collections::BTreeSet;
use std::path::Path;

use hullmark_advisory::DatabaseError;
use hullmark_advisory::compile::{self, Report};
use hullmark_advisory::db::{Manifest, SegmentInfo};
use hullmark_client::artifact::{self, ArtifactError, Distributed, Rollback};
use hullmark_client::feed::{self, Feed, FeedError, How, Updated};
use hullmark_client::push::Pushed;
use hullmark_client::{Client, Target};
use hullmark_oci::Reference;
use jiff::Timestamp;
use serde_json::json;

use super::{Outcome, advisories, block_on, now};
use crate::cli::{CheckFormat, ConnectionArgs, DbCommand};
use crate::error::{CommandError, ErrorKind};
use crate::settings::Settings;
use crate::ui::Ui;
use crate::{open, progress};

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
        DbCommand::Update { mirror, kev, epss, ecosystems, connection } => {
            let sources = Sources { export: mirror.or(settings.mirror.value.clone()), kev, epss };
            update(&folder, &ecosystems, sources, &connection, settings, ui)?;
        }
        DbCommand::Export { file } => {
            let digest = artifact::export(&folder, &file).map_err(artifact_error)?;
            ui.note(&format!("wrote `{}`: {digest}", file.display()));
        }
        DbCommand::Push { reference, connection } => {
            push(&folder, &reference, &connection, settings, ui)?;
        }
        DbCommand::Pull { reference, allow_older, connection } => {
            let rollback = if allow_older { Rollback::Allow } else { Rollback::Refuse };
            pull(&folder, &reference, rollback, &connection, settings, ui)?;
        }
    }
    Ok(Outcome::Done)
}

/// Where feeds come from, if not from their publishers.
struct Sources {
    export: Option<String>,
    kev: Option<String>,
    epss: Option<String>,
}

fn update(
    folder: &Path,
    names: &[String],
    sources: Sources,
    connection: &ConnectionArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<(), CommandError> {
    let feeds = feeds(folder, names)?;
    let export = sources.export.unwrap_or_else(|| feed::EXPORT.into());
    // A client certificate is shown to the mirror, and to nobody that it redirects to.
    let host = export.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let client = Client::new(open::client_options(connection, host, settings)?);
    let request = feed::Request {
        database: folder.to_owned(),
        export,
        kev: sources.kev.unwrap_or_else(|| feed::KEV.into()),
        epss: sources.epss.unwrap_or_else(|| feed::EPSS.into()),
        feeds: feeds.into_iter().collect(),
        now: now(),
        limits: settings.limits.clone(),
        progress: progress::feeds(ui),
    };
    let results = block_on(async { feed::update(&client, &request).await.map_err(feed_error) })?;
    let all = results.len();
    let mut failed: Vec<(Feed, FeedError)> = Vec::new();
    for (feed, result) in results {
        match result {
            Ok(updated) => say_updated(feed, &updated, ui),
            Err(error) => failed.push((feed, error)),
        }
    }
    // One that fails is the error; several are listed, and the last one explains.
    let Some((last, error)) = failed.pop() else { return Ok(()) };
    let count = failed.len() + 1;
    for (feed, error) in failed {
        let why = feed_error(error).chain().join(": ");
        ui.warning(&format!("failed to update `{}`: {why}", feed.name()));
    }
    let attempted = if all == 1 {
        format!("failed to update `{}`", last.name())
    } else {
        format!("failed to update {count} of {all} feeds, among them `{}`", last.name())
    };
    Err(feed_error(error).within(attempted))
}

/// The feeds that were named, or those that the database already holds something of.
fn feeds(folder: &Path, names: &[String]) -> Result<BTreeSet<Feed>, CommandError> {
    const HINT: &str = "name some, as in `hullmark db update Debian Alpine npm PyPI Go KEV EPSS`";
    if names.is_empty() {
        let known = match Manifest::read(folder) {
            Ok(manifest) => Feed::of_database(&manifest),
            Err(DatabaseError::Missing(_)) => BTreeSet::new(),
            Err(error) => return Err(error.into()),
        };
        if known.is_empty() {
            let message = "the advisory database is empty, so there is nothing to update";
            return Err(CommandError::usage(message).hint(HINT));
        }
        return Ok(known);
    }
    let parse = |name: &String| {
        Feed::parse(name).map_err(|e| CommandError::new(ErrorKind::Usage, e).hint(HINT))
    };
    names.iter().map(parse).collect()
}

fn feed_error(error: FeedError) -> CommandError {
    match error {
        FeedError::Source(error) => error.into(),
        FeedError::Update(error) => advisories::import_failed(error),
        FeedError::Location { .. } => CommandError::new(ErrorKind::Usage, error)
            .hint("a mirror is an `https://` address or a folder; `--insecure-plain-http HOST` allows `http://`"),
        FeedError::NotThere { .. } => CommandError::new(ErrorKind::NotFound, error),
        FeedError::Empty { .. } | FeedError::Foreign { .. } => {
            CommandError::new(ErrorKind::Malformed, error)
        }
    }
}

fn say_updated(feed: Feed, updated: &Updated, ui: &Ui) {
    let Updated { how, report } = updated;
    advisories::report_problems(report, ui);
    let name = feed.name();
    let changed = report.changed.len() + report.gone.len();
    match how {
        How::Current => ui.note(&format!("{name}: up to date")),
        How::Complete => {
            ui.note(&format!("{name}: read {} records, {changed} segments changed", report.read));
        }
        How::Changes { fetched, forgotten } => ui.note(&format!(
            "{name}: {fetched} records changed, {forgotten} are gone, {changed} segments changed"
        )),
    }
}

fn push(
    folder: &Path,
    reference: &str,
    connection: &ConnectionArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<(), CommandError> {
    let to: Reference =
        reference.parse().map_err(|error| CommandError::new(ErrorKind::Usage, error))?;
    let client = Client::new(open::client_options(connection, Some(to.registry()), settings)?);
    let tell = |segment: &str, pushed| {
        if pushed == Pushed::Uploaded {
            ui.note(&format!("pushed `{segment}`"));
        }
    };
    let done = block_on(async {
        artifact::push(&client, folder, &to, &tell).await.map_err(artifact_error)
    })?;
    let Distributed { digest, uploaded, known, bytes } = done;
    ui.note(&format!(
        "{uploaded} segments pushed ({} KiB), {known} were there",
        bytes.div_ceil(1024)
    ));
    ui.data(format!("{}@{digest}\n", to.name()).as_bytes(), None)
}

fn pull(
    folder: &Path,
    reference: &str,
    rollback: Rollback,
    connection: &ConnectionArgs,
    settings: &Settings,
    ui: &Ui,
) -> Result<(), CommandError> {
    let target =
        Target::parse(reference).map_err(|error| CommandError::new(ErrorKind::Usage, error))?;
    let host = match &target {
        Target::Registry(reference) => Some(reference.registry()),
        _ => None,
    };
    let client = Client::new(open::client_options(connection, host, settings)?);
    let tell = |segment: &str, _| ui.note(&format!("pulled `{segment}`"));
    let done = block_on(async {
        let source = client.open(&target).await?;
        artifact::pull(source, folder, rollback, now(), &tell).await.map_err(artifact_error)
    })?;
    for name in &done.gone {
        ui.note(&format!("`{name}` is gone"));
    }
    ui.note(&format!(
        "{} segments pulled ({} KiB), {} were there",
        done.fetched.len(),
        done.bytes.div_ceil(1024),
        done.known
    ));
    Ok(())
}

fn artifact_error(error: ArtifactError) -> CommandError {
    match error {
        ArtifactError::Source(error) => error.into(),
        ArtifactError::Database(error) => error.into(),
        ArtifactError::Write { .. } => CommandError::new(ErrorKind::Io, error),
        ArtifactError::Older { .. } => CommandError::new(ErrorKind::Malformed, error)
            .hint("`--allow-older` installs it all the same"),
        _ => CommandError::new(ErrorKind::Malformed, error),
    }
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
