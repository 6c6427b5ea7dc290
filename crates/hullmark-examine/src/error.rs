//! Why a target could not be examined.

use std::io;
use std::path::PathBuf;

use hullmark_inventory::sbom::SbomError;
use hullmark_oci::layer::LayerError;
use hullmark_oci::manifest::ManifestError;
use hullmark_oci::tar::TarError;
use hullmark_oci::{Digest, Platform, SourceError};

/// Why a target could not be examined. Never a statement about whether it is good.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// Content could not be had, or is not what its digest says.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A manifest, index or configuration is not one.
    #[error("failed to read `{digest}`")]
    Manifest {
        /// The document.
        digest: Digest,
        /// What is wrong.
        #[source]
        source: ManifestError,
    },
    /// The target is an artifact of another kind.
    #[error("`{digest}` is not a container image but an artifact of type `{kind}`")]
    NotAnImage {
        /// The manifest.
        digest: Digest,
        /// Its artifact type, or the media type of its configuration.
        kind: String,
    },
    /// There is no image for the platform.
    #[error("there is no image for `{wanted}` (there is {})", list(available))]
    NoPlatform {
        /// The platform asked for.
        wanted: Platform,
        /// What there is.
        available: Vec<Platform>,
    },
    /// Manifest and configuration disagree about the layers.
    #[error("`{digest}` lists {layers} layers, but its configuration {diff_ids}")]
    LayerCount {
        /// The manifest.
        digest: Digest,
        /// Layers in the manifest.
        layers: usize,
        /// DiffIDs in the configuration.
        diff_ids: usize,
    },
    /// A limit was passed.
    #[error("`{digest}` has more than {limit} {unit}")]
    Limit {
        /// The document.
        digest: Digest,
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// A layer is not what it should be.
    #[error("failed to read layer `{layer}`")]
    Layer {
        /// Digest of the blob.
        layer: Digest,
        /// What is wrong.
        #[source]
        source: LayerError,
    },
    /// A layer's content is no tar stream that can be read.
    #[error("failed to read layer `{layer}`")]
    Tar {
        /// Digest of the blob.
        layer: Digest,
        /// What is wrong.
        #[source]
        source: TarError,
    },
    /// Reading a layer broke off.
    #[error("failed to read layer `{layer}`")]
    LayerIo {
        /// Digest of the blob.
        layer: Digest,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// A folder could not be read.
    #[error("failed to read folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// A document is not an SBOM that can be read.
    #[error("failed to read SBOM `{name}`")]
    Sbom {
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: SbomError,
    },
    /// The advisory database is damaged.
    #[error(transparent)]
    Advisories(#[from] hullmark_advisory::DatabaseError),
    /// A defect of this program. The examination is void.
    #[error("a worker failed: {0}")]
    Panicked(String),
}

fn list(platforms: &[Platform]) -> String {
    if platforms.is_empty() {
        return "none".into();
    }
    platforms.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", ")
}

impl ExamineError {
    /// Sorts a layer's failure by what is inside the IO error.
    pub(crate) fn layer(layer: &Digest, error: io::Error) -> Self {
        let layer = layer.clone();
        match error.downcast::<LayerError>() {
            Ok(source) => Self::Layer { layer, source },
            Err(source) => match source.downcast::<SourceError>() {
                Ok(source) => Self::Source(source),
                Err(source) => Self::LayerIo { layer, source },
            },
        }
    }

    /// Sorts a tar stream's failure: the stream below it may be what broke.
    pub(crate) fn tar(layer: &Digest, error: TarError) -> Self {
        match error {
            TarError::Io(error) => Self::layer(layer, error),
            source => Self::Tar { layer: layer.clone(), source },
        }
    }
}
