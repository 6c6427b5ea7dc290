//! Evidence as documents: for people, for other tools, and for Hullmark itself.

mod cosign;
mod cyclonedx;
mod document;
mod html;
pub mod json;
mod markdown;
mod sarif;
mod spdx;
mod table;
mod template;
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
    /// SARIF 2.1.0, one run per image.
    Sarif,
    /// CycloneDX 1.6 with vulnerabilities. One image.
    CycloneDx,
    /// SPDX 2.3 with references to advisories. One image.
    Spdx,
    /// The predicate of a cosign vulnerability attestation. One image.
    CosignVuln,
    /// Markdown for a comment.
    Markdown,
    /// One page that needs nothing else.
    Html,
    /// By a template of one's own.
    Template,
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
    /// The template, for the template format.
    pub template: Option<Template>,
}

/// A template of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name. What is put into one that ends with `.html` is escaped.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The document could not be written.
    #[error("failed to write the report")]
    Json(#[from] serde_json::Error),
    /// A document of this format is about one image.
    #[error("a `{format}` document is about one image, found {images}")]
    OneImage {
        /// The format.
        format: Format,
        /// How many images were given.
        images: usize,
    },
    /// The template format without a template.
    #[error("the format `template` needs a template")]
    NoTemplate,
    /// The template is wrong.
    #[error("failed to render `{name}`, line {line}: {reason}")]
    Template {
        /// The template's name.
        name: String,
        /// Line, from 1; 0 if it is unknown.
        line: usize,
        /// Why.
        reason: String,
    },
}

/// Makes a report of one or more images.
///
/// # Errors
/// If a template is wrong, or the format is for one image and there are several.
pub fn render(
    evidence: &[Evidence],
    format: Format,
    options: &Options,
) -> Result<Vec<u8>, ReportError> {
    match format {
        Format::Table => Ok(table::render(evidence, options).into_bytes()),
        Format::Json => json::write(evidence, options),
        Format::Sarif => sarif::write(evidence, options),
        Format::CycloneDx => cyclonedx::write(one(evidence, format)?, options),
        Format::Spdx => spdx::write(one(evidence, format)?, options),
        Format::CosignVuln => cosign::write(one(evidence, format)?, options),
        Format::Markdown => Ok(markdown::render(evidence, options).into_bytes()),
        Format::Html => Ok(html::render(evidence, options).into_bytes()),
        Format::Template => {
            let template = options.template.as_ref().ok_or(ReportError::NoTemplate)?;
            Ok(template::render(evidence, template, options)?.into_bytes())
        }
    }
}

fn one(evidence: &[Evidence], format: Format) -> Result<&Evidence, ReportError> {
    match evidence {
        [one] => Ok(one),
        _ => Err(ReportError::OneImage { format, images: evidence.len() }),
    }
}

/// Writes a document as JSON: indented, since people read it and differences are looked at.
fn to_json(document: &impl serde::Serialize) -> Result<Vec<u8>, ReportError> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(bytes)
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
    pub const ALL: [Self; 9] = [
        Self::Table,
        Self::Json,
        Self::Sarif,
        Self::CycloneDx,
        Self::Spdx,
        Self::CosignVuln,
        Self::Markdown,
        Self::Html,
        Self::Template,
    ];

    /// Returns the name used by flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::CycloneDx => "cyclonedx",
            Self::Spdx => "spdx",
            Self::CosignVuln => "cosign-vuln",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Template => "template",
        }
    }

    /// Whether one document of this format can hold several images.
    pub fn holds_many(self) -> bool {
        !matches!(self, Self::CycloneDx | Self::Spdx | Self::CosignVuln)
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
