//! What `docker save` writes: a tar with `manifest.json`, one configuration an image, and layers.
//!
//! Such an archive has no image manifest, so that none of its layers has a compressed digest. [`synthesize_manifest`] writes the
//! manifest that the archive amounts to: plain layers carry their diffIDs as digests. Its bytes, and therefore its digest, depend on
//! the configuration and the layers only, and differ from those of the image in a registry. The digest of the configuration is the
//! image's id in Docker and is the same everywhere.

use serde::{Deserialize, Serialize};

use crate::layout::{SelectError, Selection, same_name};
use crate::manifest::{Descriptor, ManifestError};
use crate::media_type;

/// Name of the file that lists the images.
pub const MANIFEST: &str = "manifest.json";

/// One image of the archive: names of files in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SavedImage {
    /// File with the configuration.
    pub config: String,
    /// References under which the image was saved.
    #[serde(default, deserialize_with = "null_as_default")]
    pub repo_tags: Vec<String>,
    /// Files with the layers, base first.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<String>,
}

/// Parses the archive's `manifest.json`.
///
/// # Errors
/// If it is not a list of images.
pub fn parse(bytes: &[u8]) -> Result<Vec<SavedImage>, ManifestError> {
    serde_json::from_slice(bytes)
        .map_err(|source| ManifestError::Json { what: "`manifest.json` of a saved image", source })
}

/// Chooses an image by the name under which it was saved, or by its id (the digest in the configuration's file name).
///
/// # Errors
/// If none or several are meant.
pub fn select<'a>(
    images: &'a [SavedImage],
    selection: &Selection,
) -> Result<&'a SavedImage, SelectError> {
    let matching: Vec<&SavedImage> = match selection {
        Selection::Only => images.iter().collect(),
        Selection::Name(name) => {
            images.iter().filter(|i| i.repo_tags.iter().any(|t| same_name(t, name))).collect()
        }
        Selection::Digest(digest) => {
            images.iter().filter(|i| i.config.contains(digest.hex())).collect()
        }
    };
    match matching[..] {
        [] => Err(SelectError::NotFound { choices: choices(images.iter()) }),
        [image] => Ok(image),
        _ => Err(SelectError::Ambiguous { choices: choices(matching.into_iter()) }),
    }
}

/// Returns the bytes of an image manifest with this configuration and these layers.
pub fn synthesize_manifest(config: &Descriptor, layers: &[Descriptor]) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Synthesized<'a> {
        schema_version: u32,
        media_type: &'a str,
        config: &'a Descriptor,
        layers: &'a [Descriptor],
    }
    let manifest =
        Synthesized { schema_version: 2, media_type: media_type::OCI_MANIFEST, config, layers };
    serde_json::to_vec(&manifest).expect("descriptors have string keys, so that they serialize")
}

fn choices<'a>(images: impl Iterator<Item = &'a SavedImage>) -> Vec<String> {
    let clean =
        |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(300).collect() };
    let mut choices: Vec<String> =
        images.map(|i| clean(i.repo_tags.first().unwrap_or(&i.config))).collect();
    choices.sort_unstable();
    choices.dedup();
    choices.truncate(20);
    choices
}

/// Go writes empty lists as `null`.
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
    use crate::manifest::Document;

    #[test]
    fn an_image_is_chosen_by_name_or_id() {
        let id = crate::Digest::sha256(b"config");
        let json = format!(
            r#"[{{"Config":"{}.json","RepoTags":["alpine:3.10"],"Layers":["a/layer.tar"]}},{{"Config":"b.json","RepoTags":null}}]"#,
            id.hex()
        );
        let images = parse(json.as_bytes()).unwrap();
        let show = |selection: &Selection| match select(&images, selection) {
            Ok(image) => image.config.chars().take(6).collect(),
            Err(error) => format!("{error:?}"),
        };
        let first: String = id.hex().chars().take(6).collect();
        let name = |n: &str| Selection::Name(n.to_owned());
        assert_eq!(show(&name("alpine:3.10")), first);
        assert_eq!(show(&name("docker.io/library/alpine:3.10")), first);
        assert_eq!(show(&Selection::Digest(id)), first);
        assert_eq!(show(&Selection::Only), r#"Ambiguous { choices: ["alpine:3.10", "b.json"] }"#);
        assert_eq!(show(&name("b")), r#"NotFound { choices: ["alpine:3.10", "b.json"] }"#);
        for bad in ["", "{}", r#"[{"Layers":[]}]"#, r#"[{"Config":1}]"#] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_synthesized_manifest_reads_as_one_and_is_always_the_same() {
        let config = Descriptor::of(media_type::OCI_CONFIG, b"{}");
        let layers = [Descriptor::of(media_type::OCI_LAYER, b"layer")];
        let bytes = synthesize_manifest(&config, &layers);
        let Ok(Document::Manifest(manifest)) = Document::parse(&bytes, None) else {
            panic!("not a manifest");
        };
        assert_eq!((manifest.config.clone(), &manifest.layers[..]), (config, &layers[..]));
        assert_eq!(bytes, synthesize_manifest(&manifest.config, &manifest.layers));
    }
}
