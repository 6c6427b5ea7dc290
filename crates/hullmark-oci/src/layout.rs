//! The OCI image layout: where its files are, and which of its images is meant.
//!
//! See: OCI image-spec v1.1.1 image-layout.md.

use serde::Deserialize;

use crate::digest::Digest;
use crate::manifest::{Descriptor, Index};
use crate::reference::Reference;

/// Name of the file that marks a layout and holds its version.
pub const MARKER: &str = "oci-layout";
/// Name of the file that lists the images.
pub const INDEX: &str = "index.json";
/// Annotation with an image's name: a tag, or a whole reference.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation in which containerd and Docker put the whole reference.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Which of the images of a layout or an archive is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The only one there is.
    #[default]
    Only,
    /// The one with this tag or reference.
    Name(String),
    /// The one with this digest.
    Digest(Digest),
}

/// What a selection led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One descriptor of `index.json`.
    Descriptor(Descriptor),
    /// `index.json` itself: it lists one image for several platforms.
    Index,
}

/// Why a selection leads to no single image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectError {
    /// Nothing there has that name or digest.
    NotFound {
        /// What could be chosen instead.
        choices: Vec<String>,
    },
    /// Several are meant.
    Ambiguous {
        /// What could be chosen.
        choices: Vec<String>,
    },
}

/// Why a layout's marker is refused.
#[derive(Debug, thiserror::Error)]
pub enum MarkerError {
    /// Not JSON of that shape.
    #[error("failed to parse `{MARKER}`")]
    Json(#[source] serde_json::Error),
    /// A version with other rules.
    #[error("the layout has version `{0}`, expected `1.0.0`")]
    Version(String),
}

/// Returns the path of a blob inside a layout.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// Checks the content of the `oci-layout` file.
///
/// # Errors
/// If it is not JSON, or names another version than 1.0.0.
pub fn check_marker(bytes: &[u8]) -> Result<(), MarkerError> {
    #[derive(Deserialize)]
    struct Marker {
        #[serde(rename = "imageLayoutVersion")]
        version: String,
    }
    let marker: Marker = serde_json::from_slice(bytes).map_err(MarkerError::Json)?;
    if marker.version == "1.0.0" {
        Ok(())
    } else {
        Err(MarkerError::Version(marker.version.chars().take(40).collect()))
    }
}

/// Chooses an image of a layout's `index.json`.
///
/// Without a name, signatures and other referrers beside an image do not count. Several platforms of one image, listed without an
/// index of their own, are that image.
///
/// # Errors
/// If none or several are meant. A digest that `index.json` does not list is `NotFound`: the caller may still look for its blob.
pub fn select(index: &Index, selection: &Selection) -> Result<Choice, SelectError> {
    let matching: Vec<&Descriptor> = match selection {
        Selection::Only => {
            let images: Vec<_> = index.manifests.iter().filter(|d| !is_referrer(d)).collect();
            if images.is_empty() { index.manifests.iter().collect() } else { images }
        }
        Selection::Name(name) => {
            index.manifests.iter().filter(|d| names(d).any(|n| same_name(n, name))).collect()
        }
        Selection::Digest(digest) => {
            index.manifests.iter().filter(|d| d.digest == *digest).collect()
        }
    };
    let Some((first, rest)) = matching.split_first() else {
        return Err(SelectError::NotFound { choices: choices(index.manifests.iter()) });
    };
    if rest.iter().all(|d| d.digest == first.digest) {
        return Ok(Choice::Descriptor((*first).clone()));
    }
    if matching.len() == index.manifests.len() && is_one_image(&matching) {
        return Ok(Choice::Index);
    }
    Err(SelectError::Ambiguous { choices: choices(matching.into_iter()) })
}

/// Whether a name that was asked for is the name that an image bears: the same text, tag or reference.
pub fn same_name(have: &str, want: &str) -> bool {
    if have == want {
        return true;
    }
    match (have.parse::<Reference>(), want.parse::<Reference>()) {
        (Ok(have), Ok(want)) if have == want => true,
        // A bare tag parses as a repository's name: only a whole reference has a tag to compare.
        (Ok(reference), _) => have.contains([':', '/']) && reference.tag() == Some(want),
        _ => false,
    }
}

fn names(descriptor: &Descriptor) -> impl Iterator<Item = &str> {
    [REF_NAME, CONTAINERD_NAME]
        .into_iter()
        .filter_map(|key| descriptor.annotations.get(key))
        .map(String::as_str)
}

fn is_referrer(descriptor: &Descriptor) -> bool {
    descriptor.artifact_type.is_some()
        || descriptor.platform.as_ref().is_some_and(crate::Platform::is_unknown)
        || names(descriptor).any(|n| n.starts_with("sha256-") || n.starts_with("sha512-"))
}

fn is_one_image(descriptors: &[&Descriptor]) -> bool {
    let mut platforms: Vec<_> = descriptors.iter().map(|d| d.platform.as_ref()).collect();
    platforms.sort_unstable();
    platforms[0].is_some()
        && platforms.windows(2).all(|pair| pair[0] != pair[1])
        && descriptors.windows(2).all(|pair| names(pair[0]).eq(names(pair[1])))
}

/// At most this many choices are listed: enough to pick one, and to see that there are more.
const CHOICES: usize = 20;

fn choices<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<String> {
    let mut choices: Vec<String> = descriptors
        .map(|d| match names(d).next() {
            Some(name) => name.chars().filter(|c| !c.is_control()).take(300).collect(),
            None => d.digest.to_string(),
        })
        .collect();
    choices.sort_unstable();
    choices.dedup();
    choices.truncate(CHOICES);
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(content: &str, name: Option<&str>, platform: Option<&str>) -> Descriptor {
        let mut descriptor = Descriptor::of(crate::media_type::OCI_MANIFEST, content.as_bytes());
        descriptor.annotations.extend(name.map(|n| (REF_NAME.to_owned(), n.to_owned())));
        descriptor.platform = platform.map(|p| p.parse().unwrap());
        descriptor
    }

    fn show(manifests: &[Descriptor], selection: &Selection) -> String {
        let index = Index {
            media_type: None,
            manifests: manifests.to_vec(),
            subject: None,
            annotations: Default::default(),
        };
        match select(&index, selection) {
            Ok(Choice::Descriptor(d)) => d.digest.short().to_owned(),
            Ok(Choice::Index) => "index".to_owned(),
            Err(SelectError::NotFound { choices }) => format!("none of {choices:?}"),
            Err(SelectError::Ambiguous { choices }) => format!("several of {choices:?}"),
        }
    }

    #[test]
    fn one_image_is_chosen_or_the_choices_are_named() {
        let a = descriptor("a", Some("latest"), None);
        let b = descriptor("b", Some("docker.io/library/alpine:3"), None);
        let bare = descriptor("c", None, None);
        let name = |n: &str| Selection::Name(n.to_owned());
        let (short_a, short_b) = (a.digest.short().to_owned(), b.digest.short().to_owned());
        let same_content = descriptor("a", Some("stable"), None);
        let mut signature = descriptor("s", None, None);
        signature.artifact_type = Some("application/x".into());
        let tagged_referrers = descriptor("t", Some("sha256-abc"), None);
        for (manifests, selection, want) in [
            (vec![a.clone()], Selection::Only, short_a.clone()),
            (
                vec![a.clone(), b.clone()],
                Selection::Only,
                r#"several of ["docker.io/library/alpine:3", "latest"]"#.into(),
            ),
            (vec![a.clone(), b.clone()], name("latest"), short_a.clone()),
            (vec![descriptor("d", Some("v1"), None)], name("latest"), r#"none of ["v1"]"#.into()),
            (vec![a.clone(), b.clone()], name("alpine:3"), short_b.clone()),
            (vec![a.clone(), b.clone()], name("3"), short_b.clone()),
            (
                vec![a.clone(), b.clone()],
                name("4"),
                r#"none of ["docker.io/library/alpine:3", "latest"]"#.into(),
            ),
            (vec![a.clone(), b.clone()], Selection::Digest(b.digest.clone()), short_b),
            (
                vec![a.clone()],
                Selection::Digest(bare.digest.clone()),
                r#"none of ["latest"]"#.into(),
            ),
            (vec![a.clone(), same_content], Selection::Only, short_a.clone()),
            (vec![a.clone(), signature, tagged_referrers], Selection::Only, short_a),
            (vec![], Selection::Only, "none of []".into()),
            (
                vec![bare.clone(), a],
                Selection::Only,
                format!("several of [\"latest\", \"{}\"]", bare.digest),
            ),
        ] {
            assert_eq!(show(&manifests, &selection), want);
        }
    }

    #[test]
    fn platforms_of_one_image_are_one_image() {
        let amd64 = descriptor("a", None, Some("linux/amd64"));
        let arm64 = descriptor("b", None, Some("linux/arm64"));
        let other_name = descriptor("b", Some("x"), Some("linux/arm64"));
        let again = descriptor("c", None, Some("linux/arm64"));
        assert_eq!(show(&[amd64.clone(), arm64.clone()], &Selection::Only), "index");
        assert!(show(&[amd64.clone(), other_name], &Selection::Only).starts_with("several"));
        assert!(show(&[amd64, arm64, again], &Selection::Only).starts_with("several"));
    }

    #[test]
    fn the_marker_names_a_known_version() {
        assert!(check_marker(br#"{"imageLayoutVersion":"1.0.0"}"#).is_ok());
        for bad in [&br#"{"imageLayoutVersion":"2.0.0"}"#[..], b"{}", b"", b"1.0.0"] {
            assert!(check_marker(bad).is_err());
        }
    }
}
