//! Manifests, indexes and image configurations. The raw bytes stay the truth: nothing here is ever re-serialised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::media_type;
use crate::platform::Platform;

/// A pointer to content: what it is, how large it is, and its digest.
///
/// See: OCI image-spec v1.1.1 descriptor.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content in bytes.
    pub size: u64,
    /// Places other than the registry that hold the content.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Annotations of this descriptor.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, String>,
    /// The platform, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What kind of artifact the content is, in a referrers list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Returns a descriptor of `content`, without annotations.
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        Self {
            media_type: media_type.into(),
            digest: Digest::sha256(content),
            size: content.len() as u64,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }
}

/// An image manifest (OCI, or Docker version 2 schema 2).
///
/// See: OCI image-spec v1.1.1 manifest.md §"image manifest".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Media type, if the document names its own.
    #[serde(default)]
    pub media_type: Option<String>,
    /// What kind of artifact this is; images have none.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// Layers, base first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// The manifest that this one refers to.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// Annotations.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
}

/// An image index (OCI) or manifest list (Docker).
///
/// See: OCI image-spec v1.1.1 image-index.md.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Media type, if the document names its own.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The manifests.
    #[serde(default, deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one refers to.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// Annotations.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
}

/// A manifest or an index: what a reference resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one per image, never in a list")]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Several images.
    Index(Index),
}

/// The parts of an image configuration that Hullmark reads.
///
/// See: OCI image-spec v1.1.1 config.md.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ImageConfig {
    /// When the image says it was created (RFC 3339). The image's author chose this.
    #[serde(default)]
    pub created: Option<String>,
    /// CPU architecture.
    #[serde(default)]
    pub architecture: String,
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// CPU variant.
    #[serde(default)]
    pub variant: Option<String>,
    /// How a container is started.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: RuntimeConfig,
    /// Digests of the uncompressed layers.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rootfs: RootFs,
    /// What each build step did.
    #[serde(default, deserialize_with = "null_as_default")]
    pub history: Vec<History>,
}

/// How a container of the image is started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuntimeConfig {
    /// User, as `user[:group]`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub user: String,
    /// Environment, as `NAME=value`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub env: Vec<String>,
    /// Entry point.
    #[serde(default, deserialize_with = "null_as_default")]
    pub entrypoint: Vec<String>,
    /// Default arguments.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cmd: Vec<String>,
    /// Labels.
    #[serde(default, deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
}

/// The uncompressed layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RootFs {
    /// Digest of each layer's uncompressed tar stream, base first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub diff_ids: Vec<Digest>,
}

/// One build step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct History {
    /// The command.
    #[serde(default, deserialize_with = "null_as_default")]
    pub created_by: String,
    /// Whether the step made no layer.
    #[serde(default, deserialize_with = "null_as_default")]
    pub empty_layer: bool,
}

/// Why a document is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON of that shape.
    #[error("failed to parse {what}")]
    Json {
        /// What was parsed.
        what: &'static str,
        /// The parser's message.
        #[source]
        source: serde_json::Error,
    },
    /// The media type, given or in the document, is of nothing we know.
    #[error("media type `{0}` is neither an image manifest nor an index")]
    MediaType(String),
    /// A document that is a manifest and an index at once, which two readers would read differently.
    ///
    /// See: CVE-2021-41190.
    #[error("the document has both `layers` or `config` and `manifests`")]
    Ambiguous,
    /// The document contradicts the media type under which it was served.
    #[error("the document says `{inside}`, but was given as `{outside}`")]
    Contradiction {
        /// Media type in the document.
        inside: String,
        /// Media type of the descriptor or the response.
        outside: String,
    },
}

impl Document {
    /// Parses a manifest or an index; `media_type` is that of the descriptor or the response.
    ///
    /// # Errors
    /// If the bytes are not JSON of that shape, are both at once, or contradict `media_type`.
    pub fn parse(bytes: &[u8], media_type: Option<&str>) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Probe {
            media_type: Option<String>,
            config: Option<serde::de::IgnoredAny>,
            layers: Option<serde::de::IgnoredAny>,
            manifests: Option<serde::de::IgnoredAny>,
        }
        let json = |what| move |source| ManifestError::Json { what, source };
        let probe: Probe = serde_json::from_slice(bytes).map_err(json("a manifest"))?;
        let image = probe.config.is_some() || probe.layers.is_some();
        if image && probe.manifests.is_some() {
            return Err(ManifestError::Ambiguous);
        }
        let known = |m: &str| media_type::is_index(m) || media_type::is_manifest(m);
        let outside = media_type.filter(|m| known(m));
        if let (Some(inside), Some(outside)) = (&probe.media_type, outside)
            && inside != outside
        {
            return Err(ManifestError::Contradiction {
                inside: inside.clone(),
                outside: outside.into(),
            });
        }
        let named = probe.media_type.as_deref().or(outside);
        let is_index = match named {
            Some(named) if media_type::is_index(named) => true,
            Some(named) if media_type::is_manifest(named) => false,
            Some(other) => return Err(ManifestError::MediaType(other.into())),
            None => match (image, probe.manifests.is_some()) {
                (true, false) => false,
                (false, true) => true,
                _ => return Err(ManifestError::MediaType(media_type.unwrap_or("none").into())),
            },
        };
        if is_index {
            serde_json::from_slice(bytes).map(Self::Index).map_err(json("an image index"))
        } else {
            serde_json::from_slice(bytes).map(Self::Manifest).map_err(json("an image manifest"))
        }
    }
}

impl ImageConfig {
    /// Parses an image configuration.
    ///
    /// # Errors
    /// If the bytes are not JSON of that shape.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        serde_json::from_slice(bytes)
            .map_err(|source| ManifestError::Json { what: "an image configuration", source })
    }

    /// Returns the platform that the configuration names.
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone().filter(|v| !v.is_empty()),
        }
    }
}

/// Go writes empty lists and maps as `null`.
fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}"#;

    fn show(json: &str, media_type: Option<&str>) -> String {
        match Document::parse(json.as_bytes(), media_type) {
            Ok(Document::Manifest(m)) => format!("manifest of {} layers", m.layers.len()),
            Ok(Document::Index(i)) => format!("index of {}", i.manifests.len()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_document_is_one_thing() {
        let manifest = format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":null}}"#);
        assert_eq!(show(&manifest, None), "manifest of 0 layers");
        assert_eq!(show(&manifest, Some(media_type::OCI_MANIFEST)), "manifest of 0 layers");
        assert_eq!(show(&manifest, Some("text/plain")), "manifest of 0 layers");
        assert_eq!(show(r#"{"manifests":[]}"#, None), "index of 0");
        let both = format!(r#"{{"config":{CONFIG},"layers":[],"manifests":[]}}"#);
        assert_eq!(show(&both, None), ManifestError::Ambiguous.to_string());
        assert_eq!(
            show(
                &format!(r#"{{"mediaType":"{}","manifests":[]}}"#, media_type::OCI_INDEX),
                Some(media_type::OCI_MANIFEST)
            ),
            format!(
                "the document says `{}`, but was given as `{}`",
                media_type::OCI_INDEX,
                media_type::OCI_MANIFEST
            )
        );
        assert_eq!(show("{}", None), "media type `none` is neither an image manifest nor an index");
        assert_eq!(show("[", None), "failed to parse a manifest");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(show(&deep, None), "failed to parse a manifest");
    }
}
