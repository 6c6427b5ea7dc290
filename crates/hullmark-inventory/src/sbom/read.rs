//! From a document to an inventory: recognises the format, unwraps attestations, and collects packages and gaps.
//!
//! Everything here is claimed by whoever wrote the document. Signatures are not looked at: a DSSE envelope is opened, not verified.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde_json::value::RawValue;

use hullmark_oci::{Digest, FilePath, Limits};

use super::stream::Bounded;
use super::{Subject, cyclonedx, facts, json, spdx, syft};
use crate::os_release::OsRelease;
use crate::package::Package;
use crate::purl::{self, PackageUrl};
use crate::{Executable, Gap, GapReason, Inventory};

/// Envelopes around one document: a bundle holds an envelope, which holds a statement, which holds a text.
const MAX_WRAPPERS: usize = 4;

/// A document that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Sbom {
    /// What it says is in the image, sorted; what was not understood is among the gaps.
    pub inventory: Inventory,
    /// What it says it describes: the statement's subjects, then the document's own.
    pub subjects: Vec<Subject>,
    /// What it is.
    pub format: Format,
}

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// CycloneDX JSON 1.4 to 1.6.
    CycloneDx,
    /// SPDX JSON 2.3.
    Spdx,
    /// `hullmark.inventory/v1`.
    Hullmark,
    /// syft's own JSON.
    Syft,
}

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// Larger than [`Limits::document_bytes`].
    #[error("the document has {size} bytes, more than {limit}")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Not JSON, nested deeper than 128 levels, or a member has another type than its format says.
    #[error("the document breaks its format ({format})")]
    Malformed {
        /// What it was taken for.
        format: &'static str,
        /// Where it breaks.
        #[source]
        source: serde_json::Error,
    },
    /// JSON, but none of the formats that are read.
    #[error(
        "the document is none of CycloneDX JSON, SPDX JSON, `hullmark.inventory/v1`, syft JSON, or an in-toto statement about one"
    )]
    UnknownFormat,
    /// A known format in a version that is not read.
    #[error("{format} `{version}` is not read (expected {expected})")]
    UnsupportedVersion {
        /// The format.
        format: &'static str,
        /// The version found.
        version: String,
        /// The versions that are read.
        expected: &'static str,
    },
    /// An envelope's payload is not base64.
    #[error("the envelope's payload is not base64")]
    Envelope(#[source] base64::DecodeError),
    /// Envelopes within envelopes.
    #[error("more than {MAX_WRAPPERS} envelopes around the document")]
    TooManyWrappers,
    /// Components nested deeper than anybody does.
    #[error("components are nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// More components than [`Limits::packages`].
    #[error("the document lists more than {limit} components")]
    TooManyPackages {
        /// The limit.
        limit: usize,
    },
}

/// Reads an SBOM in any of the known formats, bare or in an in-toto statement, DSSE envelope or Sigstore bundle.
///
/// # Errors
/// If the document as a whole cannot be understood. A single component that is not understood is a [`Gap`].
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Sbom, SbomError> {
    let mut subjects = Vec::new();
    let mut bytes = std::borrow::Cow::Borrowed(bytes);
    for _ in 0..=MAX_WRAPPERS {
        match unwrap(&bytes, limits, &mut subjects)? {
            Content::Wrapped(inner) => bytes = inner.into(),
            Content::Document(mut sbom) => {
                subjects.append(&mut sbom.subjects);
                return Ok(Sbom { subjects, ..*sbom });
            }
        }
    }
    Err(SbomError::TooManyWrappers)
}

enum Content {
    Document(Box<Sbom>),
    Wrapped(Vec<u8>),
}

/// The members that tell formats apart. A member given twice is an error, so no reader can see another document than this one.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "bomFormat", borrow)]
    bom_format: Option<&'a RawValue>,
    #[serde(rename = "spdxVersion", borrow)]
    spdx_version: Option<&'a RawValue>,
    #[serde(rename = "@context", borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    #[serde(borrow)]
    artifacts: Option<&'a RawValue>,
    #[serde(rename = "dsseEnvelope", borrow)]
    dsse_envelope: Option<&'a RawValue>,
    #[serde(rename = "payloadType", borrow)]
    payload_type: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(rename = "predicateType", borrow)]
    predicate_type: Option<&'a RawValue>,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
}

fn unwrap(
    bytes: &[u8],
    limits: &Limits,
    subjects: &mut Vec<Subject>,
) -> Result<Content, SbomError> {
    let size = bytes.len() as u64;
    if size > limits.document_bytes {
        return Err(SbomError::TooLarge { size, limit: limits.document_bytes });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let probe: Probe<'_> = parse("JSON", bytes)?;
    let sbom = if probe.bom_format.is_some() {
        cyclonedx::read(bytes, limits)?
    } else if probe.spdx_version.is_some() {
        spdx::read(bytes, limits)?
    } else if probe.context.is_some() {
        return Err(SbomError::UnsupportedVersion {
            format: "SPDX",
            version: "3".into(),
            expected: "2.3",
        });
    } else if probe.artifacts.is_some() {
        syft::read(bytes, limits)?
    } else if probe.schema.is_some() {
        json::read(bytes, limits)?
    } else if let Some(envelope) = probe.dsse_envelope {
        return Ok(Content::Wrapped(envelope.get().into()));
    } else if let (Some(_), Some(payload)) = (probe.payload_type, probe.payload) {
        return Ok(Content::Wrapped(decode(&parse::<String>("DSSE", payload.get().as_bytes())?)?));
    } else if let (Some(_), Some(predicate)) = (probe.predicate_type, probe.predicate) {
        if let Some(named) = probe.subject {
            *subjects = statement_subjects(named)?;
        }
        return Ok(Content::Wrapped(predicate_content(predicate)?));
    } else {
        return Err(SbomError::UnknownFormat);
    };
    Ok(Content::Document(Box::new(sbom)))
}

/// Parses JSON. Nesting is bounded by serde_json (128 levels).
pub(super) fn parse<'a, T: Deserialize<'a>>(
    format: &'static str,
    bytes: &'a [u8],
) -> Result<T, SbomError> {
    serde_json::from_slice(bytes).map_err(|source| SbomError::Malformed { format, source })
}

/// DSSE allows both alphabets.
fn decode(payload: &str) -> Result<Vec<u8>, SbomError> {
    STANDARD
        .decode(payload)
        .or_else(|error| URL_SAFE.decode(payload).map_err(|_| error))
        .map_err(SbomError::Envelope)
}

/// A predicate is the document, the document as a text, or (older cosign) an object with the text in `Data`.
fn predicate_content(predicate: &RawValue) -> Result<Vec<u8>, SbomError> {
    #[derive(Deserialize)]
    struct Wrapper<'a> {
        #[serde(rename = "Data", borrow)]
        data: Option<&'a RawValue>,
    }
    let text = predicate.get();
    let text = match parse::<Wrapper<'_>>("predicate", text.as_bytes()) {
        Ok(Wrapper { data: Some(data) }) => data.get(),
        _ => text,
    };
    if text.starts_with('"') {
        return Ok(parse::<String>("predicate", text.as_bytes())?.into_bytes());
    }
    Ok(text.into())
}

fn statement_subjects(subjects: &RawValue) -> Result<Vec<Subject>, SbomError> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        name: String,
        #[serde(default)]
        digest: BTreeMap<String, String>,
    }
    let named: Bounded<Named, 10_000> = parse("in-toto statement", subjects.get().as_bytes())?;
    let subject = |named: Named| {
        let digest = ["sha256", "sha512"].into_iter().find_map(|algorithm| {
            format!("{algorithm}:{}", named.digest.get(algorithm)?).parse::<Digest>().ok()
        });
        Subject { name: named.name, digest, platform: None }
    };
    Ok(named.0.into_iter().map(subject).collect())
}

/// What is gathered while a document's components are looked at one by one.
pub(super) struct Collector<'l> {
    limits: &'l Limits,
    inventory: Inventory,
    seen: usize,
    /// How many packages name which system, by identifier and release.
    systems: BTreeMap<(String, String), (usize, OsRelease)>,
}

/// A component before it is understood.
#[derive(Debug, Default)]
pub(super) struct Claim<'a> {
    /// Its name, for people.
    pub(super) name: &'a str,
    /// Its version, where the package URL has none.
    pub(super) version: &'a str,
    /// Its package URL.
    pub(super) purl: Option<&'a str>,
}

impl<'l> Collector<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self { limits, inventory: Inventory::default(), seen: 0, systems: BTreeMap::new() }
    }

    /// Counts a component of any kind.
    pub(super) fn count(&mut self) -> Result<(), SbomError> {
        self.seen += 1;
        if self.seen > self.limits.packages {
            return Err(SbomError::TooManyPackages { limit: self.limits.packages });
        }
        Ok(())
    }

    /// Understands a component; the caller adds what else it knows, and hands it to [`Self::push`].
    pub(super) fn package(&mut self, claim: &Claim<'_>) -> Option<Package> {
        let Some(text) = claim.purl.filter(|purl| !purl.is_empty()) else {
            self.gap(GapReason::Unsupported, claim.name, "has no package URL");
            return None;
        };
        let url: PackageUrl = match text.parse() {
            Ok(url) => url,
            Err(error) => {
                let detail = format!("has the package URL `{}`: {error}", short(text));
                self.gap(GapReason::Malformed, claim.name, &detail);
                return None;
            }
        };
        let Some(mut package) = purl::to_package(&url) else {
            let detail = format!("has a package URL of type `{}`", short(url.kind()));
            self.gap(GapReason::Unsupported, claim.name, &detail);
            return None;
        };
        if package.version.is_empty() {
            package.version = claim.version.into();
        }
        if let Some(os) = purl::os_of(&url) {
            let key = (os.id.clone(), os.version_id.clone());
            self.systems.entry(key).or_insert((0, os)).0 += 1;
        }
        Some(package)
    }

    /// Adds a package. One without a version is kept, and is a gap as well.
    pub(super) fn push(&mut self, package: Package) {
        if package.version.is_empty() {
            let name = package.name.clone();
            self.gap(GapReason::Incomplete, &name, "has no version");
        }
        self.inventory.packages.push(package);
    }

    pub(super) fn executable(&mut self, executable: Executable) {
        self.inventory.executables.push(executable);
    }

    pub(super) fn set_os(&mut self, os: OsRelease) {
        match &self.inventory.os {
            Some(first) if first.id != os.id => {
                self.gap(GapReason::Malformed, &os.id, "is a second operating system");
            }
            _ => self.inventory.os = Some(os),
        }
    }

    pub(super) fn image_fact(&mut self, name: &str, value: &str) {
        facts::apply_image(&mut self.inventory, name, value);
    }

    /// Says what could not be used of the component `name`.
    pub(super) fn gap(&mut self, reason: GapReason, name: &str, detail: &str) {
        self.inventory.gaps.push(Gap {
            path: FilePath::default(),
            layer: None,
            reason,
            detail: format!("component `{}` {detail}", short(name)),
        });
    }

    /// Decides on the operating system, sorts, and is done.
    pub(super) fn finish(mut self) -> Inventory {
        self.decide_os();
        let mut inventory = self.inventory;
        inventory.packages.sort();
        inventory.gaps.sort();
        inventory.gaps.dedup();
        inventory.system.sort();
        inventory.executables.sort();
        inventory
    }

    /// The document's own word counts; without one, what most packages name. Packages of another system are a gap.
    fn decide_os(&mut self) {
        let most = |systems: &BTreeMap<_, (usize, OsRelease)>| {
            systems.values().rev().max_by_key(|(count, _)| *count).map(|(_, os)| os.clone())
        };
        let Some(os) = self.inventory.os.clone().or_else(|| most(&self.systems)) else {
            return;
        };
        for ((id, release), (count, _)) in std::mem::take(&mut self.systems) {
            // Where a qualifier's text is cut is a guess, so the text is compared as well.
            let fits = (id == os.id && (release == os.version_id || release.is_empty()))
                || format!("{id}-{release}") == format!("{}-{}", os.id, os.version_id);
            // `pkg:rpm/opensuse/…` names the vendor of several distributions.
            let is_vendor = release.is_empty() && os.id.starts_with(&id);
            let is_named = os.codename.as_deref() == Some(&*release);
            if !fits && !is_vendor && !is_named {
                let detail = format!(
                    "is named as the system of {count} packages, beside `{} {}`",
                    short(&os.id),
                    short(&os.version_id)
                );
                self.gap(GapReason::Malformed, &format!("{id} {release}"), &detail);
            }
        }
        self.inventory.os = Some(os);
    }
}

/// Applies facts in their order; returns the package.
pub(super) fn with_facts<'a>(
    mut package: Package,
    facts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Package {
    // In a map until all are there: inserting each into a sorted list would be quadratic.
    let mut properties: BTreeMap<String, String> =
        std::mem::take(&mut package.properties).into_iter().collect();
    for (name, value) in facts {
        match name.strip_prefix("hullmark:property:") {
            Some(name) => {
                properties.insert(name.into(), value.into());
            }
            None => facts::apply(&mut package, name, value),
        }
    }
    package.properties = properties.into_iter().collect();
    package
}

/// The first hundred characters, for messages.
pub(super) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
