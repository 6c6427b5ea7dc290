//! VEX: statements by those who know a product that a vulnerability does not affect it. OpenVEX and CSAF VEX.
//!
//! See: OpenVEX specification 0.2.0; CSAF 2.0 profile 5 "VEX".

pub(crate) mod csaf;

use std::collections::BTreeSet;

use hullmark_inventory::Inventory;
use hullmark_inventory::purl::{self, PackageUrl};
use jiff::Timestamp;
use serde::Deserialize;

use crate::finding::{Finding, SuppressedBy, Suppression};

/// A VEX document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vex {
    /// Its id, or its source's name.
    pub id: String,
    /// Its statements.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Ids of the vulnerability.
    pub vulnerabilities: BTreeSet<String>,
    /// What it is about; nothing means nothing.
    pub products: Vec<Product>,
    /// What it says.
    pub status: VexStatus,
    /// Why: the justification's label, and a text.
    pub reason: String,
    /// When it was made; a later one replaces an earlier one.
    pub timestamp: Option<Timestamp>,
}

/// A product that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its identifiers: purls, digests, references.
    pub identifiers: BTreeSet<String>,
    /// Parts of it that the statement is limited to: purls. Empty for the product as a whole.
    pub subcomponents: BTreeSet<String>,
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VexStatus {
    /// It is not affected.
    NotAffected,
    /// It is affected.
    Affected,
    /// It was, and is no longer.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// Why a document is not VEX.
#[derive(Debug, thiserror::Error)]
pub enum VexError {
    /// It is not JSON of either shape.
    #[error("document is neither OpenVEX nor CSAF VEX")]
    Json(#[source] serde_json::Error),
    /// A statement has a status that does not exist.
    #[error("statement has unknown status `{0}`")]
    Status(String),
    /// A statement without a reason: OpenVEX demands one for `not_affected`.
    #[error(
        "statement about `{0}` says `not_affected` without a justification or impact statement"
    )]
    Unjustified(String),
}

/// Reads an OpenVEX or CSAF VEX document. `source` names it where it does not name itself.
///
/// # Errors
/// If it is neither, or says something that the format does not allow.
pub fn parse(json: &[u8], source: &str) -> Result<Vex, VexError> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default)]
        document: Option<serde::de::IgnoredAny>,
    }
    let probe: Probe = serde_json::from_slice(json).map_err(VexError::Json)?;
    if probe.document.is_some() { parse_csaf(json) } else { parse_open_vex(json, source) }
}

/// Suppresses findings that documents speak against. `subject` holds the identifiers of the image itself: its digest,
/// its references, its purl. Later statements replace earlier ones, and a later document an earlier one of the same time.
pub fn apply(
    documents: &[Vex],
    inventory: &Inventory,
    subject: &BTreeSet<String>,
    findings: &mut [Finding],
) {
    for finding in findings.iter_mut().filter(|f| f.suppressed.is_none()) {
        let Some(package) = inventory.packages.get(finding.package) else { continue };
        let url = purl::of(package, inventory.os.as_ref());
        let mut last: Option<(&Vex, &Statement)> = None;
        for document in documents {
            for statement in &document.statements {
                let ids = || std::iter::once(&finding.id).chain(&finding.aliases);
                let about = ids().any(|id| statement.vulnerabilities.contains(id))
                    && statement.products.iter().any(|p| p.covers(subject, &url));
                let newer = last.is_none_or(|(_, known)| known.timestamp <= statement.timestamp);
                if about && newer {
                    last = Some((document, statement));
                }
            }
        }
        if let Some((document, statement)) = last
            && matches!(statement.status, VexStatus::NotAffected | VexStatus::Fixed)
        {
            finding.suppressed = Some(Suppression {
                by: SuppressedBy::Vex,
                source: document.id.clone(),
                reason: statement.reason.clone(),
                expires: None,
            });
        }
    }
}

impl Product {
    /// Whether a statement about this product is about a package of the subject.
    fn covers(&self, subject: &BTreeSet<String>, url: &PackageUrl) -> bool {
        let about_subject = self.identifiers.iter().any(|id| names_subject(id, subject));
        let about_package = self.identifiers.iter().any(|id| names_package(id, url));
        if self.subcomponents.is_empty() {
            return about_subject || about_package;
        }
        let part = self.subcomponents.iter().any(|id| names_package(id, url));
        // A statement about a part of another product says nothing about that part elsewhere.
        about_subject && part
    }
}

/// Whether an identifier names the image: literally, or as an OCI purl whose version is its digest.
fn names_subject(identifier: &str, subject: &BTreeSet<String>) -> bool {
    if subject.contains(identifier) {
        return true;
    }
    let Ok(url) = identifier.parse::<PackageUrl>() else { return false };
    matches!(url.kind(), "oci" | "docker")
        && url.version().is_some_and(|digest| digest.starts_with("sha") && subject.contains(digest))
}

/// Whether a purl names a package: the same type, namespace and name; the version and the qualifiers that it gives.
fn names_package(identifier: &str, package: &PackageUrl) -> bool {
    let Ok(url) = identifier.parse::<PackageUrl>() else { return false };
    url.kind() == package.kind()
        && url.name() == package.name()
        && url.namespace() == package.namespace()
        && url.version().is_none_or(|version| package.version() == Some(version))
        && url.qualifiers().all(|(key, value)| package.qualifier(key) == Some(value))
}

#[derive(Deserialize)]
struct OpenVex {
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(default)]
    timestamp: Option<String>,
    statements: Vec<OpenStatement>,
}

#[derive(Deserialize)]
struct OpenStatement {
    vulnerability: OpenVulnerability,
    #[serde(default)]
    products: Vec<OpenProduct>,
    status: String,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    impact_statement: Option<String>,
    #[serde(default)]
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OpenVulnerability {
    Object {
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
    /// Version 0.0.1 of the format.
    Name(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OpenProduct {
    Object {
        #[serde(rename = "@id", default)]
        id: Option<String>,
        #[serde(default)]
        identifiers: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        hashes: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Self>,
    },
    /// Version 0.0.1 of the format.
    Id(String),
}

impl OpenProduct {
    fn identifiers(&self) -> BTreeSet<String> {
        match self {
            Self::Id(id) => BTreeSet::from([id.clone()]),
            Self::Object { id, identifiers, hashes, .. } => {
                let digests = hashes.iter().filter_map(|(name, value)| {
                    let algorithm =
                        name.strip_prefix("sha-").filter(|n| matches!(*n, "256" | "512"))?;
                    Some(format!("sha{algorithm}:{value}"))
                });
                id.iter().chain(identifiers.values()).cloned().chain(digests).collect()
            }
        }
    }

    fn product(&self) -> Product {
        let subcomponents = match self {
            Self::Object { subcomponents, .. } => &subcomponents[..],
            Self::Id(_) => &[],
        };
        Product {
            identifiers: self.identifiers(),
            subcomponents: subcomponents.iter().flat_map(Self::identifiers).collect(),
        }
    }
}

fn parse_open_vex(json: &[u8], source: &str) -> Result<Vex, VexError> {
    let document: OpenVex = serde_json::from_slice(json).map_err(VexError::Json)?;
    let when = |text: Option<&String>| text.and_then(|text| text.parse().ok());
    let document_time = when(document.timestamp.as_ref());
    let mut statements = Vec::new();
    for statement in document.statements {
        let vulnerabilities: BTreeSet<String> = match statement.vulnerability {
            OpenVulnerability::Object { name, aliases } => {
                aliases.into_iter().chain([name]).collect()
            }
            OpenVulnerability::Name(name) => BTreeSet::from([name]),
        };
        let status = match statement.status.as_str() {
            "not_affected" => VexStatus::NotAffected,
            "affected" => VexStatus::Affected,
            "fixed" => VexStatus::Fixed,
            "under_investigation" => VexStatus::UnderInvestigation,
            other => return Err(VexError::Status(other.into())),
        };
        let reasons = [statement.justification, statement.impact_statement];
        let mut reason = reasons.into_iter().flatten().collect::<Vec<_>>().join(": ");
        if status == VexStatus::NotAffected && reason.trim().is_empty() {
            let about = vulnerabilities.into_iter().next().unwrap_or_default();
            return Err(VexError::Unjustified(about));
        }
        if reason.is_empty() {
            reason.push_str(&statement.status);
        }
        statements.push(Statement {
            vulnerabilities,
            products: statement.products.iter().map(OpenProduct::product).collect(),
            status,
            reason,
            timestamp: when(statement.timestamp.as_ref()).or(document_time),
        });
    }
    let id = if document.id.is_empty() { source.to_owned() } else { document.id };
    Ok(Vex { id, statements })
}

fn parse_csaf(json: &[u8]) -> Result<Vex, VexError> {
    let csaf: csaf::Csaf = serde_json::from_slice(json).map_err(VexError::Json)?;
    let products = csaf.products();
    let date = csaf.document.tracking.current_release_date.as_deref();
    let timestamp = date.and_then(|date| date.parse().ok());
    let mut statements = Vec::new();
    for vulnerability in &csaf.vulnerabilities {
        let ids = vulnerability.ids.iter().map(|id| id.text.clone());
        let vulnerabilities: BTreeSet<String> = ids.chain(vulnerability.cve.clone()).collect();
        let status = &vulnerability.product_status;
        for (ids, said) in [
            (&status.known_not_affected, VexStatus::NotAffected),
            (&status.fixed, VexStatus::Fixed),
            (&status.first_fixed, VexStatus::Fixed),
            (&status.known_affected, VexStatus::Affected),
            (&status.under_investigation, VexStatus::UnderInvestigation),
        ] {
            for id in ids {
                statements.push(Statement {
                    vulnerabilities: vulnerabilities.clone(),
                    products: vec![csaf_product(&products, id)],
                    status: said,
                    reason: csaf_reason(vulnerability, id, said),
                    timestamp,
                });
            }
        }
    }
    Ok(Vex { id: csaf.document.tracking.id, statements })
}

/// A component of a product is a part of it; where the product is an operating system, the component stands for itself.
fn csaf_product(products: &csaf::Products<'_>, id: &str) -> Product {
    let own: BTreeSet<String> = products.purl(id).map(|url| url.to_string()).into_iter().collect();
    let whole = products.parts_of(id);
    let is_image = |id: &String| id.starts_with("pkg:oci/") || id.starts_with("pkg:docker/");
    if whole.iter().any(is_image) {
        Product { identifiers: whole, subcomponents: own }
    } else {
        Product { identifiers: own, subcomponents: BTreeSet::new() }
    }
}

fn csaf_reason(vulnerability: &csaf::Vulnerability, id: &str, status: VexStatus) -> String {
    let about = |ids: &[String]| ids.is_empty() || ids.iter().any(|i| i == id);
    let flag = vulnerability.flags.iter().find(|f| about(&f.product_ids)).map(|f| f.label.clone());
    let impact = vulnerability
        .threats
        .iter()
        .find(|t| t.category == "impact" && about(&t.product_ids))
        .map(|t| t.details.clone());
    let known: Vec<String> = flag.into_iter().chain(impact).collect();
    match (known.is_empty(), status) {
        (false, _) => known.join(": "),
        (true, VexStatus::Fixed) => "fixed".into(),
        (true, _) => "not affected".into(),
    }
}
