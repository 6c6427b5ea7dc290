//! Evidence: the facts about one image that a policy judges, and the documents that people and other tools read.

pub mod report;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use hullmark_advisory::Finding;
use hullmark_inventory::Inventory;
use hullmark_oci::{Digest, Platform};

/// Everything that is known about one image. Facts only: no decision, and nothing that could not be established.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was examined.
    pub subject: Subject,
    /// What the image says of itself.
    pub image: ImageFacts,
    /// What is in it, and what could not be read.
    pub inventory: Inventory,
    /// What is known against it, sorted by severity (worst first), id, and package. Suppressed findings included.
    pub findings: Vec<Finding>,
    /// The advisories that were asked, sorted by ecosystem.
    pub advisories: Vec<AdvisorySource>,
    /// When the image was examined.
    pub examined: Timestamp,
}

/// What was examined: always one digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The target as asked for: `alpine:3.20`, `oci-archive:app.tar`.
    pub name: String,
    /// The complete reference, if the target is one: `docker.io/library/alpine:3.20`.
    pub reference: Option<String>,
    /// Digest of the image's manifest. `None` for a folder or an SBOM, which have none.
    pub digest: Option<Digest>,
    /// Digest of the index that the image was chosen from.
    pub index: Option<Digest>,
    /// The platform.
    pub platform: Option<Platform>,
    /// What kind of target it was.
    pub kind: SubjectKind,
}

/// The kind of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// An image.
    Image,
    /// A root file system in a folder.
    Directory,
    /// An SBOM.
    Sbom,
}

/// What the image's manifest and configuration say. The image's author chose these values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// When it was created, if it says so and that is a date.
    pub created: Option<Timestamp>,
    /// The user that a container runs as; empty means root.
    pub user: String,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Layers, base first.
    pub layers: Vec<LayerFacts>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// Digest of the blob.
    pub digest: Digest,
    /// Digest of the uncompressed content.
    pub diff_id: Digest,
    /// Bytes of the blob.
    pub size: u64,
    /// The build step that made it, if the history says.
    pub created_by: Option<String>,
}

/// Advisories that were asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisorySource {
    /// Ecosystem and release: `Debian:12`; or [`Self::KEV`], [`Self::EPSS`].
    pub ecosystem: String,
    /// Digest of the segment.
    pub digest: Digest,
    /// Number of records.
    pub records: u64,
    /// The newest change of any record.
    pub newest: Option<Timestamp>,
    /// When the segment was brought up to date with its source.
    pub updated: Option<Timestamp>,
}

impl AdvisorySource {
    /// The `ecosystem` of CISA's catalogue of known exploited vulnerabilities, listed beside the segments when it was asked.
    pub const KEV: &str = "kev";
    /// The `ecosystem` of FIRST's exploit predictions, listed beside the segments when they were asked.
    pub const EPSS: &str = "epss";

    /// Whether this source says what is vulnerable, and not only how bad that is.
    pub fn is_advisories(&self) -> bool {
        !matches!(self.ecosystem.as_str(), Self::KEV | Self::EPSS)
    }
}
