//! Kinds are recognised, can be forced, and are never guessed between two meanings.

use std::path::Path;

use hullmark_client::Target;

use crate::support::{chain, index_json, tiny_image, write_layout};

#[test]
fn kinds_are_recognised_and_forced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let image = tiny_image("x");
    write_layout(Path::new(&at("layout")), &index_json(&[&image.descriptor]), &[]);
    std::fs::create_dir(at("rootfs")).unwrap();
    std::fs::create_dir(at("skopeo")).unwrap();
    std::fs::write(at("skopeo/version"), "Directory Transport Version: 1.1\n").unwrap();
    std::fs::write(at("skopeo/manifest.json"), &image.manifest).unwrap();
    std::fs::write(at("image.tar"), &image.layer).unwrap();
    std::fs::write(at("image.tgz"), b"\x1f\x8b\x08").unwrap();
    std::fs::write(at("sbom.json"), b"\xef\xbb\xbf \n{}").unwrap();
    std::fs::write(at("notes.txt"), "notes").unwrap();
    std::fs::write(at("empty"), "").unwrap();

    let root = folder.path().display().to_string();
    let show = |text: &str| {
        let text = text.replace("ROOT", &root);
        match Target::parse(&text) {
            Ok(target) => format!("{target:?}"),
            Err(error) => chain(&error),
        }
        .replace(&root, "ROOT")
    };
    let digest = format!("sha256:{}", "a".repeat(64));
    for (text, want) in [
        ("ROOT/layout", r#"Layout(Local { path: "ROOT/layout", selection: Only })"#),
        ("ROOT/layout:v1", r#"Layout(Local { path: "ROOT/layout", selection: Name("v1") })"#),
        (
            &format!("ROOT/layout@{digest}"),
            &format!(r#"Layout(Local {{ path: "ROOT/layout", selection: Digest({digest}) }})"#),
        ),
        ("ROOT/rootfs", r#"Folder("ROOT/rootfs")"#),
        ("dir:ROOT/layout", r#"Folder("ROOT/layout")"#),
        ("ROOT/skopeo", r#"SkopeoDir("ROOT/skopeo")"#),
        ("ROOT/image.tar", r#"Archive(Local { path: "ROOT/image.tar", selection: Only }, Any)"#),
        ("ROOT/image.tgz", r#"Archive(Local { path: "ROOT/image.tgz", selection: Only }, Any)"#),
        (
            "oci-archive:ROOT/image.tar:a",
            r#"Archive(Local { path: "ROOT/image.tar", selection: Name("a") }, Oci)"#,
        ),
        (
            "docker-archive:ROOT/image.tar:alpine:3",
            r#"Archive(Local { path: "ROOT/image.tar", selection: Name("alpine:3") }, Docker)"#,
        ),
        ("ROOT/sbom.json", r#"Sbom("ROOT/sbom.json")"#),
        ("sbom:ROOT/notes.txt", r#"Sbom("ROOT/notes.txt")"#),
        ("docker-daemon:alpine:3", r#"Daemon(Docker, "alpine:3")"#),
        ("podman:localhost/app", r#"Daemon(Podman, "localhost/app")"#),
        // What is wrong is said, and a typing error in a path is never looked for in a registry.
        (
            "ROOT/notes.txt",
            "`ROOT/notes.txt` is neither a tar archive (plain, gzip or zstd) nor a JSON document; force its kind with `oci-archive:`, `docker-archive:`, `sbom:` or `registry:`",
        ),
        (
            "ROOT/empty",
            "`ROOT/empty` is neither a tar archive (plain, gzip or zstd) nor a JSON document; force its kind with `oci-archive:`, `docker-archive:`, `sbom:` or `registry:`",
        ),
        ("ROOT/missing", "there is no file or folder `ROOT/missing`"),
        ("missing.tar", "there is no file or folder `missing.tar`"),
        ("oci:missing", "there is no file or folder `missing`"),
        ("sbom:missing", "there is no file or folder `missing`"),
        ("ROOT/layout@sha256:a", "there is no file or folder `ROOT/layout@sha256:a`"),
        (
            "Not A Reference",
            "`Not A Reference` is neither a file nor an image reference: `Not A Reference` is not an image reference: a repository is lower-case letters and digits, separated by `.`, `_`, `__`, `-` or `/`",
        ),
        (
            "registry:UPPER",
            "failed to parse `UPPER`: `UPPER` is not an image reference: a repository is lower-case letters and digits, separated by `.`, `_`, `__`, `-` or `/`",
        ),
        ("docker-daemon:", "`` is not the name or id of an image"),
        (
            "docker-daemon:../containers/json?",
            "`../containers/json?` is not the name or id of an image",
        ),
        ("docker-daemon:a/../b", "`a/../b` is not the name or id of an image"),
        ("podman:a b", "`a b` is not the name or id of an image"),
        ("/dev/null", "failed to read `/dev/null`: it is not a regular file"),
    ] {
        assert_eq!(show(text), want, "{text}");
    }
}

#[test]
fn a_registry_may_be_called_registry() {
    let show = |text: &str| Target::parse(text).unwrap().to_string();
    assert_eq!(show("alpine:3.20"), "docker.io/library/alpine:3.20");
    assert_eq!(show("registry:alpine:3.20"), "docker.io/library/alpine:3.20");
    assert_eq!(show("registry:alpine"), "docker.io/library/alpine:latest");
    assert_eq!(show("registry:5000/app"), "registry:5000/app:latest");
    assert_eq!(show("registry:2"), "docker.io/library/registry:2");
    assert_eq!(show("registry:registry:2"), "docker.io/library/registry:2");
}

#[test]
fn a_file_of_another_kind_does_not_hide_an_image() {
    // Tests run in the crate's folder: `src/lib.rs` is there, is no archive, and is a reference too.
    let show = |text: &str| Target::parse(text).map_err(|e| chain(&e)).map(|t| t.to_string());
    assert_eq!(show("src/lib.rs:v1").as_deref(), Ok("docker.io/src/lib.rs:v1"));
    assert!(show("src/lib.rs").unwrap_err().contains("`registry:`"));
}

#[test]
fn a_folder_that_could_be_an_image_is_not_guessed() {
    // Tests run in the crate's folder: `src` is there, and is a reference too.
    let error = Target::parse("src").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`src` is a folder here and an image reference too: write `dir:src` or `./src` for the folder, `registry:src` for the image"
    );
    assert_eq!(Target::parse("./src").unwrap().to_string(), "dir:./src");
    assert_eq!(Target::parse("dir:src").unwrap().to_string(), "dir:src");
    assert_eq!(Target::parse("registry:src").unwrap().to_string(), "docker.io/library/src:latest");
    assert_eq!(Target::parse("src:v1").unwrap().to_string(), "docker.io/library/src:v1");
}
