//! From a target to a verdict: resolves, reads layers, overlays, matches, judges. The one path that every gate takes.
//!
//! **API boundary**: [`examine`]. Content comes through [`hullmark_oci::ImageSource`], time is a parameter, and processor-bound work
//! leaves the async threads here and nowhere else.

mod attached;
mod error;
mod images;
mod layers;
mod progress;
mod suppress;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hullmark_advisory::db::Database;
use hullmark_advisory::ignore::Rules;
use hullmark_advisory::matching;
use hullmark_advisory::vex::Vex;
use hullmark_evidence::{AdvisorySource, Evidence, ImageFacts, Subject, SubjectKind};
use hullmark_inventory::cache::FragmentCache;
use hullmark_inventory::scan::ScanOptions;
use hullmark_inventory::{Inventory, folder, overlay, sbom};
use hullmark_oci::{ImageSource, Platform, Reference};
use hullmark_policy::{Policies, Stage, Verdict};
use jiff::Timestamp;

pub use error::ExamineError;
pub use progress::{NoProgress, Progress};

/// What is examined.
#[derive(Clone, Debug)]
pub enum Target {
    /// An image, wherever it is kept.
    Image {
        /// Where its content comes from.
        source: Arc<dyn ImageSource>,
        /// The reference, if the image has one.
        reference: Option<Reference>,
    },
    /// A root file system in a folder.
    Folder(PathBuf),
    /// An SBOM document.
    Sbom {
        /// Its name, for people.
        name: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

/// Which images of an index are examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformChoice {
    /// The one for this platform.
    Only(Platform),
    /// The host's platform; where a target has a single image, that one whatever its platform is.
    Host,
    /// Every one.
    All,
}

/// What the stages need from outside.
pub struct Ports {
    /// Cached fragments; without them every layer is read.
    pub fragments: Option<FragmentCache>,
    /// Advisories; without them nothing is matched.
    pub advisories: Option<Arc<Database>>,
    /// Told about bytes and layers.
    pub progress: Arc<dyn Progress>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which images of an index.
    pub platform: PlatformChoice,
    /// How layers are read.
    pub scan: ScanOptions,
    /// How packages are matched.
    pub matching: matching::Options,
    /// What suppresses findings.
    pub suppressions: Suppressions,
    /// Policies to judge by, and for which gate; nothing is judged without.
    pub judge: Option<(Arc<Policies>, Stage)>,
    /// Layers read at once.
    pub parallel: usize,
    /// The time at which the question is asked.
    pub now: Timestamp,
}

/// One image, examined.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The facts.
    pub evidence: Evidence,
    /// The decision, if policies were given.
    pub verdict: Option<Verdict>,
    /// Ignore rules that have ended and count no longer: what they are about, for people.
    pub ended_rules: Vec<String>,
}

/// What suppresses findings. Nothing is dropped: a suppressed finding stays in the evidence, with the reason.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    /// VEX documents.
    pub vex: Arc<Vec<Vex>>,
    /// Ignore files.
    pub ignore: Arc<Vec<Rules>>,
    /// Whether VEX documents attached to the image count.
    pub attached: AttachedVex,
}

/// Whether VEX documents that are attached to an image count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AttachedVex {
    /// They do not: whoever can push to the repository can attach one.
    #[default]
    Ignore,
    /// They do, whoever attached them.
    DangerousTrustUnsigned,
}

/// Examines a target. An index gives one examination per chosen image, in the order of the index; everything else gives one.
///
/// # Errors
/// If the target cannot be examined: never when something about it is merely bad.
pub async fn examine(
    target: &Target,
    ports: &Ports,
    request: &Request,
) -> Result<Vec<Examination>, ExamineError> {
    let mut examinations = Vec::new();
    for (subject, image, inventory) in contents(target, ports, request).await? {
        let mut evidence = match_advisories(subject, image, inventory, ports, request).await?;
        let attached = attached::vex(target, &evidence, request).await?;
        let ended_rules =
            suppress::apply(&mut evidence, &request.suppressions, &attached, request.now);
        let verdict = request.judge.as_ref().map(|(policies, stage)| {
            hullmark_policy::evaluate(policies, &evidence, *stage, request.now)
        });
        examinations.push(Examination { evidence, verdict, ended_rules });
    }
    Ok(examinations)
}

type Contents = (Subject, ImageFacts, Inventory);

async fn contents(
    target: &Target,
    ports: &Ports,
    request: &Request,
) -> Result<Vec<Contents>, ExamineError> {
    match target {
        Target::Image { source, reference } => {
            let mut all = Vec::new();
            for image in images::choose(source, reference.as_ref(), request).await? {
                let layers = layers::read(source, &image, ports, request).await?;
                let inventory = blocking(move || layers.overlay()).await?;
                all.push((image.subject, image.facts, inventory));
            }
            Ok(all)
        }
        Target::Folder(path) => Ok(vec![folder_contents(path, request).await?]),
        Target::Sbom { name, bytes } => {
            let document = sbom::read(bytes, &request.scan.limits)
                .map_err(|source| ExamineError::Sbom { name: name.clone(), source })?;
            let subject = Subject {
                name: name.clone(),
                reference: None,
                // What the document claims to describe is a claim, not a fact.
                digest: None,
                index: None,
                platform: None,
                kind: SubjectKind::Sbom,
            };
            Ok(vec![(subject, ImageFacts::default(), document.inventory)])
        }
    }
}

async fn folder_contents(path: &Path, request: &Request) -> Result<Contents, ExamineError> {
    let (root, options) = (path.to_owned(), request.scan.clone());
    let name = format!("dir:{}", path.display());
    let fragment = blocking(move || folder::scan_folder(&root, &options))
        .await?
        .map_err(|source| ExamineError::Folder { path: path.to_owned(), source })?;
    let inventory = overlay::overlay(&[overlay::Layer { diff_id: None, fragment: &fragment }]);
    let kind = SubjectKind::Directory;
    let subject =
        Subject { name, reference: None, digest: None, index: None, platform: None, kind };
    Ok((subject, ImageFacts::default(), inventory))
}

async fn match_advisories(
    subject: Subject,
    image: ImageFacts,
    mut inventory: Inventory,
    ports: &Ports,
    request: &Request,
) -> Result<Evidence, ExamineError> {
    let (database, options) = (ports.advisories.clone(), request.matching.clone());
    let (inventory, findings, advisories) = blocking(move || {
        let Some(database) = database else { return Ok((inventory, Vec::new(), Vec::new())) };
        let matched = matching::find(&database, &inventory, &options)?;
        inventory.gaps.extend(matched.gaps);
        inventory.gaps.sort();
        let used = matched.used.into_iter().map(advisory_source).collect();
        Ok::<_, ExamineError>((inventory, matched.findings, used))
    })
    .await??;
    Ok(Evidence { subject, image, inventory, findings, advisories, examined: request.now })
}

fn advisory_source(segment: hullmark_advisory::db::SegmentInfo) -> AdvisorySource {
    AdvisorySource {
        ecosystem: segment.name,
        digest: segment.digest,
        records: segment.records,
        newest: segment.newest,
        updated: segment.updated,
    }
}

/// Runs processor-bound work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ExamineError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ExamineError::Panicked(error.to_string()))
}
