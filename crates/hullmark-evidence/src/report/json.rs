//! `hullmark.findings/v1`: our own document, from which every other format can be made.
//!
//! Its schema is `schemas/findings.v1.json`. It holds every finding, suppressed and settled ones too, unless a filter was asked
//! for: then it says so in `filter`. Files owned by packages are left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use hullmark_advisory::finding::{Basis, Cvss, Epss, Fix, Kev, Suppression};
use hullmark_advisory::{Finding, Severity};
use hullmark_inventory::purl;
use hullmark_inventory::sbom::{self, SbomError, package_ids};
use hullmark_oci::Limits;

use super::document::*;
use super::view::{Row, Standing, Totals, View, rows_of, sort};
use super::{Options, ReportError, TOOL_VERSION, sbom_document};
use crate::{AdvisorySource, Evidence, ImageFacts, LayerFacts, Subject};

pub(super) fn write(evidence: &[Evidence], options: &Options) -> Result<Vec<u8>, ReportError> {
    super::to_json(&document(evidence, options, Keep::All))
}

/// Which findings a document holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Those that every other format shows.
    Shown,
    /// Suppressed and settled ones too.
    All,
}

/// Returns the document as a value.
pub(super) fn document(evidence: &[Evidence], options: &Options, keep: Keep) -> impl Serialize {
    ReportV1 {
        schema: SCHEMA.into(),
        tool: ToolV1 { name: "hullmark".into(), version: TOOL_VERSION.into() },
        filter: options.is_filtered().then(|| FilterV1 {
            severities: options.severities.clone(),
            only_fixable: options.only_fixable,
        }),
        images: evidence.iter().map(|e| image_v1(e, options, keep)).collect(),
    }
}

/// A report that was read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The images.
    pub images: Vec<Evidence>,
    /// The severities that the report is limited to; all if empty.
    pub severities: Vec<Severity>,
    /// Whether it is limited to findings that an upgrade fixes.
    pub only_fixable: bool,
}

/// Why a document is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON, or a part of it has another shape.
    #[error("malformed `hullmark.findings/v1` document")]
    Malformed(#[from] serde_json::Error),
    /// It says that it is something else.
    #[error("expected `hullmark.findings/v1`, found `{0}`")]
    OtherSchema(String),
    /// An inventory in it cannot be read.
    #[error("failed to read the inventory of `{image}`")]
    Inventory {
        /// The image's name.
        image: String,
        /// Why.
        source: SbomError,
    },
    /// A finding is about a package that the inventory does not have.
    #[error("finding `{finding}` is about package `{package}`, which the inventory does not have")]
    UnknownPackage {
        /// The finding's id.
        finding: String,
        /// The package's id.
        package: String,
    },
}

/// Reads a report again.
///
/// # Errors
/// If it is none, or one of a later version.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Stored, ReadError> {
    #[derive(Deserialize)]
    struct Version {
        schema: String,
    }
    let version: Version = serde_json::from_slice(bytes)?;
    if version.schema != SCHEMA {
        return Err(ReadError::OtherSchema(super::text::printable(&version.schema)));
    }
    let report: ReportV1<&RawValue> = serde_json::from_slice(bytes)?;
    let (severities, only_fixable) =
        report.filter.map(|f| (f.severities, f.only_fixable)).unwrap_or_default();
    let images = report.images.into_iter().map(|image| evidence(image, limits));
    Ok(Stored { images: images.collect::<Result<_, _>>()?, severities, only_fixable })
}

fn image_v1(evidence: &Evidence, options: &Options, keep: Keep) -> ImageV1<impl Serialize> {
    // Taken apart, so that a new part cannot be forgotten here.
    let Evidence { subject, image, inventory, findings: _, advisories, examined } = evidence;
    let view = View::new(evidence, options);
    let mut rows = view.rows;
    if keep == Keep::All {
        let more = rows_of(evidence).filter(|row| match row.standing() {
            Standing::Open | Standing::Undetermined => false,
            Standing::Suppressed => !options.show_suppressed,
            Standing::Settled => true,
        });
        rows.extend(more.filter(|row| options.admits(row.finding)));
        sort(&mut rows, options.sort);
    }
    let ids = package_ids(inventory);
    ImageV1 {
        subject: subject_v1(subject.clone()),
        image: image.clone().into(),
        examined: *examined,
        totals: totals_v1(&view.totals),
        findings: rows.into_iter().map(|row| finding_v1(row, evidence, &ids)).collect(),
        advisories: advisories.iter().cloned().map(Into::into).collect(),
        inventory: sbom::json::value(&sbom_document(evidence)),
    }
}

fn evidence(image: ImageV1<&RawValue>, limits: &Limits) -> Result<Evidence, ReadError> {
    let ImageV1 { subject, image, examined, totals: _, findings, advisories, inventory } = image;
    let inventory = sbom::read(inventory.get().as_bytes(), limits)
        .map_err(|source| ReadError::Inventory {
            image: super::text::printable(&subject.name),
            source,
        })?
        .inventory;
    let ids = package_ids(&inventory);
    let places: BTreeMap<&str, usize> =
        ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let finding = |finding: FindingV1| match places.get(finding.package.id.as_str()) {
        Some(&package) => Ok(finding_of(finding, package)),
        None => Err(ReadError::UnknownPackage {
            finding: super::text::printable(&finding.id),
            package: super::text::printable(&finding.package.id),
        }),
    };
    let mut findings: Vec<Finding> = findings.into_iter().map(finding).collect::<Result<_, _>>()?;
    // The order of evidence, whatever the order of the report.
    findings.sort_by(|a, b| {
        let severity = b.severity.cmp(&a.severity);
        severity.then_with(|| a.id.cmp(&b.id)).then_with(|| a.package.cmp(&b.package))
    });
    Ok(Evidence {
        subject: Subject {
            name: subject.name,
            reference: subject.reference,
            digest: subject.digest,
            index: subject.index,
            platform: subject.platform.and_then(|p| p.parse().ok()),
            kind: subject.kind,
        },
        image: image.into(),
        inventory,
        findings,
        advisories: advisories.into_iter().map(Into::into).collect(),
        examined,
    })
}

fn subject_v1(subject: Subject) -> SubjectV1 {
    let Subject { name, reference, digest, index, platform, kind } = subject;
    let platform = platform.map(|p| p.to_string());
    SubjectV1 { name, reference, digest, index, platform, kind }
}

fn totals_v1(totals: &Totals) -> TotalsV1 {
    let open = totals.by_severity().map(|(severity, count)| {
        let count = CountV1 { total: count.total, fixable: count.fixable };
        (severity.as_str().to_owned(), count)
    });
    TotalsV1 {
        open: open.collect(),
        undetermined: totals.undetermined,
        suppressed: totals.suppressed,
        gaps: totals.gaps,
        known_exploited: totals.known_exploited,
        malware: totals.malware,
        hidden: totals.hidden,
    }
}

fn finding_v1(row: Row<'_>, evidence: &Evidence, ids: &[String]) -> FindingV1 {
    let package = row.package;
    let os = evidence.inventory.os.as_ref();
    let Finding {
        package: at,
        id,
        aliases,
        status,
        fix,
        severity,
        cvss,
        published,
        fix_published,
        modified,
        kev,
        epss,
        malware,
        summary,
        references,
        basis,
        suppressed,
    } = row.finding.clone();
    FindingV1 {
        id,
        aliases,
        package: PackageRefV1 {
            id: ids.get(at).cloned().unwrap_or_default(),
            kind: package.kind,
            name: package.name.clone(),
            version: package.version.clone(),
            purl: purl::of(package, os).to_string(),
            path: package.path.to_string(),
            layer: package.layer.clone(),
        },
        status,
        severity,
        fix: match fix {
            Fix::Available(version) => FixV1::Available { version },
            Fix::None => FixV1::None,
            Fix::Declined(reason) => FixV1::Declined { reason },
            Fix::Deferred(reason) => FixV1::Deferred { reason },
        },
        cvss: cvss.map(|c| CvssV1 { vector: c.vector, score: c.score }),
        kev: kev.map(|Kev { added, due, ransomware }| KevV1 { added, due, ransomware }),
        epss: epss.map(|Epss { score, percentile }| EpssV1 { score, percentile }),
        malware,
        summary,
        published,
        fix_published,
        modified,
        references,
        suppressed: suppressed.map(|s| {
            let Suppression { by, source, reason, expires } = s;
            SuppressionV1 { by, source, reason, expires }
        }),
        basis: basis.into_iter().map(Into::into).collect(),
    }
}

fn finding_of(finding: FindingV1, package: usize) -> Finding {
    Finding {
        package,
        id: finding.id,
        aliases: finding.aliases,
        status: finding.status,
        fix: match finding.fix {
            FixV1::Available { version } => Fix::Available(version),
            FixV1::None => Fix::None,
            FixV1::Declined { reason } => Fix::Declined(reason),
            FixV1::Deferred { reason } => Fix::Deferred(reason),
        },
        severity: finding.severity,
        cvss: finding.cvss.map(|c| Cvss { vector: c.vector, score: c.score }),
        published: finding.published,
        fix_published: finding.fix_published,
        modified: finding.modified,
        kev: finding.kev.map(|k| Kev { added: k.added, due: k.due, ransomware: k.ransomware }),
        epss: finding.epss.map(|e| Epss { score: e.score, percentile: e.percentile }),
        malware: finding.malware,
        summary: finding.summary,
        references: finding.references,
        basis: finding.basis.into_iter().map(Into::into).collect(),
        suppressed: finding.suppressed.map(|s| {
            let SuppressionV1 { by, source, reason, expires } = s;
            Suppression { by, source, reason, expires }
        }),
    }
}

impl From<ImageFacts> for FactsV1 {
    fn from(facts: ImageFacts) -> Self {
        let ImageFacts { created, user, labels, layers } = facts;
        let layer = |layer: LayerFacts| {
            let LayerFacts { digest, diff_id, size, created_by } = layer;
            LayerV1 { digest, diff_id, size, created_by }
        };
        Self { created, user, labels, layers: layers.into_iter().map(layer).collect() }
    }
}

impl From<FactsV1> for ImageFacts {
    fn from(facts: FactsV1) -> Self {
        let FactsV1 { created, user, labels, layers } = facts;
        let layer = |layer: LayerV1| {
            let LayerV1 { digest, diff_id, size, created_by } = layer;
            LayerFacts { digest, diff_id, size, created_by }
        };
        Self { created, user, labels, layers: layers.into_iter().map(layer).collect() }
    }
}

impl From<Basis> for BasisV1 {
    fn from(basis: Basis) -> Self {
        let Basis { record, ecosystem, name, by, version, scheme, range, outcome, note } = basis;
        Self { record, ecosystem, name, by, version, scheme, range, outcome, note }
    }
}

impl From<BasisV1> for Basis {
    fn from(basis: BasisV1) -> Self {
        let BasisV1 { record, ecosystem, name, by, version, scheme, range, outcome, note } = basis;
        Self { record, ecosystem, name, by, version, scheme, range, outcome, note }
    }
}

impl From<AdvisorySource> for AdvisoryV1 {
    fn from(source: AdvisorySource) -> Self {
        let AdvisorySource { ecosystem, digest, records, newest, updated } = source;
        Self { ecosystem, digest, records, newest, updated }
    }
}

impl From<AdvisoryV1> for AdvisorySource {
    fn from(source: AdvisoryV1) -> Self {
        let AdvisoryV1 { ecosystem, digest, records, newest, updated } = source;
        Self { ecosystem, digest, records, newest, updated }
    }
}
