//! VEX documents that are attached to an image as referrers. Read only on request: nothing says yet who attached them.

use std::io::Read;

use hullmark_advisory::vex::{self, Vex};
use hullmark_evidence::Evidence;
use hullmark_oci::manifest::Document;
use hullmark_oci::{Descriptor, Digest, ImageSource, SourceError};

use crate::{AttachedVex, ExamineError, Request, Target, blocking};

/// What OpenVEX documents are attached as, by the tools that do.
const ARTIFACT_TYPES: [&str; 3] =
    ["application/openvex+json", "application/vnd.openvex+json", "application/vnd.openvex"];
/// Documents read for one image. Anyone who can push can attach any number.
const MAX_DOCUMENTS: usize = 16;

/// Returns the VEX documents attached to the examined image, if they are to count.
pub(crate) async fn vex(
    target: &Target,
    evidence: &Evidence,
    request: &Request,
) -> Result<Vec<Vex>, ExamineError> {
    let (Target::Image { source, .. }, Some(digest), AttachedVex::DangerousTrustUnsigned) =
        (target, &evidence.subject.digest, request.suppressions.attached)
    else {
        return Ok(Vec::new());
    };
    let mut documents = Vec::new();
    for referrer in source.referrers(digest).await?.into_iter().filter(is_vex).take(MAX_DOCUMENTS) {
        documents.extend(read(source.as_ref(), &referrer, request).await?);
    }
    Ok(documents)
}

fn is_vex(referrer: &Descriptor) -> bool {
    referrer.artifact_type.as_deref().is_some_and(|kind| ARTIFACT_TYPES.contains(&kind))
}

/// Reads the documents of one referrer. One that is no VEX suppresses nothing, and is said.
async fn read(
    source: &dyn ImageSource,
    referrer: &Descriptor,
    request: &Request,
) -> Result<Vec<Vex>, ExamineError> {
    let limits = &request.scan.limits;
    let bytes = source.manifest(referrer, limits.manifest_bytes).await?;
    let Ok(Document::Manifest(manifest)) = Document::parse(&bytes, Some(&referrer.media_type))
    else {
        tracing::warn!(digest = %referrer.digest, "a referrer is no manifest");
        return Ok(Vec::new());
    };
    let mut documents = Vec::new();
    for layer in manifest.layers.into_iter().take(MAX_DOCUMENTS) {
        let blob = source.blob(&layer).await?;
        let limit = limits.document_bytes;
        let (bytes, layer) = blocking(move || (read_verified(blob, &layer, limit), layer)).await?;
        match vex::parse(&bytes?, layer.digest.as_str()) {
            Ok(document) => documents.push(document),
            Err(error) => {
                tracing::warn!(digest = %layer.digest, %error, "attached VEX is malformed");
            }
        }
    }
    Ok(documents)
}

fn read_verified(blob: impl Read, at: &Descriptor, limit: u64) -> Result<Vec<u8>, SourceError> {
    let what = at.digest.to_string();
    if at.size > limit {
        return Err(SourceError::TooLarge { what, limit });
    }
    let mut bytes = Vec::new();
    let read = blob.take(at.size + 1).read_to_end(&mut bytes);
    read.map_err(|source| SourceError::Io { what: what.clone(), source })?;
    let found = Digest::of(at.digest.algorithm(), &bytes);
    if found != at.digest {
        return Err(SourceError::DigestMismatch { what, expected: at.digest.clone(), found });
    }
    Ok(bytes)
}
