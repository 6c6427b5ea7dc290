//! A finding: one package instance and one vulnerability, with the status and everything that explains it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How bad a vulnerability is. Ordered: unknown is lowest, since nobody claimed anything.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody rated it.
    #[default]
    Unknown,
    /// Rated as without practical effect (Debian `unimportant`, Ubuntu `negligible`, CVSS 0).
    Negligible,
    /// CVSS 0.1 to 3.9.
    Low,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 9.0 to 10.0, and all malware.
    Critical,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Negligible, Self::Unknown];

    /// Returns the name used in documents, flags and policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whether the package instance has the vulnerability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It has.
    Open,
    /// It had, but the installed version carries the fix. Only `explain` shows these.
    Fixed,
    /// The advisory's author says that it has not. Only `explain` shows these.
    NotAffected,
    /// It could not be decided, for instance because a version does not parse. Counted and shown, never dropped.
    Undetermined,
}

/// What can be done about an open finding.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// Upgrade to this version or a later one (of the package itself, or of its source package).
    Available(String),
    /// No fixed version is known.
    None,
    /// The vendor says it will not fix it, and why: `no-dsa`, `ignored`, `end-of-life`, `will-not-fix`.
    Declined(String),
    /// The vendor put it off: `postponed`, `fix-deferred`.
    Deferred(String),
}

/// One package instance and one vulnerability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Index of the package in [`hullmark_inventory::Inventory::packages`].
    pub package: usize,
    /// The vulnerability: its CVE id if it has one, else the advisory's own id.
    pub id: String,
    /// Every other id of the same vulnerability (`aliases`), sorted.
    pub aliases: Vec<String>,
    /// Whether the package has it.
    pub status: Status,
    /// What can be done.
    pub fix: Fix,
    /// How bad it is: the vendor's rating before CVSS.
    pub severity: Severity,
    /// CVSS vector and base score, the newest version given.
    pub cvss: Option<Cvss>,
    /// When it was first published (the earliest of its records).
    pub published: Option<Timestamp>,
    /// When the fix was first published: the earliest record that is about this package and names a fixed version.
    #[serde(default)]
    pub fix_published: Option<Timestamp>,
    /// When its records changed last.
    pub modified: Option<Timestamp>,
    /// In CISA's catalogue of known exploited vulnerabilities.
    pub kev: Option<Kev>,
    /// Probability of exploitation.
    pub epss: Option<Epss>,
    /// The package itself is malicious (`MAL-` records).
    pub malware: bool,
    /// One line for people.
    pub summary: String,
    /// Where to read more, best first.
    pub references: Vec<String>,
    /// Every comparison that led here, in the order of the records.
    pub basis: Vec<Basis>,
    /// Why it does not count, if it does not.
    pub suppressed: Option<Suppression>,
}

/// A CVSS rating.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cvss {
    /// The vector, `CVSS:3.1/…` (version 2 vectors have no prefix).
    pub vector: String,
    /// The base score, 0.0 to 10.0.
    pub score: f32,
}

/// An entry of CISA's catalogue of known exploited vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kev {
    /// When it was added, `YYYY-MM-DD`.
    pub added: String,
    /// By when US agencies must have fixed it, `YYYY-MM-DD`.
    pub due: String,
    /// Whether ransomware is known to use it.
    pub ransomware: bool,
}

/// FIRST's exploit prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// Probability of exploitation in the next 30 days, 0.0 to 1.0.
    pub score: f32,
    /// Share of vulnerabilities with a lower probability, 0.0 to 1.0.
    pub percentile: f32,
}

/// One advisory record compared with one package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Id of the advisory record (`DSA-5417-1`, `GHSA-…`).
    pub record: String,
    /// Ecosystem and release of the segment: `Debian:12`, `PyPI`.
    pub ecosystem: String,
    /// The name that was looked up: the source package's, the origin's, or the package's own.
    pub name: String,
    /// Which of the package's names that is.
    pub by: NameUsed,
    /// The version that was compared.
    pub version: String,
    /// The version order, as [`crate::version::Scheme`] names it.
    pub scheme: String,
    /// The range that decided, for people: `>= 0, < 3.0.11-1~deb12u2`.
    pub range: String,
    /// What the comparison said.
    pub outcome: Status,
    /// Anything else that decided: a module label, a release suffix, why it is undetermined.
    pub note: Option<String>,
}

/// Which of a package's names an advisory speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameUsed {
    /// The package's own name.
    Package,
    /// The source package's name (Debian, Ubuntu, Rocky Linux, SUSE).
    Source,
    /// The origin's name (Alpine, Wolfi).
    Origin,
}

/// Why a finding does not count. It stays in the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// What suppressed it.
    pub by: SuppressedBy,
    /// The document or rule: a file's name, a VEX document's id, a distribution's record.
    pub source: String,
    /// The reason given.
    pub reason: String,
    /// Until when, if the rule ends.
    pub expires: Option<Timestamp>,
}

/// What can suppress a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuppressedBy {
    /// A VEX statement: not affected, or fixed.
    Vex,
    /// A rule of an ignore file.
    Ignore,
    /// The package is owned by an operating-system package, and its distribution's advisories cover the vulnerability.
    Owner,
}
