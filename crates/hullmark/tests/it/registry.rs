//! A real registry, from the command line: tag and digest, many platforms, a damaged blob.

use std::fs;

use hullmark_testkit::registry::{Access, Registry, Setup};
use hullmark_testkit::shared_data;

use crate::{ADVISORIES, Home, Run};

#[test]
fn an_image_is_scanned_by_tag_and_by_digest_and_a_damaged_one_is_not() {
    let Some(images) = shared_data("images") else { return };
    let Some(registry) = Registry::start(Setup { access: Access::Open, authority: None }) else {
        return;
    };
    let home = Home::new();
    registry.push(&images.join("debian12-app.oci.tar"), "shop:1");
    registry.push(&images.join("multiarch-index.oci.tar"), "multi:1");
    let sbom = |target: &str, more: &[&str]| -> Run {
        let arguments = [&["sbom", target, "--format", "purl", "--no-cache"], more].concat();
        home.run(&arguments)
    };
    let host = registry.host().to_owned();
    let by_tag = sbom(&format!("{host}/shop:1"), &[]);
    assert_eq!((by_tag.code, by_tag.stderr.as_str()), (0, ""));
    // 102 packages; two are the same idna in two places.
    assert_eq!(by_tag.stdout.lines().count(), 101);
    let check = home.run(&[
        "check",
        &format!("{host}/shop:1"),
        "--format",
        "json",
        "--advisories",
        ADVISORIES,
    ]);
    let verdict: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    let digest = verdict["subject"]["digest"].as_str().unwrap();
    let by_digest = sbom(&format!("{host}/shop@{digest}"), &[]);
    assert_eq!(by_digest.stdout, by_tag.stdout);

    // Every platform of an index, and a platform it does not have.
    let platform = |name: &str| sbom(&format!("{host}/multi:1"), &["--platform", name]);
    assert_eq!(platform("linux/amd64").code, 0);
    assert_ne!(platform("linux/arm64").stdout, platform("linux/amd64").stdout);
    let missing = platform("linux/s390x");
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("there is no image for `linux/s390x`"), "{}", missing.stderr);

    let single = sbom(&format!("{host}/shop:1"), &["--platform", "linux/arm64"]);
    assert_eq!(single.code, 2);
    assert!(single.stderr.contains("there is no image for `linux/arm64`"), "{}", single.stderr);

    // One byte of one layer.
    let manifest = home.run(&["sbom", &format!("{host}/shop:1"), "--format", "cyclonedx"]);
    assert_eq!(manifest.code, 0);
    let layer = largest_layer(&images.join("debian12-app.oci.tar"));
    let file = registry.blob_file(&layer);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let damaged = sbom(&format!("{host}/shop:1"), &[]);
    assert_eq!((damaged.code, damaged.stdout.as_str()), (2, ""));
    assert!(damaged.stderr.contains("failed to read layer"), "{}", damaged.stderr);
}

fn largest_layer(archive: &std::path::Path) -> hullmark_oci::Digest {
    let image = hullmark_testkit::images::OciArchive::read(archive).images().remove(0);
    image.layers.into_iter().map(|(layer, ..)| layer).max_by_key(|layer| layer.size).unwrap().digest
}
