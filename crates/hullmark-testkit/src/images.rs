//! OCI archives for tests: reads the ones that ship as data, and writes small ones with whatever a test wants in them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use hullmark_oci::manifest::Document;
use hullmark_oci::tar::{Archive, EntryKind};
use hullmark_oci::{Descriptor, Digest, ImageConfig, Limits, Manifest};

/// The files of an OCI archive, held in memory.
#[derive(Clone, Debug)]
pub struct OciArchive {
    files: BTreeMap<String, Vec<u8>>,
}

/// One image of an archive.
#[derive(Clone, Debug)]
pub struct TestImage {
    /// The manifest's descriptor.
    pub descriptor: Descriptor,
    /// The configuration.
    pub config: ImageConfig,
    /// Blob and diffID of each layer, base first.
    pub layers: Vec<(Descriptor, Vec<u8>, Digest)>,
}

impl OciArchive {
    /// Reads an archive.
    ///
    /// # Panics
    /// If it is not one: tests want to know.
    pub fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let limits = Limits::default();
        let mut archive = Archive::new(bytes.as_slice(), &limits);
        let mut files = BTreeMap::new();
        while let Some(entry) = archive.next_entry().expect("a readable tar archive") {
            if entry.kind == EntryKind::File {
                let mut content = Vec::new();
                archive.content().read_to_end(&mut content).expect("readable content");
                files.insert(entry.path.to_string(), content);
            }
        }
        Self { files }
    }

    /// Returns a blob.
    ///
    /// # Panics
    /// If it is not there.
    pub fn blob(&self, digest: &Digest) -> &[u8] {
        &self.files[&format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())]
    }

    /// Returns every image, in the order of the indexes.
    ///
    /// # Panics
    /// If the archive is malformed.
    pub fn images(&self) -> Vec<TestImage> {
        let Document::Index(index) =
            Document::parse(&self.files["index.json"], None).expect("an index")
        else {
            panic!("index.json is no index")
        };
        let mut pending = index.manifests;
        let mut images = Vec::new();
        while !pending.is_empty() {
            let descriptor = pending.remove(0);
            match Document::parse(self.blob(&descriptor.digest), Some(&descriptor.media_type)) {
                Ok(Document::Index(inner)) => pending.splice(0..0, inner.manifests).for_each(drop),
                Ok(Document::Manifest(manifest)) => images.push(self.image(descriptor, manifest)),
                Err(error) => panic!("{error}"),
            }
        }
        images
    }

    fn image(&self, descriptor: Descriptor, manifest: Manifest) -> TestImage {
        let config =
            ImageConfig::parse(self.blob(&manifest.config.digest)).expect("a configuration");
        let layers = manifest
            .layers
            .into_iter()
            .zip(&config.rootfs.diff_ids)
            .map(|(layer, diff_id)| {
                let blob = self.blob(&layer.digest).to_vec();
                (layer, blob, diff_id.clone())
            })
            .collect();
        TestImage { descriptor, config, layers }
    }
}
