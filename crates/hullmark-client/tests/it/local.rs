//! Layouts and archives, as tools write them and as an attacker would.

use std::path::Path;

use hullmark_client::progress::ProgressSink;
use hullmark_client::{Client, ClientOptions, Target, open_archive_in_memory};
use hullmark_oci::manifest::Document;
use hullmark_oci::{Descriptor, Digest, Limits, media_type};
use hullmark_testkit::shared_data;

use crate::support::{
    Entry, chain, index_json, open, read_blob, run, seal, tar, tiny_image, walk, write_layout,
};

async fn show(target: &str) -> String {
    match open(target).await {
        Ok(source) => walk(source.as_ref()).await.unwrap_or_else(|e| e),
        Err(error) => error,
    }
}

#[test]
fn real_images_are_read_to_the_last_byte() {
    let Some(images) = shared_data("images") else { return };
    run(async {
        for (name, want) in [
            ("debian12-app.oci.tar", "5 layers of 5105700 bytes"),
            ("alpine34-synthetic.oci.tar", "2 layers of 1089512 bytes"),
            ("scratch-go-esbuild.oci.tar", "1 layers of 3974086 bytes"),
            ("alpine310.oci.tar", "1 layers of 2877678 bytes"),
            ("alpine310.docker.tar.gz", "1 layers of 5818880 bytes"),
            ("mariner2-rpm.oci.tar", "1 layers of 976378 bytes"),
            ("distroless12-polyglot.oci.tar", "2 layers of 585926 bytes"),
            ("distroless12-polyglot.v2s2-dir.tar", "2 layers of 585926 bytes"),
            (
                "multiarch-index.oci.tar",
                "index of 2, 1 layers of 11534 bytes, 1 layers of 11524 bytes",
            ),
            (
                "multiarch-index.oci.tar:latest",
                "index of 2, 1 layers of 11534 bytes, 1 layers of 11524 bytes",
            ),
        ] {
            assert_eq!(show(&images.join(name).display().to_string()).await, want, "{name}");
        }
    });
}

#[test]
fn a_saved_image_has_the_layers_and_the_id_that_docker_shows() {
    let Some(path) = shared_data("images/alpine310.docker.tar.gz") else { return };
    run(async {
        let source = open(&path.display().to_string()).await.unwrap();
        let top = source.resolve().await.unwrap();
        let Ok(Document::Manifest(manifest)) = Document::parse(&top.bytes, None) else { panic!() };
        assert_eq!(
            manifest.config.digest.as_str(),
            "sha256:af341ccd2df8b0e2d67cf8dd32e087bfda4e5756ebd1c76bbf3efa0dc246590e"
        );
        let again = open(&path.display().to_string()).await.unwrap().resolve().await.unwrap();
        assert_eq!(again.descriptor.digest, top.descriptor.digest);
    });
}

#[test]
fn one_of_several_images_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (tiny_image("a"), tiny_image("bb"));
    let mut blobs: Vec<&[u8]> = Vec::new();
    for image in [&a, &b] {
        blobs.extend([&image.config[..], &image.layer, &image.manifest]);
    }
    let named = |d: &Descriptor, name: &str| {
        let mut d = d.clone();
        d.annotations.insert("org.opencontainers.image.ref.name".into(), name.into());
        d
    };
    let (first, second) = (named(&a.descriptor, "v1"), named(&b.descriptor, "example.com/b:v2"));
    write_layout(folder.path(), &index_json(&[&first, &second]), &blobs);
    let at = folder.path().display();
    run(async {
        let digest = |target: String| async move {
            match open(&target).await {
                Ok(source) => source.resolve().await.unwrap().descriptor.digest.to_string(),
                Err(error) => error,
            }
        };
        assert_eq!(digest(format!("{at}:v1")).await, a.descriptor.digest.as_str());
        assert_eq!(digest(format!("{at}:v2")).await, b.descriptor.digest.as_str());
        assert_eq!(digest(format!("{at}:example.com/b:v2")).await, b.descriptor.digest.as_str());
        assert_eq!(
            digest(format!("{at}@{}", b.descriptor.digest)).await,
            b.descriptor.digest.as_str()
        );
        assert_eq!(
            digest(format!("{at}")).await,
            format!(
                "oci:{at} holds several images, choose one with `PATH:TAG` or `PATH@DIGEST`: example.com/b:v2, v1"
            )
        );
        assert_eq!(
            digest(format!("{at}:v3")).await,
            format!("the image `oci:{at}:v3` (there is: example.com/b:v2, v1) was not found")
        );
        // A digest that is in the layout, but not in its index.
        write_layout(folder.path(), &index_json(&[&first]), &[]);
        assert_eq!(
            digest(format!("{at}@{}", b.descriptor.digest)).await,
            b.descriptor.digest.as_str()
        );
        let missing = Digest::sha256(b"missing");
        assert!(digest(format!("{at}@{missing}")).await.ends_with("was not found"));
    });
}

#[test]
fn a_tampered_layout_is_refused() {
    let image = tiny_image("a");
    let other = tiny_image("longer");
    let good: [&[u8]; 3] = [&image.config, &image.layer, &image.manifest];
    let index = index_json(&[&image.descriptor]);
    let path = |content: &[u8]| hullmark_oci::layout::blob_path(&Digest::sha256(content));
    let huge = " ".repeat(5 << 20);
    run(async {
        for (name, file, content, want) in [
            ("good", "unrelated".to_owned(), &b""[..], "1 layers of 2048 bytes"),
            ("manifest replaced", path(&image.manifest), &[b'x'; 3], "has 3 bytes, expected"),
            (
                "manifest of that size",
                path(&image.manifest),
                &vec![b' '; image.manifest.len()],
                "content has digest",
            ),
            (
                "config of that size",
                path(&image.config),
                &vec![b' '; image.config.len()],
                "content has digest",
            ),
            (
                "layer of that size",
                path(&image.layer),
                &vec![b' '; image.layer.len()],
                "blob is sha256:",
            ),
            ("shorter layer", path(&image.layer), b"", "has 0 bytes, expected 2048"),
            ("no index", "index.json".to_owned(), b"", "failed to parse"),
            ("a manifest as index", "index.json".to_owned(), &image.manifest, "was given as"),
            ("huge index", "index.json".to_owned(), huge.as_bytes(), "more than 4194304 bytes"),
            (
                "other version",
                "oci-layout".to_owned(),
                br#"{"imageLayoutVersion":"9"}"#,
                "version `9`, expected `1.0.0`",
            ),
            (
                "another image",
                "index.json".to_owned(),
                index_json(&[&other.descriptor]).as_bytes(),
                "was not found",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write_layout(folder.path(), &index, &good);
            std::fs::write(folder.path().join(&file), content).unwrap();
            let shown = show(&format!("oci:{}", folder.path().display())).await;
            assert!(shown.contains(want), "{name}: {shown}");
        }
    });
}

/// A `docker save` archive of a tiny image, whose layer is stored as `layer` says.
fn saved(image: &crate::support::TinyImage, layer: &[Entry], names: &[&str]) -> Vec<u8> {
    let id = format!("{}.json", Digest::sha256(&image.config).hex());
    let list = format!(r#"[{{"Config":"{id}","RepoTags":["a:1"],"Layers":{names:?}}}]"#);
    let mut all = vec![Entry::File(&id, &image.config)];
    all.extend(layer.iter().map(|e| match e {
        Entry::File(n, d) => Entry::File(n, d),
        Entry::Symlink(n, d) => Entry::Symlink(n, d),
        Entry::Hardlink(n, d) => Entry::Hardlink(n, d),
        Entry::Raw(k, n, d) => Entry::Raw(*k, n, d),
    }));
    all.push(Entry::File("manifest.json", list.as_bytes()));
    tar(&all)
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn saved_layers_may_be_links_blobs_or_compressed() {
    let image = tiny_image("a");
    let blob = format!("blobs/sha256/{}", Digest::sha256(&image.layer).hex());
    let packed = gzip(&image.layer);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let (layer, good) = (&image.layer[..], "1 layers of 2048 bytes");
    run(async {
        for (entries, name, want) in [
            (vec![Entry::File("x/layer.tar", layer)], "x/layer.tar", good),
            (vec![Entry::File(&blob, layer)], &blob, good),
            (vec![Entry::File("./x/layer.tar", layer)], "x/layer.tar", good),
            (
                vec![
                    Entry::Symlink("y/layer.tar", "../x/layer.tar"),
                    Entry::File("x/layer.tar", layer),
                ],
                "y/layer.tar",
                good,
            ),
            (
                vec![Entry::File("x/layer.tar", layer), Entry::Hardlink("y.tar", "x/layer.tar")],
                "y.tar",
                good,
            ),
            (
                vec![
                    Entry::Raw(b'L', "././@LongLink", b"long/layer.tar\0"),
                    Entry::File("cut", layer),
                ],
                "long/layer.tar",
                good,
            ),
            (
                vec![Entry::Raw(b'x', "pax", b"20 path=long/lay.tar\n"), Entry::File("cut", layer)],
                "long/lay.tar",
                "a record",
            ),
            (
                vec![Entry::Raw(b'x', "pax", b"21 path=long/lay.tar\n"), Entry::File("cut", layer)],
                "long/lay.tar",
                good,
            ),
            (vec![Entry::File("x.tar.gz", &packed)], "x.tar.gz", "1 layers of"),
            // Hostile ones.
            (
                vec![Entry::Symlink("x/layer.tar", "/etc/passwd")],
                "x/layer.tar",
                "leads to no file of the archive",
            ),
            (
                vec![Entry::Symlink("x", "../../../../etc/passwd")],
                "x",
                "leads to no file of the archive",
            ),
            (
                vec![Entry::Symlink("x", "y"), Entry::Symlink("y", "x")],
                "x",
                "leads to no file of the archive",
            ),
            (
                vec![Entry::File("x", layer), Entry::File("x", b"other")],
                "x",
                "several files named `x`",
            ),
            (vec![Entry::Raw(b'S', "x", layer)], "x", "a sparse file"),
            (vec![Entry::File("x", b"not the layer")], "x", "blob is sha256:"),
            (vec![], "x", "layer `x` of"),
            (vec![], "/etc/passwd", "layer `/etc/passwd` of"),
        ] {
            std::fs::write(&path, saved(&image, &entries, &[name])).unwrap();
            let shown = show(&path.display().to_string()).await;
            let want = if want == "a record" { "an invalid number or record" } else { want };
            assert!(shown.contains(want), "{name}: {shown}");
        }
        std::fs::write(&path, saved(&image, &[Entry::File("x", layer)], &["x", "x"])).unwrap();
        let shown = show(&path.display().to_string()).await;
        assert!(shown.contains("`manifest.json` lists 2 layers, the configuration 1"), "{shown}");
        // The whole archive compressed.
        std::fs::write(&path, gzip(&saved(&image, &[Entry::File("x", layer)], &["x"]))).unwrap();
        assert_eq!(show(&path.display().to_string()).await, good);
    });
}

#[test]
fn an_archive_that_is_two_images_is_refused() {
    let (a, b) = (tiny_image("a"), tiny_image("b"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let build = |saved: &crate::support::TinyImage| {
        let name = |c: &[u8]| hullmark_oci::layout::blob_path(&Digest::sha256(c));
        let mut files = vec![("index.json".to_owned(), index_json(&[&a.descriptor]).into_bytes())];
        for image in [&a, saved] {
            for content in [&image.config, &image.layer, &image.manifest] {
                if !files.iter().any(|(n, _)| *n == name(content)) {
                    files.push((name(content), content.clone()));
                }
            }
        }
        let list = format!(
            r#"[{{"Config":"{}","Layers":["{}"]}}]"#,
            name(&saved.config),
            name(&saved.layer)
        );
        files.push(("manifest.json".to_owned(), list.into_bytes()));
        tar(&files.iter().map(|(n, c)| Entry::File(n, c)).collect::<Vec<_>>())
    };
    run(async {
        std::fs::write(&path, build(&a)).unwrap();
        assert_eq!(show(&path.display().to_string()).await, "1 layers of 2048 bytes");
        std::fs::write(&path, build(&b)).unwrap();
        let shown = show(&path.display().to_string()).await;
        assert!(
            shown.contains("`index.json` and `manifest.json` describe different images"),
            "{shown}"
        );
        // Whoever says which list is meant gets the image of that list.
        for (kind, image) in [("oci-archive", &a), ("docker-archive", &b)] {
            let source = open(&format!("{kind}:{}", path.display())).await.unwrap();
            let top = source.resolve().await.unwrap();
            let Ok(Document::Manifest(manifest)) = Document::parse(&top.bytes, None) else {
                panic!()
            };
            assert_eq!(manifest.config.digest, Digest::sha256(&image.config), "{kind}");
        }
    });
}

#[test]
fn indexes_that_list_each_other_a_thousand_times_are_read_once() {
    let image = tiny_image("a");
    let name = |c: &[u8]| hullmark_oci::layout::blob_path(&Digest::sha256(c));
    let mut files = vec![(name(&image.manifest), image.manifest.clone())];
    let mut below = image.descriptor.clone();
    for _ in 0..4 {
        let index = index_json(&vec![&below; 900]).into_bytes();
        below = Descriptor::of(media_type::OCI_INDEX, &index);
        files.push((name(&index), index));
    }
    files.push(("index.json".to_owned(), index_json(&[&below]).into_bytes()));
    files.push((name(&image.config), image.config.clone()));
    let list = format!(r#"[{{"Config":"{}","Layers":[]}}]"#, name(&image.config));
    files.push(("manifest.json".to_owned(), list.into_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let archive = tar(&files.iter().map(|(n, c)| Entry::File(n, c)).collect::<Vec<_>>());
    std::fs::write(&path, archive).unwrap();
    run(async {
        let source = open(&path.display().to_string()).await.unwrap();
        assert_eq!(source.resolve().await.unwrap().descriptor.digest, below.digest);
    });
}

#[test]
fn damaged_and_oversized_archives_are_refused() {
    let image = tiny_image("a");
    let good = saved(&image, &[Entry::File("x", &image.layer)], &["x"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    let set_size = |field: &'static [u8]| {
        move |bytes: &mut Vec<u8>| {
            bytes[124..124 + field.len()].copy_from_slice(field);
            seal(&mut bytes[..512]);
        }
    };
    let many: Vec<Entry> = (0..40).map(|_| Entry::File("x", b"")).collect();
    let limits = Limits { archive_entries: 30, tar_header_bytes: 2048, ..Limits::default() };
    let options = ClientOptions { limits, ..ClientOptions::default() };
    run(async {
        for (name, bytes, want) in [
            ("good", good.clone(), "opened"),
            ("no end blocks", with(&|b| b.truncate(b.len() - 1024)), "opened"),
            (
                "cut in a header",
                with(&|b| b.truncate(b.len() - 1024 - 600)),
                "ends in the middle of an entry",
            ),
            ("cut in content", with(&|b| b.truncate(560)), "ends in the middle of an entry"),
            (
                "a size beyond the end",
                with(&set_size(b"77777777777")),
                "ends in the middle of an entry",
            ),
            ("a size beyond 64 bits", with(&set_size(&[0xff; 12])), "an invalid number"),
            (
                "the largest size",
                with(&set_size(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
                "an invalid number",
            ),
            ("a size that is no number", with(&set_size(b"x")), "an invalid number"),
            ("a wrong checksum", with(&|b| b[0] ^= 1), "no tar header at byte 0"),
            ("too many entries", tar(&many), "more than 30 entries"),
            ("a huge long name", tar(&[Entry::Raw(b'L', "x", &[b'a'; 4096])]), "is too large"),
            (
                "nothing in it",
                tar(&[Entry::File("x", b"")]),
                "neither `index.json` (OCI layout) nor `manifest.json` (`docker save`)",
            ),
            ("only zeros", vec![0; 2048], "no tar header at byte 0"),
            ("a cut gzip", gzip(&good)[..200].to_vec(), "failed to read archive"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let target = Target::Archive(
                hullmark_client::target::Local {
                    path: path.clone(),
                    selection: Default::default(),
                },
                hullmark_client::target::ArchiveForm::Any,
            );
            let shown = match Client::new(options.clone()).open(&target).await {
                Ok(_) => "opened".to_owned(),
                Err(error) => chain(&error),
            };
            assert!(shown.contains(want), "{name}: {shown}");
        }
        // A bomb: 64 MiB of zeros in 64 KiB.
        let mut options = options.clone();
        options.spool.bytes = 1 << 20;
        std::fs::write(&path, gzip(&vec![0; 64 << 20])).unwrap();
        let target = Target::parse(&path.display().to_string()).unwrap();
        let error = Client::new(options).open(&target).await.err().unwrap();
        assert!(chain(&error).contains("more than 1048576 bytes"), "{error}");
    });
}

#[test]
fn referrers_of_a_layout_are_those_that_name_the_subject() {
    let image = tiny_image("a");
    let refer = |subject: &Descriptor, kind: &str| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","artifactType":"{kind}","config":{},"layers":[],"subject":{}}}"#,
            media_type::OCI_MANIFEST,
            crate::support::json(&Descriptor::of(media_type::OCI_EMPTY, b"{}")),
            crate::support::json(subject),
        )
        .into_bytes()
    };
    let listed = refer(&image.descriptor, "application/listed");
    let tagged = refer(&image.descriptor, "application/tagged");
    let of_another = refer(&Descriptor::of(media_type::OCI_MANIFEST, b"else"), "application/x");
    let describe = |bytes: &[u8]| Descriptor::of(media_type::OCI_MANIFEST, bytes);
    let fallback = index_json(&[&describe(&tagged), &describe(&of_another)]);
    let mut fallback_descriptor = Descriptor::of(media_type::OCI_INDEX, fallback.as_bytes());
    fallback_descriptor.annotations.insert(
        "org.opencontainers.image.ref.name".into(),
        format!("sha256-{}", image.descriptor.digest.hex()),
    );
    let folder = tempfile::tempdir().unwrap();
    let mut listed_descriptor = describe(&listed);
    listed_descriptor.artifact_type = Some("application/listed".into());
    let index = index_json(&[&image.descriptor, &listed_descriptor, &fallback_descriptor]);
    write_layout(
        folder.path(),
        &index,
        &[&image.manifest, &listed, &tagged, &of_another, fallback.as_bytes()],
    );
    run(async {
        let source = open(&format!("oci:{}", folder.path().display())).await.unwrap();
        assert_eq!(source.resolve().await.unwrap().descriptor.digest, image.descriptor.digest);
        let found = source.referrers(&image.descriptor.digest).await.unwrap();
        let mut types: Vec<_> = found.iter().filter_map(|d| d.artifact_type.as_deref()).collect();
        types.sort_unstable();
        assert_eq!(types, ["application/listed", "application/tagged"]);
        assert!(source.referrers(&Digest::sha256(b"none")).await.unwrap().is_empty());
    });
}

#[test]
fn progress_ends_at_the_size_of_the_blob() {
    use std::sync::{Arc, Mutex};
    let image = tiny_image("a");
    let folder = tempfile::tempdir().unwrap();
    write_layout(
        folder.path(),
        &index_json(&[&image.descriptor]),
        &[&image.manifest, &image.layer],
    );
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = seen.clone();
    let progress = ProgressSink::new(Arc::new(move |p| into.lock().unwrap().push(p)));
    let options = ClientOptions { progress, ..ClientOptions::default() };
    run(async {
        let target = Target::parse(&folder.path().display().to_string()).unwrap();
        let source = Client::new(options).open(&target).await.unwrap();
        let layer = Descriptor::of(media_type::OCI_LAYER, &image.layer);
        read_blob(source.as_ref(), &layer).await.unwrap();
        let last = seen.lock().unwrap().last().cloned().unwrap();
        assert_eq!((last.digest, last.received, last.total), (layer.digest, 2048, 2048));
    });
}

#[test]
fn pipes_and_folders_in_a_layout_do_not_block() {
    let image = tiny_image("a");
    let folder = tempfile::tempdir().unwrap();
    write_layout(folder.path(), &index_json(&[&image.descriptor]), &[&image.manifest]);
    let config =
        folder.path().join(hullmark_oci::layout::blob_path(&Digest::sha256(&image.config)));
    let made = std::process::Command::new("mkfifo").arg(&config).status().unwrap();
    assert!(made.success());
    let shown = run(show(&format!("oci:{}", Path::new(folder.path()).display())));
    assert!(shown.contains("it is not a regular file"), "{shown}");
}

#[test]
fn damage_anywhere_is_an_error_or_harmless() {
    let image = tiny_image("a");
    let good = saved(
        &image,
        &[Entry::Raw(b'x', "pax", b"14 path=x.tar\n"), Entry::File("cut", &image.layer)],
        &["x.tar"],
    );
    let options = ClientOptions::default();
    let mut state = 1u64;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut whole = 0;
    run(async {
        for _ in 0..600 {
            let mut bytes = good.clone();
            let at = next(bytes.len());
            bytes[at] = u8::try_from(next(256)).unwrap();
            // Half of the headers are sealed again, so that damage gets past the checksum.
            if next(2) == 0 {
                let header = at / 512 * 512;
                seal(&mut bytes[header..header + 512]);
            }
            // The only accepted outcome without an error is the unharmed layer.
            let shown = match open_archive_in_memory(&bytes, &options) {
                Ok(source) => walk(source.as_ref()).await,
                Err(error) => Err(error.to_string()),
            };
            whole += usize::from(shown.as_deref() == Ok("1 layers of 2048 bytes"));
        }
    });
    assert!(whole > 0 && whole < 600, "{whole}");
}
