//! Images in files: OCI layouts, `docker save` archives and skopeo's `dir:`, each as a folder or a tar.

mod saved;
pub(crate) mod store;
pub(crate) mod tar_index;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use hullmark_oci::layout::{self, Choice, SelectError, Selection};
use hullmark_oci::manifest::Document;
use hullmark_oci::source::{BlobReader, BoxFuture, ImageSource, Resolved};
use hullmark_oci::{Descriptor, Digest, Index, Limits, SourceError, docker_save, media_type};

use crate::options::ClientOptions;
use crate::progress::ProgressSink;
use crate::target::ArchiveForm;
use crate::text::with_sources;
use store::{Spool, Store};

/// What a skopeo `dir:` keeps its version in.
pub(crate) const SKOPEO_VERSION: &str = "version";
const SKOPEO_MARK: &[u8] = b"Directory Transport Version: 1.";

/// An image whose content lies in files.
#[derive(Clone, Debug)]
pub(crate) struct LocalImage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    store: Store,
    top: Resolved,
    naming: Naming,
    /// What `index.json` lists: where referrers are looked for.
    listed: Vec<Descriptor>,
    limits: Limits,
    progress: ProgressSink,
}

/// How the name of a file follows from the digest of its content.
#[derive(Debug)]
enum Naming {
    /// `blobs/sha256/…`
    Layout,
    /// The digest without its algorithm; manifests end in `.manifest.json`.
    Skopeo,
    /// As the archive's `manifest.json` says.
    Listed(BTreeMap<Digest, String>),
}

/// What every local image is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) limits: Limits,
    pub(crate) spool: Spool,
    pub(crate) progress: ProgressSink,
}

impl Opening {
    /// Takes what local images need out of the options.
    pub(crate) fn new(options: &ClientOptions) -> Self {
        Self {
            limits: options.limits.clone(),
            spool: options.spool.clone(),
            progress: options.progress.clone(),
        }
    }

    /// Opens an OCI layout folder.
    pub(crate) fn layout(
        self,
        path: PathBuf,
        selection: &Selection,
        name: String,
    ) -> Result<LocalImage, SourceError> {
        self.open_layout(Store::Folder(path), selection, name)
    }

    /// Opens a folder that `skopeo copy … dir:` wrote.
    pub(crate) fn skopeo_dir(self, path: PathBuf, name: String) -> Result<LocalImage, SourceError> {
        self.open_skopeo(Store::Folder(path), name)
    }

    /// Opens a tar archive.
    pub(crate) fn archive(
        self,
        path: &Path,
        form: ArchiveForm,
        selection: &Selection,
        name: String,
    ) -> Result<LocalImage, SourceError> {
        let store = Store::open_archive(path, &self.spool, &self.limits)?;
        self.open_store(store, form, selection, name)
    }

    /// Opens an archive that was opened already.
    pub(crate) fn open_store(
        self,
        store: Store,
        form: ArchiveForm,
        selection: &Selection,
        name: String,
    ) -> Result<LocalImage, SourceError> {
        match form {
            ArchiveForm::Oci => self.open_layout(store, selection, name),
            ArchiveForm::Docker => self.open_saved(store, selection, name),
            ArchiveForm::Skopeo => self.open_skopeo(store, name),
            ArchiveForm::Any => {
                let has_layout = store.contains(layout::INDEX);
                let has_saved = store.contains(docker_save::MANIFEST);
                match (has_layout, has_saved) {
                    (true, true) => {
                        let saved = saved::read_list(&store, &name, &self.limits)?;
                        let image = self.open_layout(store, selection, name)?;
                        image.0.check_agreement(&saved)?;
                        Ok(image)
                    }
                    (true, false) => self.open_layout(store, selection, name),
                    (false, true) if is_skopeo(&store)? => self.open_skopeo(store, name),
                    (false, true) => self.open_saved(store, selection, name),
                    (false, false) => Err(SourceError::Malformed {
                        what: name,
                        detail: "the archive has neither `index.json` (OCI layout) nor \
                                 `manifest.json` (`docker save`)"
                            .into(),
                    }),
                }
            }
        }
    }

    fn open_layout(
        self,
        store: Store,
        selection: &Selection,
        name: String,
    ) -> Result<LocalImage, SourceError> {
        let malformed = |detail: String| SourceError::Malformed { what: name.clone(), detail };
        let limit = self.limits.manifest_bytes;
        if let Some(marker) = store.read(layout::MARKER, limit)? {
            layout::check_marker(&marker).map_err(|e| malformed(with_sources(&e)))?;
        }
        let bytes = store.read(layout::INDEX, limit)?.ok_or_else(|| {
            malformed("it has no `index.json`, so that it is not an OCI layout".into())
        })?;
        let Document::Index(index) = Document::parse(&bytes, Some(media_type::OCI_INDEX))
            .map_err(|e| malformed(format!("`index.json`: {}", with_sources(&e))))?
        else {
            return Err(malformed("`index.json` is a manifest, not an index".into()));
        };
        if index.manifests.len() > self.limits.index_manifests {
            return Err(malformed(format!(
                "`index.json` lists more than {} images",
                self.limits.index_manifests
            )));
        }
        let top = match layout::select(&index, selection) {
            Ok(Choice::Index) => {
                Resolved { descriptor: Descriptor::of(media_type::OCI_INDEX, &bytes), bytes }
            }
            Ok(Choice::Descriptor(descriptor)) => {
                let bytes = read_verified(&store, &Naming::Layout, &descriptor, limit)?;
                Resolved { descriptor, bytes }
            }
            Err(SelectError::NotFound { choices }) => match selection {
                Selection::Digest(digest) => unlisted(&store, digest, limit, &name)?,
                _ => return Err(not_found(&name, &choices)),
            },
            Err(SelectError::Ambiguous { choices }) => {
                return Err(SourceError::Ambiguous { what: name, choices });
            }
        };
        let Index { manifests, .. } = index;
        Ok(self.image(name, store, top, Naming::Layout, manifests))
    }

    fn open_skopeo(self, store: Store, name: String) -> Result<LocalImage, SourceError> {
        let bytes =
            store.read(docker_save::MANIFEST, self.limits.manifest_bytes)?.ok_or_else(|| {
                SourceError::Malformed {
                    what: name.clone(),
                    detail: "it has no `manifest.json`".into(),
                }
            })?;
        let media_type = media_type_of(&bytes, &name)?;
        let top = Resolved { descriptor: Descriptor::of(&media_type, &bytes), bytes };
        Ok(self.image(name, store, top, Naming::Skopeo, Vec::new()))
    }

    fn image(
        self,
        name: String,
        store: Store,
        top: Resolved,
        naming: Naming,
        listed: Vec<Descriptor>,
    ) -> LocalImage {
        let Self { limits, progress, .. } = self;
        LocalImage(Arc::new(Inner { name, store, top, naming, listed, limits, progress }))
    }
}

impl Inner {
    fn manifest(&self, at: &Descriptor, limit: u64) -> Result<Bytes, SourceError> {
        if at.digest == self.top.descriptor.digest && at.size == self.top.bytes.len() as u64 {
            return Ok(self.top.bytes.clone());
        }
        read_verified(&self.store, &self.naming, at, limit)
    }

    fn blob(&self, at: &Descriptor) -> Result<BlobReader, SourceError> {
        let what = || format!("blob {} of {}", at.digest, self.name);
        let (reader, length) = self
            .naming
            .open(&self.store, at)?
            .ok_or_else(|| SourceError::NotFound { what: what() })?;
        if length != at.size {
            return Err(SourceError::SizeMismatch {
                what: what(),
                expected: at.size,
                found: length,
            });
        }
        Ok(self.progress.wrap(at, reader))
    }

    /// Manifests listed in `index.json`, directly or under the subject's fallback tag, that name the subject.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        let tag = fallback_tag(subject);
        let limit = self.limits.index_manifests;
        let mut candidates = BTreeMap::new();
        for descriptor in &self.listed {
            if descriptor.annotations.get(layout::REF_NAME) == Some(&tag)
                && let Ok(bytes) = self.manifest(descriptor, self.limits.manifest_bytes)
                && let Ok(Document::Index(index)) =
                    Document::parse(&bytes, Some(&descriptor.media_type))
            {
                candidates.extend(index.manifests.into_iter().map(|d| (d.digest.clone(), d)));
            }
            candidates.insert(descriptor.digest.clone(), descriptor.clone());
            if candidates.len() > limit {
                return Err(SourceError::Malformed {
                    what: self.name.clone(),
                    detail: format!("it lists more than {limit} manifests"),
                });
            }
        }
        let mut found: Vec<Descriptor> = Vec::new();
        for mut candidate in candidates.into_values() {
            let bytes = match self.manifest(&candidate, self.limits.manifest_bytes) {
                Ok(bytes) => bytes,
                // An index may list what a layout does not hold; that is no referrer that could be read.
                Err(SourceError::NotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            let (named, artifact_type) = match Document::parse(&bytes, Some(&candidate.media_type))
            {
                Ok(Document::Manifest(m)) => {
                    (m.subject, m.artifact_type.or(Some(m.config.media_type)))
                }
                Ok(Document::Index(i)) => (i.subject, None),
                Err(_) => (None, None),
            };
            if named.is_some_and(|s| s.digest == *subject) {
                candidate.artifact_type = candidate.artifact_type.or(artifact_type);
                found.push(candidate);
            }
        }
        Ok(found)
    }
}

impl ImageSource for LocalImage {
    fn name(&self) -> String {
        self.0.name.clone()
    }

    fn resolve(&self) -> BoxFuture<'_, Result<Resolved, SourceError>> {
        Box::pin(std::future::ready(Ok(self.0.top.clone())))
    }

    fn manifest<'a>(
        &'a self,
        at: &'a Descriptor,
        limit: u64,
    ) -> BoxFuture<'a, Result<Bytes, SourceError>> {
        let (inner, at) = (self.0.clone(), at.clone());
        Box::pin(blocking(move || inner.manifest(&at, limit)))
    }

    fn blob<'a>(&'a self, at: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, SourceError>> {
        let (inner, at) = (self.0.clone(), at.clone());
        Box::pin(blocking(move || inner.blob(&at)))
    }

    fn referrers<'a>(
        &'a self,
        subject: &'a Digest,
    ) -> BoxFuture<'a, Result<Vec<Descriptor>, SourceError>> {
        let (inner, subject) = (self.0.clone(), subject.clone());
        Box::pin(blocking(move || inner.referrers(&subject)))
    }
}

/// Runs file work off the threads of the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(SourceError::Unreachable {
            what: "a file".into(),
            detail: "the program is shutting down".into(),
        }),
    }
}

/// The tag under which registries without the referrers API keep the referrers of a digest.
///
/// See: OCI distribution-spec v1.1.1 §"Referrers Tag Schema".
pub(crate) fn fallback_tag(subject: &Digest) -> String {
    let hex = subject.hex();
    format!("{}-{}", subject.algorithm().as_str(), &hex[..hex.len().min(64)])
}

impl Naming {
    fn open(
        &self,
        store: &Store,
        at: &Descriptor,
    ) -> Result<Option<(BlobReader, u64)>, SourceError> {
        match self {
            Self::Layout => store.open(&layout::blob_path(&at.digest)),
            Self::Skopeo => {
                let (hex, algorithm) = (at.digest.hex(), at.digest.algorithm().as_str());
                for name in
                    [hex.to_owned(), format!("{hex}.manifest.json"), format!("{algorithm}-{hex}")]
                {
                    if let Some(found) = store.open(&name)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            Self::Listed(names) => match names.get(&at.digest) {
                Some(name) => store.open(name),
                None => Ok(None),
            },
        }
    }
}

fn is_skopeo(store: &Store) -> Result<bool, SourceError> {
    let version = store.read(SKOPEO_VERSION, 1024)?;
    Ok(version.is_some_and(|v| v.starts_with(SKOPEO_MARK)))
}

/// Whether a folder is one that `skopeo copy … dir:` wrote.
pub(crate) fn is_skopeo_folder(path: &Path) -> bool {
    is_skopeo(&Store::Folder(path.to_owned())).unwrap_or(false)
        && path.join(docker_save::MANIFEST).is_file()
}

/// Reads a document and compares it with its descriptor.
fn read_verified(
    store: &Store,
    naming: &Naming,
    at: &Descriptor,
    limit: u64,
) -> Result<Bytes, SourceError> {
    let what = || at.digest.to_string();
    if at.size > limit {
        return Err(SourceError::TooLarge { what: what(), limit });
    }
    let (reader, length) =
        naming.open(store, at)?.ok_or_else(|| SourceError::NotFound { what: what() })?;
    let mut bytes = Vec::new();
    if length == at.size {
        reader
            .take(at.size)
            .read_to_end(&mut bytes)
            .map_err(|source| SourceError::Io { what: what(), source })?;
    }
    verify(at, if length == at.size { bytes.len() as u64 } else { length }, &bytes, what)?;
    Ok(bytes.into())
}

/// Compares content with its descriptor; `found` is its size, of which `bytes` may be a part only if the size is wrong.
pub(crate) fn verify(
    at: &Descriptor,
    found: u64,
    bytes: &[u8],
    what: impl Fn() -> String,
) -> Result<(), SourceError> {
    if found != at.size {
        return Err(SourceError::SizeMismatch { what: what(), expected: at.size, found });
    }
    let digest = Digest::of(at.digest.algorithm(), bytes);
    if digest != at.digest {
        return Err(SourceError::DigestMismatch {
            what: what(),
            expected: at.digest.clone(),
            found: digest,
        });
    }
    Ok(())
}

/// A digest that `index.json` does not list: a platform's manifest inside an index, say.
fn unlisted(
    store: &Store,
    digest: &Digest,
    limit: u64,
    name: &str,
) -> Result<Resolved, SourceError> {
    let bytes = store
        .read(&layout::blob_path(digest), limit)?
        .ok_or_else(|| SourceError::NotFound { what: name.to_owned() })?;
    let mut descriptor = Descriptor::of(&media_type_of(&bytes, name)?, &bytes);
    descriptor.digest = digest.clone();
    verify(&descriptor, bytes.len() as u64, &bytes, || name.to_owned())?;
    Ok(Resolved { descriptor, bytes })
}

/// The media type that a document names, or that follows from its shape.
pub(crate) fn media_type_of(bytes: &[u8], what: &str) -> Result<String, SourceError> {
    let malformed = |detail| SourceError::Malformed { what: what.to_owned(), detail };
    let document = Document::parse(bytes, None).map_err(|e| malformed(with_sources(&e)))?;
    Ok(match document {
        Document::Manifest(m) => m.media_type.unwrap_or_else(|| media_type::OCI_MANIFEST.into()),
        Document::Index(i) => i.media_type.unwrap_or_else(|| media_type::OCI_INDEX.into()),
    })
}

fn not_found(name: &str, choices: &[String]) -> SourceError {
    let there = if choices.is_empty() { "nothing".to_owned() } else { choices.join(", ") };
    SourceError::NotFound { what: format!("the image `{name}` (there is: {there})") }
}
