//! Manifests, indexes, configurations, and the documents of layouts and saved images.
#![no_main]

use hullmark_oci::layout::{self, Choice, Selection};
use hullmark_oci::manifest::Document;
use hullmark_oci::{Digest, ImageConfig, docker_save, media_type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for expected in [None, Some(media_type::OCI_MANIFEST), Some(media_type::OCI_INDEX)] {
        match Document::parse(data, expected) {
            Ok(Document::Index(index)) => selections(|selection| {
                if let Ok(Choice::Descriptor(chosen)) = layout::select(&index, selection) {
                    assert!(index.manifests.contains(&chosen));
                }
            }),
            Ok(Document::Manifest(manifest)) => {
                let bytes = docker_save::synthesize_manifest(&manifest.config, &manifest.layers);
                let again = Document::parse(&bytes, Some(media_type::OCI_MANIFEST));
                let Ok(Document::Manifest(again)) = again else { panic!("{again:?}") };
                assert_eq!((manifest.config, manifest.layers), (again.config, again.layers));
            }
            Err(_) => {}
        }
    }
    if let Ok(config) = ImageConfig::parse(data) {
        let _ = config.platform().to_string();
    }
    let _ = layout::check_marker(data);
    if let Ok(images) = docker_save::parse(data) {
        selections(|selection| {
            let _ = docker_save::select(&images, selection);
        });
    }
});

fn selections(mut select: impl FnMut(&Selection)) {
    select(&Selection::Only);
    select(&Selection::Name("latest".into()));
    select(&Selection::Name("docker.io/library/app:1".into()));
    select(&Selection::Digest(Digest::sha256(b"")));
}
