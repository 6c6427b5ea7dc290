//! From a name to images: the top document, the platforms of an index, manifest and configuration.

use std::sync::Arc;

use bytes::Bytes;
use hullmark_evidence::{ImageFacts, LayerFacts, Subject, SubjectKind};
use hullmark_oci::manifest::Document;
use hullmark_oci::media_type;
use hullmark_oci::{
    Descriptor, Digest, ImageConfig, ImageSource, Index, Manifest, Platform, Reference,
};

use crate::{ExamineError, PlatformChoice, Request};

/// An image whose layers can be read.
pub(crate) struct Image {
    pub(crate) subject: Subject,
    pub(crate) facts: ImageFacts,
    /// Layers and their diffIDs, base first.
    pub(crate) layers: Vec<(Descriptor, Digest)>,
}

/// Resolves the target's name once and returns the images asked for.
pub(crate) async fn choose(
    source: &Arc<dyn ImageSource>,
    reference: Option<&Reference>,
    request: &Request,
) -> Result<Vec<Image>, ExamineError> {
    let top = source.resolve().await?;
    let reader = Reader { source, reference, request };
    match parse(&top.descriptor, &top.bytes)? {
        Document::Manifest(manifest) => {
            let image = reader.image(&top.descriptor, manifest, None).await?;
            serves(&image, &request.platform)?;
            Ok(vec![image])
        }
        Document::Index(index) => {
            let mut found = Vec::new();
            reader.collect(&top.descriptor, index, &mut found).await?;
            let index = Some(top.descriptor.digest);
            let mut images = Vec::new();
            for descriptor in select(found, &request.platform)? {
                let bytes = reader.document(&descriptor).await?;
                // A descriptor may hide an index behind an unknown media type.
                let Document::Manifest(manifest) = parse(&descriptor, &bytes)? else {
                    let (digest, kind) = (descriptor.digest, descriptor.media_type);
                    return Err(ExamineError::NotAnImage { digest, kind });
                };
                images.push(reader.image(&descriptor, manifest, index.clone()).await?);
            }
            Ok(images)
        }
    }
}

struct Reader<'a> {
    source: &'a Arc<dyn ImageSource>,
    reference: Option<&'a Reference>,
    request: &'a Request,
}

impl Reader<'_> {
    async fn document(&self, at: &Descriptor) -> Result<Bytes, ExamineError> {
        Ok(self.source.manifest(at, self.request.scan.limits.manifest_bytes).await?)
    }

    /// Expands an index, and indexes inside it, into descriptors of image manifests.
    async fn collect(
        &self,
        top: &Descriptor,
        index: Index,
        found: &mut Vec<Descriptor>,
    ) -> Result<(), ExamineError> {
        let limits = &self.request.scan.limits;
        let mut pending = vec![(index, 1)];
        while let Some((index, depth)) = pending.pop() {
            for descriptor in index.manifests {
                let digest = top.digest.clone();
                if found.len() + pending.len() >= limits.index_manifests {
                    let limit = limits.index_manifests;
                    return Err(ExamineError::Limit { digest, limit, unit: "manifests" });
                }
                if !media_type::is_index(&descriptor.media_type) {
                    found.push(descriptor);
                    continue;
                }
                if depth >= limits.index_depth {
                    let limit = limits.index_depth;
                    return Err(ExamineError::Limit { digest, limit, unit: "nested indexes" });
                }
                let bytes = self.document(&descriptor).await?;
                if let Document::Index(inner) = parse(&descriptor, &bytes)? {
                    pending.push((inner, depth + 1));
                }
            }
        }
        Ok(())
    }

    async fn image(
        &self,
        descriptor: &Descriptor,
        manifest: Manifest,
        index: Option<Digest>,
    ) -> Result<Image, ExamineError> {
        let digest = &descriptor.digest;
        let limits = &self.request.scan.limits;
        if let Some(kind) = artifact_kind(&manifest) {
            return Err(ExamineError::NotAnImage { digest: digest.clone(), kind });
        }
        if manifest.layers.len() > limits.layers {
            let (digest, limit) = (digest.clone(), limits.layers);
            return Err(ExamineError::Limit { digest, limit, unit: "layers" });
        }
        let bytes = self.source.manifest(&manifest.config, limits.config_bytes).await?;
        let config = ImageConfig::parse(&bytes).map_err(|source| ExamineError::Manifest {
            digest: manifest.config.digest.clone(),
            source,
        })?;
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            return Err(ExamineError::LayerCount { digest: digest.clone(), layers, diff_ids });
        }
        let platform = descriptor.platform.clone().unwrap_or_else(|| config.platform());
        let subject = Subject {
            name: self.source.name(),
            reference: self.reference.map(ToString::to_string),
            digest: Some(digest.clone()),
            index,
            platform: Some(platform),
            kind: SubjectKind::Image,
        };
        let layers: Vec<_> =
            manifest.layers.into_iter().zip(config.rootfs.diff_ids.iter().cloned()).collect();
        let facts = facts(&config, &layers);
        Ok(Image { subject, facts, layers })
    }
}

/// A single image must be for the platform that was asked for by name, if it says which one it is for.
fn serves(image: &Image, choice: &PlatformChoice) -> Result<(), ExamineError> {
    match (choice, &image.subject.platform) {
        (PlatformChoice::Only(wanted), Some(platform))
            if !platform.os.is_empty() && !platform.satisfies(wanted) =>
        {
            let available = vec![platform.clone()];
            Err(ExamineError::NoPlatform { wanted: wanted.clone(), available })
        }
        _ => Ok(()),
    }
}

fn parse(at: &Descriptor, bytes: &[u8]) -> Result<Document, ExamineError> {
    Document::parse(bytes, Some(&at.media_type))
        .map_err(|source| ExamineError::Manifest { digest: at.digest.clone(), source })
}

/// What an artifact that is no image calls itself.
fn artifact_kind(manifest: &Manifest) -> Option<String> {
    let config = &manifest.config.media_type;
    if matches!(config.as_str(), media_type::OCI_CONFIG | media_type::DOCKER_CONFIG) {
        return None;
    }
    Some(manifest.artifact_type.clone().unwrap_or_else(|| config.clone()))
}

/// Chooses by platform. Manifests without one count as images for any platform, attestation manifests as none.
fn select(
    found: Vec<Descriptor>,
    choice: &PlatformChoice,
) -> Result<Vec<Descriptor>, ExamineError> {
    let images: Vec<Descriptor> = found
        .into_iter()
        .filter(|d| !d.platform.as_ref().is_some_and(Platform::is_unknown))
        .filter(|d| !d.annotations.contains_key("vnd.docker.reference.type"))
        .collect();
    let wanted = match choice {
        PlatformChoice::All if !images.is_empty() => return Ok(images),
        PlatformChoice::All | PlatformChoice::Host => Platform::host(),
        PlatformChoice::Only(platform) => platform.clone(),
    };
    let serves = |d: &&Descriptor| d.platform.as_ref().is_none_or(|p| p.satisfies(&wanted));
    if let Some(image) = images.iter().find(serves) {
        return Ok(vec![image.clone()]);
    }
    match (choice, images.as_slice()) {
        (PlatformChoice::Host, [only]) => Ok(vec![only.clone()]),
        _ => {
            let available = images.into_iter().filter_map(|d| d.platform).collect();
            Err(ExamineError::NoPlatform { wanted, available })
        }
    }
}

fn facts(config: &ImageConfig, layers: &[(Descriptor, Digest)]) -> ImageFacts {
    let mut steps = config.history.iter().filter(|h| !h.empty_layer).map(|h| h.created_by.clone());
    let layers = layers
        .iter()
        .map(|(descriptor, diff_id)| LayerFacts {
            digest: descriptor.digest.clone(),
            diff_id: diff_id.clone(),
            size: descriptor.size,
            created_by: steps.next().filter(|step| !step.is_empty()),
        })
        .collect();
    ImageFacts {
        created: config.created.as_deref().and_then(|text| text.parse().ok()),
        user: config.config.user.clone(),
        labels: config.config.labels.clone(),
        layers,
    }
}
