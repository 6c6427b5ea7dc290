//! Registries that lie: about content, lengths, digests and sizes.

use std::time::Duration;

use hullmark_oci::{Descriptor, Digest, Limits, media_type};
use hullmark_testkit::registry::{Body, Reply};

use crate::support::{json, open_with, quick, read_blob, run, scripted, show_with};

const GOOD: &str = "1 layers of 201728 bytes";

fn is_manifest(path: &str) -> bool {
    path.contains("/manifests/")
}

#[test]
fn an_honest_registry_is_believed() {
    let (server, served) = scripted(|_, _| None);
    run(async {
        let name = format!("{}/app", server.host());
        assert_eq!(show_with(&quick(), &format!("{name}:v1")).await, GOOD);
        let digest = &served.image.descriptor.digest;
        assert_eq!(show_with(&quick(), &format!("{name}@{digest}")).await, GOOD);
        assert_eq!(show_with(&quick(), &format!("{name}:other@{digest}")).await, GOOD);
        assert_eq!(
            show_with(&quick(), &format!("{name}:v2")).await,
            format!("{name}:v2 was not found")
        );
        assert!(server.requests().iter().all(|r| r.header("user-agent").starts_with("hullmark/")));
    });
}

#[test]
fn manifests_that_are_not_what_they_should_be_are_refused() {
    let other = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
    let wrong = Digest::sha256(b"wrong").to_string();
    let replies: Vec<(&str, Reply, &str)> = vec![
        (
            "the header names another digest",
            Reply::new(200, other)
                .with("content-type", media_type::OCI_MANIFEST)
                .with("docker-content-digest", &wrong),
            "content has digest",
        ),
        (
            "the header is no digest",
            Reply::new(200, other).with("docker-content-digest", "sha256:abc"),
            "the digest that came with it is not one",
        ),
        (
            "a web page",
            Reply::new(200, "<html>log in</html>").with("content-type", "text/html"),
            "failed to parse a manifest",
        ),
        (
            "schema 1",
            Reply::new(200, "{}")
                .with("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
            "schema 1",
        ),
        ("a huge one", Reply::new(200, vec![b' '; 5 << 20]), "more than 4194304 bytes"),
        (
            "a huge one in pieces",
            Reply::new(200, "")
                .body(Body::Chunked { pieces: vec![vec![b' '; 1 << 20]; 5], end: true }),
            "more than 4194304 bytes",
        ),
        ("an endless one", Reply::new(200, "").body(Body::Endless), "more than 4194304 bytes"),
        (
            "an empty one",
            Reply::new(200, "").with("content-type", media_type::OCI_MANIFEST),
            "failed to parse a manifest",
        ),
        (
            "a short one",
            Reply::new(200, "").body(Body::Lying { length: 500, content: b"{".to_vec() }),
            "(after 4 attempts)",
        ),
        ("a strange status", Reply::new(204, ""), "HTTP 204"),
        ("a teapot", Reply::new(418, "{\"errors\":[{\"code\":\"\\u001b[2J\"}]}"), "HTTP 418 [2J:"),
    ];
    run(async {
        for (name, reply, want) in replies {
            let (server, _) =
                scripted(move |request, _| is_manifest(&request.path).then(|| reply.clone()));
            let shown = show_with(&quick(), &format!("{}/app:v1", server.host())).await;
            assert!(shown.contains(want), "{name}: {shown}");
        }
    });
}

#[test]
fn a_requested_digest_must_be_that_of_the_bytes() {
    let (server, _) = scripted(|request, served| {
        is_manifest(&request.path).then(|| served.answer("/v2/app/manifests/v1"))
    });
    run(async {
        let wanted = Digest::sha256(b"something else");
        let shown = show_with(&quick(), &format!("{}/app@{wanted}", server.host())).await;
        assert!(shown.contains(&format!("expected `{wanted}`")), "{shown}");
    });
}

#[test]
fn a_digest_of_sha512_is_kept() {
    let (server, served) = scripted(|request, served| {
        is_manifest(&request.path).then(|| {
            let digest = Digest::of(hullmark_oci::Algorithm::Sha512, &served.image.manifest);
            Reply::new(200, served.image.manifest.clone())
                .with("content-type", format!("{}; charset=utf-8", media_type::OCI_MANIFEST))
                .with("docker-content-digest", digest.to_string())
        })
    });
    run(async {
        let source = open_with(&quick(), &format!("{}/app:v1", server.host())).await;
        let top = source.resolve().await.unwrap();
        let want = Digest::of(hullmark_oci::Algorithm::Sha512, &served.image.manifest);
        assert_eq!(top.descriptor.digest, want);
        assert_eq!(top.descriptor.media_type, media_type::OCI_MANIFEST);
        let name = format!("{}/app@{want}", server.host());
        assert_eq!(show_with(&quick(), &name).await, GOOD);
    });
}

#[test]
fn documents_differ_from_their_descriptors_in_no_way() {
    let (server, served) = scripted(|_, _| None);
    run(async {
        let source = open_with(&quick(), &format!("{}/app:v1", server.host())).await;
        let config = Descriptor::of(media_type::OCI_CONFIG, &served.image.config);
        let longer = Descriptor { size: config.size + 1, ..config.clone() };
        let shorter = Descriptor { size: config.size - 1, ..config.clone() };
        for (name, at, limit, want) in [
            ("longer", &longer, 1 << 20, "bytes, expected"),
            ("shorter", &shorter, 1 << 20, "bytes, expected"),
            ("over the limit", &config, 10, "more than 10 bytes"),
        ] {
            let error = source.manifest(at, limit).await.unwrap_err().to_string();
            assert!(error.contains(want), "{name}: {error}");
        }
        assert!(source.manifest(&config, config.size).await.is_ok());
    });
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    // Every answer holds 50 kB and breaks; ranges are honoured.
    let (server, served) = scripted(|request, served| {
        if !served.is_layer(&request.path) {
            return None;
        }
        let layer = &served.image.layer;
        let from: usize = request
            .header("range")
            .strip_prefix("bytes=")
            .and_then(|r| r.strip_suffix('-'))
            .map_or(0, |n| n.parse().unwrap());
        let end = (from + 50_000).min(layer.len());
        let body =
            Body::Lying { length: (layer.len() - from) as u64, content: layer[from..end].to_vec() };
        Some(if from == 0 {
            Reply::new(200, "").body(body)
        } else {
            let range = format!("bytes {from}-{}/{}", layer.len() - 1, layer.len());
            Reply::new(206, "").with("content-range", range).body(body)
        })
    });
    run(async {
        let mut options = quick();
        options.retry.attempts = 5;
        assert_eq!(show_with(&options, &format!("{}/app:v1", server.host())).await, GOOD);
    });
    let ranges: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|r| served.is_layer(&r.path))
        .map(|r| r.header("range").to_owned())
        .collect();
    assert_eq!(ranges, ["", "bytes=50000-", "bytes=100000-", "bytes=150000-", "bytes=200000-"]);
}

#[test]
fn a_server_without_ranges_is_read_again_from_the_start() {
    let (server, _) = scripted(|request, served| {
        let broken = served.is_layer(&request.path) && request.header("range").is_empty();
        broken.then(|| {
            let layer = &served.image.layer;
            let content = layer[..100_000].to_vec();
            Reply::new(200, "").body(Body::Lying { length: layer.len() as u64, content })
        })
    });
    run(async {
        assert_eq!(show_with(&quick(), &format!("{}/app:v1", server.host())).await, GOOD);
    });
}

#[test]
fn blobs_that_lie_end_in_an_error_and_never_early() {
    type Lie = Box<dyn Fn(&[u8], &str) -> Reply + Send + Sync>;
    let partial = |range: &'static str| -> Lie {
        Box::new(move |layer, asked| {
            if asked.is_empty() {
                let content = layer[..100].to_vec();
                Reply::new(200, "").body(Body::Lying { length: layer.len() as u64, content })
            } else {
                Reply::new(206, layer[100..].to_vec()).with("content-range", range)
            }
        })
    };
    let cases: Vec<(&str, Lie, &str)> = vec![
        (
            "corrupted",
            Box::new(|layer, _| {
                let mut layer = layer.to_vec();
                layer[600] ^= 1;
                Reply::new(200, layer)
            }),
            "blob is sha256:",
        ),
        (
            "shorter",
            Box::new(|layer, _| Reply::new(200, &layer[..100])),
            "has 100 bytes, expected 201728",
        ),
        (
            "longer",
            Box::new(|layer, _| Reply::new(200, [layer, b"x"].concat())),
            "has 201729 bytes",
        ),
        (
            "a length that is a lie",
            Box::new(|layer, _| {
                let body = Body::Lying { length: 1 << 40, content: layer.to_vec() };
                Reply::new(200, "").body(body)
            }),
            "has 1099511627776 bytes, expected 201728",
        ),
        (
            "longer without a length",
            Box::new(|layer, _| {
                let pieces = vec![layer.to_vec(), b"x".to_vec()];
                Reply::new(200, "").body(Body::Chunked { pieces, end: true })
            }),
            "has 201729 bytes",
        ),
        (
            "endless",
            Box::new(|_, _| Reply::new(200, "").body(Body::Endless)),
            "bytes, expected 201728",
        ),
        (
            "shorter without a length, again and again",
            Box::new(|layer, _| {
                let pieces = vec![layer[..100].to_vec()];
                Reply::new(200, "").body(Body::Chunked { pieces, end: true })
            }),
            "the transfer broke at byte 100 of 201728: it ended early",
        ),
        (
            "broken again and again",
            Box::new(|layer, _| {
                let content = layer[..100].to_vec();
                Reply::new(200, "").body(Body::Lying { length: layer.len() as u64, content })
            }),
            "the transfer broke at byte 100 of 201728",
        ),
        (
            "another range",
            partial("bytes 0-201727/201728"),
            "bytes from 0 on came, and 100 was asked for",
        ),
        ("another total", partial("bytes 100-201727/999"), "has 999 bytes, expected 201728"),
        ("no range", partial("x"), "part of it came without saying which"),
        ("not found", Box::new(|_, _| Reply::new(404, "")), "was not found"),
        (
            "never an answer",
            Box::new(|_, _| Reply::new(200, "").body(Body::Hangup)),
            "(after 4 attempts)",
        ),
    ];
    run(async {
        for (name, lie, want) in cases {
            let (server, served) = scripted(move |request, served| {
                served
                    .is_layer(&request.path)
                    .then(|| lie(&served.image.layer, request.header("range")))
            });
            let source = open_with(&quick(), &format!("{}/app:v1", server.host())).await;
            let layer = Descriptor::of(media_type::OCI_LAYER, &served.image.layer);
            let error = read_blob(source.as_ref(), &layer).await.unwrap_err();
            assert!(error.contains(want), "{name}: {error}");
            assert!(server.requests().len() < 20, "{name}: {}", server.requests().len());
        }
    });
}

#[test]
fn a_server_that_trickles_is_given_up() {
    let (server, served) = scripted(|request, served| {
        served.is_layer(&request.path).then(|| {
            let (content, pause) = (served.image.layer.clone(), Duration::from_millis(20));
            Reply::new(200, "").body(Body::Slow { content, pause })
        })
    });
    let mut options = quick();
    options.timeouts.read = Duration::from_millis(150);
    run(async {
        let source = open_with(&options, &format!("{}/app:v1", server.host())).await;
        let layer = Descriptor::of(media_type::OCI_LAYER, &served.image.layer);
        let error = read_blob(source.as_ref(), &layer).await.unwrap_err();
        assert!(error.contains("it is too slow"), "{error}");
    });
}

#[test]
fn a_reader_that_is_dropped_ends_the_transfer() {
    let (server, served) = scripted(|request, served| {
        served.is_layer(&request.path).then(|| Reply::new(200, "").body(Body::Endless))
    });
    run(async {
        let source = open_with(&quick(), &format!("{}/app:v1", server.host())).await;
        let layer = Descriptor::of(media_type::OCI_LAYER, &served.image.layer);
        drop(source.blob(&layer).await.unwrap());
    });
}

#[test]
fn referrers_are_listed_page_by_page_or_by_tag() {
    let entry = |text: &str| {
        let mut entry = Descriptor::of(media_type::OCI_MANIFEST, text.as_bytes());
        entry.artifact_type = Some(format!("application/{text}"));
        entry
    };
    let list = |entries: &[Descriptor]| {
        let entries: Vec<_> = entries.iter().map(json).collect();
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
            media_type::OCI_INDEX,
            entries.join(",")
        )
    };
    let pages = [list(&[entry("a"), entry("b")]), list(&[entry("b"), entry("c")])];
    let many: Vec<_> = (0..12).map(|n| entry(&n.to_string())).collect();
    let many = list(&many);
    type Lie = Box<dyn Fn(&str) -> Option<Reply> + Send + Sync>;
    let show = |lie: Lie| {
        let (server, served) = scripted(move |request, _| lie(&request.path));
        let subject = served.image.descriptor.digest.clone();
        let mut options = quick();
        options.limits = Limits { index_manifests: 10, ..Limits::default() };
        run(async move {
            let source = open_with(&options, &format!("{}/app:v1", server.host())).await;
            match source.referrers(&subject).await {
                Ok(found) => {
                    let mut types: Vec<_> =
                        found.into_iter().filter_map(|d| d.artifact_type).collect();
                    types.sort_unstable();
                    format!("{types:?} in {}", server.requests().len())
                }
                Err(error) => error.to_string(),
            }
        })
    };
    let is_api = |path: &str| path.contains("/referrers/sha256:");
    let of = |page: &str| Reply::new(200, page).with("content-type", media_type::OCI_INDEX);
    let (first, second, only) = (pages[0].clone(), pages[1].clone(), pages[0].clone());
    let paged = show(Box::new(move |path| match path {
        path if path.contains("page=2") => Some(of(&second)),
        path if is_api(path) => Some(of(&first).with("link", r#"<?page=2>; rel="next""#)),
        _ => None,
    }));
    assert_eq!(paged, r#"["application/a", "application/b", "application/c"] in 2"#);
    for status in [404, 405, 400, 501] {
        let only = only.clone();
        let tagged = show(Box::new(move |path| match path {
            path if is_api(path) => Some(Reply::new(status, "")),
            path if path.contains("/manifests/sha256-") => Some(of(&only)),
            _ => None,
        }));
        assert_eq!(tagged, r#"["application/a", "application/b"] in 2"#, "{status}");
    }
    assert_eq!(show(Box::new(move |path| is_api(path).then(|| Reply::new(404, "")))), "[] in 2");
    // Hostile ones.
    let loops = show(Box::new(move |path| {
        let next = format!("<{path}x>; rel=next");
        is_api(path).then(|| of(r#"{"manifests":[]}"#).with("link", next))
    }));
    assert!(loops.contains("the list has more than 100 pages"), "{loops}");
    let elsewhere = only.clone();
    let elsewhere = show(Box::new(move |path| {
        is_api(path).then(|| of(&elsewhere).with("link", "<http://127.0.0.1:1/x>; rel=\"next\""))
    }));
    assert_eq!(elsewhere, r#"["application/a", "application/b"] in 1"#);
    let too_many = show(Box::new(move |path| is_api(path).then(|| of(&many))));
    assert!(too_many.contains("there are more than 10"), "{too_many}");
    let manifest = show(Box::new(move |path| {
        is_api(path).then(|| of(r#"{"config":{"mediaType":"x","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}}"#))
    }));
    assert!(manifest.contains("a manifest came, not a list"), "{manifest}");
}
