//! Evidence as documents: for people, for other tools, and for Hullmark itself.

mod document;
pub mod json;
mod table;
mod text;
mod view;

use std::fmt;
use std::str::FromStr;

use hullmark_advisory::Severity;
use hullmark_inventory::sbom;

use crate::Evidence;

/// The crates of the workspace share one version.
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people, in columns.
    Table,
    /// `hullmark.findings/v1`, which [`json::read`] reads again.
    Json,
}

/// The order of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Known exploited first, then by severity and probability of exploitation.
    #[default]
    Risk,
    /// Worst first.
    Severity,
    /// Likeliest to be exploited first.
    Epss,
}

/// What a report shows, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only these severities; all if empty.
    pub severities: Vec<Severity>,
    /// Only findings that an upgrade fixes.
    pub only_fixable: bool,
    /// The order.
    pub sort: Sort,
    /// Suppressed findings too.
    pub show_suppressed: bool,
    /// Width of tables in characters.
    pub columns: usize,
    /// Whether tables use color.
    pub color: bool,
    /// The template's text, for the template format.
    pub template: Option<String>,
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The document could not be written.
    #[error("failed to write the report")]
    Json(#[from] serde_json::Error),
}

/// Makes a report of one or more images.
///
/// # Errors
/// If a template is wrong.
pub fn render(
    evidence: &[Evidence],
    format: Format,
    options: &Options,
) -> Result<Vec<u8>, ReportError> {
    match format {
        Format::Table => Ok(table::render(evidence, options).into_bytes()),
        Format::Json => json::write(evidence, options),
    }
}

/// The filters in force, for people.
fn selection(options: &Options) -> String {
    let mut words: Vec<&str> = options.severities.iter().map(|s| s.as_str()).collect();
    words.extend(options.only_fixable.then_some("fixable"));
    words.join(", ")
}

/// The day of a moment, as `2026-01-31`.
fn day(time: jiff::Timestamp) -> String {
    time.to_string().chars().take_while(|c| *c != 'T').collect()
}

/// What the writers of SBOMs need.
fn sbom_document(evidence: &Evidence) -> sbom::Document<'_> {
    let subject = &evidence.subject;
    sbom::Document {
        inventory: &evidence.inventory,
        subject: sbom::Subject {
            name: subject.name.clone(),
            digest: subject.digest.clone(),
            platform: subject.platform.clone(),
        },
        created: evidence.examined,
        tool_version: TOOL_VERSION,
        owned_files: false,
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Table, Self::Json];

    /// Returns the name used by flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
        }
    }
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::Risk, Self::Severity, Self::Epss];

    /// Returns the name used by flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Severity => "severity",
            Self::Epss => "epss",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of the known ones.
#[derive(Debug, thiserror::Error)]
#[error("expected one of {0}")]
pub struct UnknownName(String);

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = || UnknownName(Self::ALL.map(Self::as_str).join(", "));
        Self::ALL.into_iter().find(|f| f.as_str() == text).ok_or_else(names)
    }
}

impl FromStr for Sort {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = || UnknownName(Self::ALL.map(Self::as_str).join(", "));
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(names)
    }
}
