//! The advisory database as one OCI artifact: a layer for its manifest, and one for each segment.
//!
//! Segments are named by their digest, so that a registry stores, and a pull moves, only those that changed. The same database
//! makes the same artifact, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use hullmark_advisory::db::manifest::ManifestError;
use hullmark_advisory::db::store::Writer;
use hullmark_advisory::db::{Database, DatabaseError, Manifest, SegmentInfo};
use hullmark_oci::layout::{INDEX, MARKER, blob_path};
use hullmark_oci::manifest::Document;
use hullmark_oci::{Descriptor, Digest, Hasher, ImageSource, Reference, SourceError, media_type};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Client;
use crate::push::Pushed;

/// Type of the artifact.
pub const ARTIFACT_TYPE: &str = "application/vnd.hullmark.advisories.v1";
/// Media type of the layer with the database's manifest.
pub const MANIFEST_LAYER: &str = "application/vnd.hullmark.advisories.v1+json";
/// Media type of a layer with a segment.
pub const SEGMENT_LAYER: &str = "application/vnd.hullmark.advisory-segment.v1";
/// Annotation with a segment's name.
const TITLE: &str = "org.opencontainers.image.title";
/// Annotation with the time at which the database was written.
const CREATED: &str = "org.opencontainers.image.created";
/// Bytes of the database's manifest.
const MANIFEST_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of one segment. It is in memory as a whole while it is checked.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// How far clocks may be apart.
const SKEW: SignedDuration = SignedDuration::from_hours(24);

/// What was written to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distributed {
    /// Digest of the artifact's manifest.
    pub digest: Digest,
    /// Segments that were uploaded.
    pub uploaded: usize,
    /// Segments that the registry had.
    pub known: usize,
    /// Bytes that were uploaded.
    pub bytes: u64,
}

/// What a pull did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Names of segments that were fetched.
    pub fetched: Vec<String>,
    /// Segments that were there.
    pub known: usize,
    /// Names of segments that the artifact does not have, and the database no more.
    pub gone: Vec<String>,
    /// Bytes that were fetched.
    pub bytes: u64,
}

/// Whether a database may be replaced by an older one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rollback {
    /// It may not: whoever can keep an old artifact could hide what was learnt since.
    #[default]
    Refuse,
    /// It may.
    Allow,
}

/// Why an artifact could not be made or installed. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It is something else.
    #[error(
        "`{name}` is not an advisory database: its artifact type is `{found}`, expected `{ARTIFACT_TYPE}`"
    )]
    Type {
        /// The artifact.
        name: String,
        /// Its type.
        found: String,
    },
    /// Its manifest is not one that this program writes.
    #[error("`{name}` is not an advisory database: {reason}")]
    Shape {
        /// The artifact.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The database's manifest is malformed.
    #[error("the manifest of the advisory database in `{name}` cannot be read")]
    Manifest {
        /// The artifact.
        name: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The database's manifest names a segment that no layer has.
    #[error("segment `{segment}` is missing: no layer has digest `{digest}` and its size")]
    Missing {
        /// The segment.
        segment: String,
        /// Its digest.
        digest: Digest,
    },
    /// A layer holds no segment that the database's manifest names.
    #[error("layer `{0}` is no segment that the manifest names")]
    Stray(Digest),
    /// Two segments have one name.
    #[error("segment `{0}` is there twice")]
    Twice(String),
    /// A segment is larger than allowed.
    #[error("segment `{segment}` has {size} bytes, more than {SEGMENT_BYTES}")]
    TooLarge {
        /// The segment.
        segment: String,
        /// Its size.
        size: u64,
    },
    /// What is there is newer.
    #[error("{what} is of {found}, older than what is there, of {installed}")]
    Older {
        /// The database, or a segment of it.
        what: String,
        /// When the artifact's was brought up to date.
        found: Timestamp,
        /// When the one that is there was.
        installed: Timestamp,
    },
    /// It says that it comes from the future, and would never be replaced.
    #[error("it says that it was written at {0}, which has not come yet")]
    Future(Timestamp),
    /// The database could not be read or written, or a segment cannot be believed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Content could not be fetched or sent.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file could not be written.
    #[error("failed to write `{}`", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A database as an artifact.
#[derive(Debug)]
struct Artifact {
    database: Database,
    /// The OCI manifest.
    manifest: Vec<u8>,
    /// The database's manifest.
    index: Vec<u8>,
}

/// The empty configuration.
///
/// See: OCI image-spec v1.1.1 manifest.md §"Guidance for an Empty Descriptor".
const EMPTY: &[u8] = b"{}";

impl Artifact {
    /// Reads a database; every byte of it is checked before it is handed on.
    fn read(dir: &Path) -> Result<Self, ArtifactError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Oci<'a> {
            schema_version: u32,
            media_type: &'a str,
            artifact_type: &'a str,
            config: Descriptor,
            layers: Vec<Descriptor>,
            annotations: BTreeMap<&'a str, String>,
        }
        let database = Database::open(dir)?;
        database.verify()?;
        let index = database.status().to_json();
        let mut layers = vec![Descriptor::of(MANIFEST_LAYER, &index)];
        layers.extend(database.status().segments.iter().map(layer));
        let created = database.updated().map(|time| (CREATED, time.to_string()));
        let oci = Oci {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            artifact_type: ARTIFACT_TYPE,
            config: Descriptor::of(media_type::OCI_EMPTY, EMPTY),
            layers,
            annotations: created.into_iter().collect(),
        };
        let manifest = serde_json::to_vec(&oci).expect("strings and numbers encode");
        Ok(Self { database, manifest, index })
    }

    /// Calls `each` with every blob but the manifest: small ones first, then the segments in the order of their names.
    fn segments(&self) -> impl Iterator<Item = (Descriptor, &[u8])> {
        let infos = &self.database.status().segments;
        infos.iter().zip(self.database.segments()).map(|(info, s)| (layer(info), s.bytes()))
    }

    fn small(&self) -> [(Descriptor, &[u8]); 2] {
        [
            (Descriptor::of(media_type::OCI_EMPTY, EMPTY), EMPTY),
            (Descriptor::of(MANIFEST_LAYER, &self.index), &self.index),
        ]
    }
}

fn layer(info: &SegmentInfo) -> Descriptor {
    Descriptor {
        media_type: SEGMENT_LAYER.into(),
        digest: info.digest.clone(),
        size: info.size,
        urls: Vec::new(),
        annotations: [(TITLE.to_owned(), info.name.clone())].into(),
        platform: None,
        artifact_type: None,
    }
}

/// Writes the database in `dir` as an OCI archive. Blocks.
///
/// # Errors
/// If the database is missing or damaged, or the file cannot be written; then there is no half of it.
pub fn export(dir: &Path, file: &Path) -> Result<Digest, ArtifactError> {
    let artifact = Artifact::read(dir)?;
    let failed = |source| ArtifactError::Write { path: file.to_owned(), source };
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Whoever may read a new file may read this one.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut temporary =
        tempfile::Builder::new().permissions(permissions).tempfile_in(folder).map_err(failed)?;
    let digest =
        write_archive(&artifact, &mut io::BufWriter::new(&mut temporary)).map_err(failed)?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(file).map_err(|error| failed(error.error))?;
    Ok(digest)
}

fn write_archive(artifact: &Artifact, out: &mut impl Write) -> io::Result<Digest> {
    let mut manifest = Descriptor::of(media_type::OCI_MANIFEST, &artifact.manifest);
    manifest.artifact_type = Some(ARTIFACT_TYPE.into());
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [manifest],
    });
    write_entry(out, MARKER, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    write_entry(out, INDEX, index.to_string().as_bytes())?;
    write_entry(out, &blob_path(&manifest.digest), &artifact.manifest)?;
    let mut written = BTreeSet::new();
    for (at, content) in artifact.small().into_iter().chain(artifact.segments()) {
        if written.insert(at.digest.clone()) {
            write_entry(out, &blob_path(&at.digest), content)?;
        }
    }
    out.write_all(&[0; 1024])?;
    out.flush()?;
    Ok(manifest.digest)
}

/// Writes one file of a tar archive, with nothing in its header that differs from one run to the next.
///
/// See: POSIX.1-1988 ustar.
fn write_entry(out: &mut impl Write, name: &str, content: &[u8]) -> io::Result<()> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    // Eleven octal digits: eight GiB, twice what a segment may have.
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.write_all(&header)?;
    out.write_all(content)?;
    out.write_all(&[0; 512][..content.len().next_multiple_of(512) - content.len()])
}

/// Pushes the database in `dir`: only segments that the repository does not have, then the manifest. `tell` hears of each.
///
/// # Errors
/// If the database is missing or damaged, or the registry refuses it.
pub async fn push(
    client: &Client,
    dir: &Path,
    to: &Reference,
    tell: &(dyn Fn(&str, Pushed) + Send + Sync),
) -> Result<Distributed, ArtifactError> {
    let folder = dir.to_owned();
    let artifact = off_thread(move || Artifact::read(&folder)).await?;
    let pusher = client.pusher(to);
    for (at, content) in artifact.small() {
        pusher.blob(&at, Bytes::copy_from_slice(content)).await?;
    }
    let mut done =
        Distributed { digest: Digest::sha256(&artifact.manifest), uploaded: 0, known: 0, bytes: 0 };
    for (at, content) in artifact.segments() {
        let pushed = pusher.blob(&at, Bytes::copy_from_slice(content)).await?;
        match pushed {
            Pushed::Known => done.known += 1,
            Pushed::Uploaded => {
                done.uploaded += 1;
                done.bytes += at.size;
            }
        }
        tell(at.annotations.get(TITLE).map_or("", String::as_str), pushed);
    }
    pusher.manifest(media_type::OCI_MANIFEST, artifact.manifest.into()).await?;
    Ok(done)
}

/// Makes an artifact the database in `dir`: only segments that are not there are fetched. `tell` hears of each.
///
/// # Errors
/// If it is no database, not intact, or older than what is there; the database is as it was.
pub async fn pull(
    source: Box<dyn ImageSource>,
    dir: &Path,
    rollback: Rollback,
    now: Timestamp,
    tell: &(dyn Fn(&str, u64) + Send + Sync),
) -> Result<Installed, ArtifactError> {
    let (manifest, layers) = resolve(&*source).await?;
    let folder = dir.to_owned();
    // Nobody else may write in between: a writer removes files that no manifest names.
    let (mut writer, installed) = off_thread(move || {
        let writer = Writer::lock(&folder)?;
        let installed = match Manifest::read(&folder) {
            Err(DatabaseError::Missing(_)) => Manifest::default(),
            other => other?,
        };
        Ok((writer, installed))
    })
    .await?;
    if rollback == Rollback::Refuse {
        refuse_older(&manifest, &installed)?;
    }
    let latest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    let dates = manifest.segments.iter().filter_map(|s| s.updated).chain(manifest.updated);
    if let Some(future) = dates.filter(|time| *time > latest).max() {
        return Err(ArtifactError::Future(future));
    }
    let mut report = Installed { fetched: Vec::new(), known: 0, gone: Vec::new(), bytes: 0 };
    let source: Arc<dyn ImageSource> = source.into();
    for info in &manifest.segments {
        let (checked, folder) = (info.clone(), dir.to_owned());
        if off_thread(move || Ok(is_there(&checked, &folder))).await? {
            report.known += 1;
            continue;
        }
        let Some(at) = layers.get(&info.digest) else { continue };
        let mut reader = source.blob(at).await?;
        let owned = info.clone();
        writer = off_thread(move || {
            let bytes = read_segment(&mut reader, &owned)?;
            writer.install(&owned, &bytes)?;
            Ok(writer)
        })
        .await?;
        tell(&info.name, info.size);
        report.fetched.push(info.name.clone());
        report.bytes += info.size;
    }
    let names: BTreeSet<&str> = manifest.segments.iter().map(|s| s.name.as_str()).collect();
    let gone = installed.segments.iter().filter(|s| !names.contains(s.name.as_str()));
    report.gone = gone.map(|s| s.name.clone()).collect();
    off_thread(move || Ok(writer.publish(&manifest)?)).await?;
    Ok(report)
}

/// Reads what an artifact says of itself, and checks that it is one database, whole and with nothing beside it.
async fn resolve(
    source: &dyn ImageSource,
) -> Result<(Manifest, BTreeMap<Digest, Descriptor>), ArtifactError> {
    let name = source.name();
    let shape = |reason| ArtifactError::Shape { name: name.clone(), reason };
    let top = source.resolve().await?;
    let oci = match Document::parse(&top.bytes, Some(&top.descriptor.media_type)) {
        Ok(Document::Manifest(oci)) => oci,
        Ok(Document::Index(_)) => return Err(shape("it is an index of several images")),
        Err(_) => return Err(shape("its manifest is malformed")),
    };
    if oci.artifact_type.as_deref() != Some(ARTIFACT_TYPE) {
        let found = oci.artifact_type.unwrap_or(oci.config.media_type);
        let found = found.chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(ArtifactError::Type { name, found });
    }
    let (index, segments): (Vec<_>, Vec<_>) =
        oci.layers.into_iter().partition(|layer| layer.media_type == MANIFEST_LAYER);
    let [index] = index.as_slice() else {
        return Err(shape("it does not have one layer with the database's manifest"));
    };
    let json = source.manifest(index, MANIFEST_BYTES).await?;
    let manifest = Manifest::parse(&json)
        .map_err(|source| ArtifactError::Manifest { name: name.clone(), source })?;
    let layers: BTreeMap<Digest, Descriptor> =
        segments.into_iter().map(|layer| (layer.digest.clone(), layer)).collect();
    if let Some(pair) = manifest.segments.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(ArtifactError::Twice(pair[0].name.clone()));
    }
    let mut named = BTreeSet::new();
    for info in &manifest.segments {
        let (segment, digest, size) = (info.name.clone(), info.digest.clone(), info.size);
        if size > SEGMENT_BYTES {
            return Err(ArtifactError::TooLarge { segment, size });
        }
        let there = layers.get(&digest).is_some_and(|layer| layer.size == size);
        if !there {
            return Err(ArtifactError::Missing { segment, digest });
        }
        named.insert(digest);
    }
    match layers.keys().find(|digest| !named.contains(*digest)) {
        Some(stray) => Err(ArtifactError::Stray(stray.clone())),
        None => Ok((manifest, layers)),
    }
}

/// Refuses a database, or a segment in it, that was brought up to date before what is there.
fn refuse_older(new: &Manifest, installed: &Manifest) -> Result<(), ArtifactError> {
    let check = |what: String, found: Option<Timestamp>, there: Option<Timestamp>| {
        let Some(installed) = there else { return Ok(()) };
        let found = found.unwrap_or(Timestamp::MIN);
        if found < installed {
            Err(ArtifactError::Older { what, found, installed })
        } else {
            Ok(())
        }
    };
    check("the advisory database".into(), new.updated, installed.updated)?;
    for there in &installed.segments {
        let same_name = |s: &&SegmentInfo| s.name == there.name && s.digest != there.digest;
        if let Some(segment) = new.segments.iter().find(same_name) {
            check(format!("segment `{}`", there.name), segment.updated, there.updated)?;
        }
    }
    Ok(())
}

/// Whether a segment's file is there and intact.
fn is_there(info: &SegmentInfo, dir: &Path) -> bool {
    let path = info.path(dir);
    let same_size = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() == info.size);
    same_size && digest_of(&path, info).is_ok_and(|digest| digest == info.digest)
}

fn digest_of(path: &Path, info: &SegmentInfo) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(info.digest.algorithm());
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn read_segment(reader: &mut impl Read, info: &SegmentInfo) -> Result<Vec<u8>, ArtifactError> {
    let what = format!("segment `{}`", info.name);
    let mut bytes = Vec::new();
    if let Err(error) = reader.take(info.size.saturating_add(1)).read_to_end(&mut bytes) {
        // A registry's stream says itself what happened.
        let error = error
            .downcast::<SourceError>()
            .unwrap_or_else(|source| SourceError::Io { what, source });
        return Err(error.into());
    }
    let found = Digest::of(info.digest.algorithm(), &bytes);
    if found == info.digest {
        Ok(bytes)
    } else {
        let expected = info.digest.clone();
        Err(SourceError::DigestMismatch { what, expected, found }.into())
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        let (what, detail) = ("the database".into(), "the program is shutting down".into());
        Err(SourceError::Unreachable { what, detail }.into())
    })
}
