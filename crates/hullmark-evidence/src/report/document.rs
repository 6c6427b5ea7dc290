//! The shapes of `hullmark.findings/v1`. Members may be added within v1, never renamed, removed or given another meaning.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use hullmark_advisory::Severity;
use hullmark_advisory::finding::{NameUsed, Status, SuppressedBy};
use hullmark_inventory::PackageKind;
use hullmark_oci::Digest;

use crate::SubjectKind;

/// The value of `schema`.
pub(super) const SCHEMA: &str = "hullmark.findings/v1";

/// The document. `I` is an inventory: a value on the way out, text on the way in.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportV1<I> {
    pub(super) schema: String,
    pub(super) tool: ToolV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<FilterV1>,
    pub(super) images: Vec<ImageV1<I>>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ToolV1 {
    pub(super) name: String,
    pub(super) version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilterV1 {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) severities: Vec<Severity>,
    #[serde(default)]
    pub(super) only_fixable: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageV1<I> {
    pub(super) subject: SubjectV1,
    pub(super) image: FactsV1,
    pub(super) examined: Timestamp,
    #[serde(default)]
    pub(super) totals: TotalsV1,
    pub(super) findings: Vec<FindingV1>,
    pub(super) advisories: Vec<AdvisoryV1>,
    pub(super) inventory: I,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SubjectV1 {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<String>,
    pub(super) kind: SubjectKind,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FactsV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Timestamp>,
    #[serde(default)]
    pub(super) user: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) layers: Vec<LayerV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LayerV1 {
    pub(super) digest: Digest,
    pub(super) diff_id: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_by: Option<String>,
}

/// Numbers for readers; they are counted again where a document is read.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TotalsV1 {
    pub(super) open: BTreeMap<String, CountV1>,
    pub(super) undetermined: usize,
    pub(super) suppressed: usize,
    pub(super) gaps: usize,
    pub(super) known_exploited: usize,
    pub(super) malware: usize,
    pub(super) hidden: usize,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct CountV1 {
    pub(super) total: usize,
    pub(super) fixable: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingV1 {
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) aliases: Vec<String>,
    pub(super) package: PackageRefV1,
    pub(super) status: Status,
    pub(super) severity: Severity,
    pub(super) fix: FixV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cvss: Option<CvssV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kev: Option<KevV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) epss: Option<EpssV1>,
    #[serde(default)]
    pub(super) malware: bool,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fix_published: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) modified: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) suppressed: Option<SuppressionV1>,
    #[serde(default)]
    pub(super) basis: Vec<BasisV1>,
}

/// Names a package of the inventory by its id there; the rest is for readers.
#[derive(Serialize, Deserialize)]
pub(super) struct PackageRefV1 {
    pub(super) id: String,
    pub(super) kind: PackageKind,
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default)]
    pub(super) purl: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) layer: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub(super) enum FixV1 {
    Available { version: String },
    None,
    Declined { reason: String },
    Deferred { reason: String },
}

#[derive(Serialize, Deserialize)]
pub(super) struct CvssV1 {
    pub(super) vector: String,
    #[serde(serialize_with = "short")]
    pub(super) score: f32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KevV1 {
    pub(super) added: String,
    pub(super) due: String,
    pub(super) ransomware: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EpssV1 {
    #[serde(serialize_with = "short")]
    pub(super) score: f32,
    #[serde(serialize_with = "short")]
    pub(super) percentile: f32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SuppressionV1 {
    pub(super) by: SuppressedBy,
    pub(super) source: String,
    pub(super) reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BasisV1 {
    pub(super) record: String,
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) by: NameUsed,
    pub(super) version: String,
    pub(super) scheme: String,
    pub(super) range: String,
    pub(super) outcome: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AdvisoryV1 {
    pub(super) ecosystem: String,
    pub(super) digest: Digest,
    pub(super) records: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) newest: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) updated: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn short<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(exact(*value))
}

/// The number with the fewest digits that is `value`: 0.97 and not 0.9700000286102295.
pub(super) fn exact(value: f32) -> f64 {
    value.to_string().parse().ok().filter(|v: &f64| v.is_finite()).unwrap_or_default()
}
