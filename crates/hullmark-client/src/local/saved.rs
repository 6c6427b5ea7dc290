//! `docker save` archives: layers are found through `manifest.json` and the configuration's diffIDs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use hullmark_oci::docker_save::{self, SavedImage};
use hullmark_oci::layout::{SelectError, Selection};
use hullmark_oci::manifest::Document;
use hullmark_oci::source::Resolved;
use hullmark_oci::{
    Algorithm, Descriptor, Digest, Hasher, ImageConfig, Limits, Manifest, SourceError, media_type,
};

use super::store::{Compression, Store};
use super::{Inner, LocalImage, Naming, Opening, not_found};
use crate::text::{printable, with_sources};

/// Reads the list of images.
pub(super) fn read_list(
    store: &Store,
    name: &str,
    limits: &Limits,
) -> Result<Vec<SavedImage>, SourceError> {
    let malformed = |detail| SourceError::Malformed { what: name.to_owned(), detail };
    let bytes = store.read(docker_save::MANIFEST, limits.manifest_bytes)?.ok_or_else(|| {
        malformed("it has no `manifest.json`, so that `docker save` did not write it".into())
    })?;
    let images = docker_save::parse(&bytes).map_err(|e| malformed(with_sources(&e)))?;
    if images.len() > limits.index_manifests {
        return Err(malformed(format!(
            "`manifest.json` lists more than {} images",
            limits.index_manifests
        )));
    }
    Ok(images)
}

impl Opening {
    pub(super) fn open_saved(
        self,
        store: Store,
        selection: &Selection,
        name: String,
    ) -> Result<LocalImage, SourceError> {
        let images = read_list(&store, &name, &self.limits)?;
        let image = match docker_save::select(&images, selection) {
            Ok(image) => image,
            Err(SelectError::NotFound { choices }) => return Err(not_found(&name, &choices)),
            Err(SelectError::Ambiguous { choices }) => {
                return Err(SourceError::Ambiguous { what: name, choices });
            }
        };
        let malformed = |detail| SourceError::Malformed { what: name.clone(), detail };
        let config_bytes =
            store.read(&image.config, self.limits.config_bytes)?.ok_or_else(|| {
                malformed(format!("the configuration `{}` is missing", printable(&image.config)))
            })?;
        let config = ImageConfig::parse(&config_bytes).map_err(|e| malformed(with_sources(&e)))?;
        let diff_ids = &config.rootfs.diff_ids;
        if image.layers.len() != diff_ids.len() {
            return Err(malformed(format!(
                "`manifest.json` lists {} layers, the configuration {}",
                image.layers.len(),
                diff_ids.len()
            )));
        }
        if diff_ids.len() > self.limits.layers {
            return Err(malformed(format!("it has more than {} layers", self.limits.layers)));
        }
        let config = Descriptor::of(media_type::DOCKER_CONFIG, &config_bytes);
        let mut names = BTreeMap::from([(config.digest.clone(), image.config.clone())]);
        let mut layers = Vec::new();
        // A compressed file is hashed once, however often it is listed.
        let mut compressed: BTreeMap<&str, Descriptor> = BTreeMap::new();
        for (file, diff_id) in image.layers.iter().zip(diff_ids) {
            let layer = match compressed.get(file.as_str()) {
                Some(layer) => layer.clone(),
                None => describe_layer(&store, file, diff_id, &name)?,
            };
            if layer.media_type != media_type::OCI_LAYER {
                compressed.insert(file, layer.clone());
            }
            names.insert(layer.digest.clone(), file.clone());
            layers.push(layer);
        }
        let bytes = docker_save::synthesize_manifest(&config, &layers);
        let top = Resolved {
            descriptor: Descriptor::of(media_type::OCI_MANIFEST, &bytes),
            bytes: bytes.into(),
        };
        Ok(self.image(name, store, top, Naming::Listed(names), Vec::new()))
    }
}

/// Describes a layer: a plain one by its diffID, which whoever reads it will check; a compressed one by the digest of its bytes,
/// which costs one pass over it. `docker save` writes plain ones, other tools compress.
fn describe_layer(
    store: &Store,
    file: &str,
    diff_id: &Digest,
    name: &str,
) -> Result<Descriptor, SourceError> {
    let what = || format!("layer `{}` of {name}", printable(file));
    let (mut reader, size) =
        store.open(file)?.ok_or_else(|| SourceError::NotFound { what: what() })?;
    let io = |source| SourceError::Io { what: what(), source };
    let mut buffer = vec![0; 128 * 1024];
    let mut filled = reader.read(&mut buffer).map_err(io)?;
    let media_type = match Compression::of(&buffer[..filled]) {
        Compression::None => media_type::OCI_LAYER,
        Compression::Gzip => media_type::OCI_LAYER_GZIP,
        Compression::Zstd => media_type::OCI_LAYER_ZSTD,
    };
    let mut descriptor = Descriptor::of(media_type, b"");
    descriptor.size = size;
    descriptor.digest = diff_id.clone();
    if media_type != media_type::OCI_LAYER {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        while filled > 0 {
            hasher.update(&buffer[..filled]);
            filled = reader.read(&mut buffer).map_err(io)?;
        }
        descriptor.digest = hasher.finish();
    }
    Ok(descriptor)
}

impl Inner {
    /// Compares the two lists of an archive that is both an OCI layout and a `docker save`.
    ///
    /// Such archives are common, and tools differ in which list they read. If they described different images, one would be judged
    /// and the other be loaded.
    pub(super) fn check_agreement(&self, saved: &[SavedImage]) -> Result<(), SourceError> {
        let mut of_top = Configs::default();
        self.collect_configs(&self.top.descriptor, 0, &mut of_top);
        let mut of_all = Configs::default();
        for descriptor in self.listed.iter().chain([&self.top.descriptor]) {
            self.collect_configs(descriptor, 0, &mut of_all);
        }
        let mut ids = BTreeSet::new();
        for image in saved {
            let bytes = self.store.read(&image.config, self.limits.config_bytes)?;
            ids.extend(bytes.map(|b| Digest::sha256(&b)));
        }
        if ids.is_subset(&of_all.configs) && !ids.is_disjoint(&of_top.configs) {
            return Ok(());
        }
        Err(SourceError::Malformed {
            what: self.name.clone(),
            detail: "`index.json` and `manifest.json` describe different images: choose one with \
                     `oci-archive:` or `docker-archive:`"
                .into(),
        })
    }

    /// Collects the configurations of all manifests under a descriptor, as far as the archive holds them.
    ///
    /// Every document is read once, however often it is listed; beyond the limit nothing is collected, and the lists do not agree.
    fn collect_configs(&self, at: &Descriptor, depth: usize, into: &mut Configs) {
        if depth > self.limits.index_depth
            || into.visited.len() > self.limits.index_manifests
            || !into.visited.insert(at.digest.clone())
        {
            return;
        }
        let Ok(bytes) = self.manifest(at, self.limits.manifest_bytes) else { return };
        match Document::parse(&bytes, Some(&at.media_type)) {
            Ok(Document::Manifest(Manifest { config, .. })) => {
                into.configs.insert(config.digest);
            }
            Ok(Document::Index(index)) => {
                for child in &index.manifests {
                    self.collect_configs(child, depth + 1, into);
                }
            }
            Err(_) => {}
        }
    }
}

/// The configurations found so far, and the documents that were looked at.
#[derive(Default)]
struct Configs {
    configs: BTreeSet<Digest>,
    visited: BTreeSet<Digest>,
}
