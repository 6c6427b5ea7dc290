//! Retries, redirects, mirrors, encryption and its refusals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hullmark_client::options::{
    ClientCertificate, Credential, CredentialSource, Mirror, MirrorScope, Network, Proxy, Secret,
};
use hullmark_client::{Client, ClientOptions, Target};
use hullmark_oci::Digest;
use hullmark_testkit::registry::{Authority, Body, Reply, Server};

use crate::support::{open_with, quick, run, scripted, show_with, tiny_image, walk};

const GOOD: &str = "1 layers of 201728 bytes";

#[test]
fn what_passes_is_tried_again() {
    let count = AtomicUsize::new(0);
    let (server, _) = scripted(move |_, _| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Some(Reply::new(503, "busy")),
        1 => Some(Reply::new(429, "").with("retry-after", "1")),
        2 => Some(Reply::new(200, "").body(Body::Hangup)),
        4 | 6 => Some(Reply::new(500, "")),
        _ => None,
    });
    let start = Instant::now();
    run(async {
        assert_eq!(show_with(&quick(), &format!("{}/app:v1", server.host())).await, GOOD);
    });
    assert!(start.elapsed() >= Duration::from_secs(1), "it did not wait as it was told");
}

#[test]
fn what_lasts_is_not_tried_for_ever() {
    run(async {
        for (reply, want, requests) in [
            (
                Reply::new(503, "{\"errors\":[{\"code\":\"BUSY\",\"message\":\"later\"}]}"),
                "HTTP 503 BUSY: later (after 4 attempts)",
                4,
            ),
            (Reply::new(429, "").with("retry-after", "3600"), "it asks to wait 3600 seconds", 1),
            (
                Reply::new(429, "").with("retry-after", "99999999999999999999"),
                "(after 4 attempts)",
                4,
            ),
            (Reply::new(404, ""), "was not found", 1),
            (Reply::new(403, ""), "access was refused (HTTP 403)", 1),
        ] {
            let (server, _) = scripted(move |_, _| Some(reply.clone()));
            let shown = show_with(&quick(), &format!("{}/app:v1", server.host())).await;
            assert!(shown.contains(want), "{shown}");
            assert_eq!(server.requests().len(), requests, "{want}");
        }
    });
}

#[test]
fn offline_means_that_no_packet_is_sent() {
    let (server, _) = scripted(|_, _| None);
    run(async {
        let options = ClientOptions { network: Network::Offline, ..quick() };
        let source = open_with(&options, &format!("{}/app:v1", server.host())).await;
        let error = source.resolve().await.unwrap_err().to_string();
        assert!(error.contains("working offline: no packet is sent"), "{error}");
    });
    assert!(server.requests().is_empty());
}

fn redirecting(to: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    let (server, _) = scripted(move |request, served| {
        // Credentials are wanted, so that there is something to leak.
        if request.header("authorization").is_empty() {
            return Some(Reply::new(401, "").with("www-authenticate", "Basic realm=x"));
        }
        served
            .is_layer(&request.path)
            .then(|| Reply::new(307, "").with("location", to(&request.path)))
    });
    server
}

fn with_password(mut options: ClientOptions, host: &str) -> ClientOptions {
    options.credentials.push(CredentialSource::Fixed {
        prefix: host.into(),
        credential: Credential::Password { user: "user".into(), password: Secret::new("secret") },
    });
    options
}

#[test]
fn credentials_do_not_follow_a_redirect_elsewhere() {
    let (elsewhere, _) = scripted(|_, _| None);
    let host = elsewhere.host().to_owned();
    let server = redirecting(move |path| format!("http://{host}{path}"));
    run(async {
        let options = with_password(quick(), server.host());
        assert_eq!(show_with(&options, &format!("{}/app:v1", server.host())).await, GOOD);
    });
    let seen = elsewhere.requests();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|r| r.header("authorization").is_empty()), "{seen:?}");
    // The twin: within one origin they do follow, or nothing would come.
    let server = redirecting(move |path| format!("{path}?again"));
    run(async {
        let options = with_password(quick(), server.host());
        let shown = show_with(&options, &format!("{}/app:v1", server.host())).await;
        assert!(shown.contains("it redirects more than 5 times"), "{shown}");
    });
    let layer = server.requests().into_iter().filter(|r| r.path.contains("again"));
    assert!(layer.inspect(|r| assert!(!r.header("authorization").is_empty())).count() == 5);
}

#[test]
fn a_server_elsewhere_cannot_ask_for_credentials() {
    let (elsewhere, _) =
        scripted(|_, _| Some(Reply::new(401, "").with("www-authenticate", "Basic realm=evil")));
    let host = elsewhere.host().to_owned();
    let server = redirecting(move |path| format!("http://{host}{path}"));
    run(async {
        let mut options = with_password(quick(), server.host());
        options = with_password(options, elsewhere.host());
        let shown = show_with(&options, &format!("{}/app:v1", server.host())).await;
        assert!(shown.contains("access was refused (HTTP 401"), "{shown}");
    });
    assert!(elsewhere.requests().iter().all(|r| r.header("authorization").is_empty()));
}

#[test]
fn redirects_never_weaken_the_connection() {
    let authority = Authority::new();
    run(async {
        for (location, want) in [
            ("http://127.0.0.1:1/x", "it redirects to `127.0.0.1:1` without encryption"),
            ("ftp://127.0.0.1/x", "it redirects to something that is not HTTP"),
            ("file:///etc/passwd", "it redirects to something that is not HTTP"),
            ("https://user:pass@127.0.0.1/x", "it redirects to an address with credentials in it"),
            ("https://[", "it redirects to nowhere"),
        ] {
            let server = Server::start_tls(&authority, move |_| {
                Reply::new(302, "").with("location", location)
            });
            let options = ClientOptions { authorities: vec![authority.pem().into()], ..quick() };
            let shown = show_with(&options, &format!("{}/app:v1", server.host())).await;
            assert!(shown.contains(want), "{location}: {shown}");
            assert_eq!(server.requests().iter().filter(|r| r.path.contains("app")).count(), 1);
        }
        let (plain, _) = scripted(|_, _| {
            Some(Reply::new(302, "").with("location", "http://registry.invalid/x"))
        });
        let shown = show_with(&quick(), &format!("{}/app:v1", plain.host())).await;
        assert!(
            shown.contains("`registry.invalid`, which may not be spoken to without encryption"),
            "{shown}"
        );
    });
}

#[test]
fn certificates_are_checked_and_shown_to_their_registry_only() {
    let (authority, other) = (Authority::new(), Authority::new());
    let image = tiny_image("x");
    let manifest = image.manifest.clone();
    let answer = move |_: &hullmark_testkit::registry::Request| Reply::new(200, manifest.clone());
    let server = Server::start_tls(&authority, answer.clone());
    let resolve = |options: ClientOptions, host: String| async move {
        let source = open_with(&options, &format!("{host}/app:v1")).await;
        match source.resolve().await {
            Ok(top) => top.descriptor.digest.to_string(),
            Err(error) => error.to_string(),
        }
    };
    let trusting = |authority: &Authority| ClientOptions {
        authorities: vec![authority.pem().into()],
        ..quick()
    };
    let good = image.descriptor.digest.to_string();
    run(async {
        let host = server.host().to_owned();
        assert_eq!(resolve(trusting(&authority), host.clone()).await, good);
        for options in [quick(), trusting(&other)] {
            let shown = resolve(options, host.clone()).await;
            assert!(shown.contains("certificate"), "{shown}");
            assert!(!shown.contains("attempts"), "tried again: {shown}");
        }
        for (pem, want) in [("", "holds no certificate"), ("not PEM", "holds no certificate")] {
            let options = ClientOptions { authorities: vec![pem.into()], ..quick() };
            let shown = resolve(options, host.clone()).await;
            assert!(shown.contains(want), "{shown}");
        }
        // A registry that wants our certificate.
        let demanding = Authority::new().demanding_certificates();
        let server = Server::start_tls(&demanding, answer);
        let host = server.host().to_owned();
        let (certificate, key) = demanding.issue();
        let pem = Secret::new(format!("{certificate}{key}"));
        let of = |host: &str| {
            BTreeMap::from([(host.to_owned(), ClientCertificate { pem: pem.clone() })])
        };
        let options = ClientOptions { client_certificates: of(&host), ..trusting(&demanding) };
        assert_eq!(resolve(options, host.clone()).await, good);
        let options =
            ClientOptions { client_certificates: of("elsewhere"), ..trusting(&demanding) };
        let shown = resolve(options, host.clone()).await;
        assert_ne!(shown, good);
    });
}

#[test]
fn plain_http_is_for_loopback_and_named_registries() {
    run(async {
        // A proxy sees what is tried, so that no name is looked up.
        let (proxy, _) = scripted(|_, _| Some(Reply::new(403, "")));
        let mut options = quick();
        options.proxy = Proxy::Url(format!("http://{}", proxy.host()));
        options.retry.attempts = 1;
        show_with(&options, "registry.invalid/app:v1").await;
        options.dangerous_plain_http = vec!["registry.invalid".into()];
        show_with(&options, "registry.invalid/app:v1").await;
        show_with(&options, "other.registry.invalid/app:v1").await;
        show_with(&options, "registry.invalid:8080/app:v1").await;
        let seen: Vec<_> =
            proxy.requests().into_iter().map(|r| format!("{} {}", r.method, r.path)).collect();
        assert_eq!(
            seen,
            [
                "CONNECT registry.invalid:443",
                "GET http://registry.invalid/v2/app/manifests/v1",
                "CONNECT other.registry.invalid:443",
                "CONNECT registry.invalid:8080",
            ]
        );
        options.proxy = Proxy::Direct;
        let (server, _) = scripted(|_, _| None);
        let port = server.host().rsplit(':').next().unwrap();
        let by_name = format!("localhost:{port}/app:v1");
        options.dangerous_plain_http = vec![format!("localhost:{port}")];
        assert_eq!(show_with(&options, &by_name).await, GOOD);
        options.dangerous_plain_http.clear();
        assert_eq!(show_with(&options, &by_name).await, GOOD);
    });
}

#[test]
fn a_proxy_is_used_for_all_but_loopback() {
    let (proxy, served) = scripted(|request, served| {
        request.path.strip_prefix("http://registry.invalid").map(|path| served.answer(path))
    });
    run(async {
        let mut options = quick();
        options.proxy = Proxy::Url(format!("http://{}", proxy.host()));
        options.dangerous_plain_http = vec!["registry.invalid".into()];
        assert_eq!(show_with(&options, "registry.invalid/app:v1").await, GOOD);
        let seen = proxy.requests().len();
        let (server, _) = scripted(|_, _| None);
        assert_eq!(show_with(&options, &format!("{}/app:v1", server.host())).await, GOOD);
        assert_eq!(proxy.requests().len(), seen);
        assert!(served.is_layer(&proxy.requests()[seen - 1].path));
    });
}

fn mirrored(registry: &str, mirrors: &[(&str, MirrorScope)]) -> ClientOptions {
    let mirrors = mirrors
        .iter()
        .map(|(host, scope)| Mirror { host: (*host).to_owned(), prefix: None, scope: *scope })
        .collect();
    ClientOptions { mirrors: BTreeMap::from([(registry.to_owned(), mirrors)]), ..quick() }
}

#[test]
fn mirrors_are_asked_first_and_never_trusted() {
    run(async {
        // A mirror that has everything: the registry is not asked.
        let (registry, served) = scripted(|_, _| None);
        let (mirror, _) = scripted(|_, _| None);
        let options = mirrored(registry.host(), &[(mirror.host(), MirrorScope::All)]);
        let name = format!("{}/app:v1", registry.host());
        assert_eq!(show_with(&options, &name).await, GOOD);
        assert_eq!(registry.requests().len(), 0);
        assert!(mirror.requests()[0].path.contains("?ns="), "{:?}", mirror.requests()[0].path);

        // One for digests only: the tag is asked of the registry, the rest of the mirror.
        let (registry, _) = scripted(|_, _| None);
        let options = mirrored(registry.host(), &[(mirror.host(), MirrorScope::Digests)]);
        assert_eq!(show_with(&options, &format!("{}/app:v1", registry.host())).await, GOOD);
        assert_eq!(registry.requests().len(), 1);

        // A mirror that keeps things under a prefix of its own.
        let (registry, _) = scripted(|_, _| None);
        let (prefixed, _) = scripted(|request, served| {
            request
                .path
                .strip_prefix("/v2/cache/hub")
                .map(|rest| served.answer(&format!("/v2{rest}")))
        });
        let mut options = mirrored(registry.host(), &[(prefixed.host(), MirrorScope::All)]);
        for mirror in options.mirrors.values_mut().flatten() {
            mirror.prefix = Some("cache/hub".into());
        }
        assert_eq!(show_with(&options, &format!("{}/app:v1", registry.host())).await, GOOD);
        assert_eq!(registry.requests().len(), 0);

        // Mirrors that are dead, empty, broken, forbidding or lying are passed over.
        let digest = served.image.descriptor.digest.clone();
        for (name, reply) in [
            ("empty", Reply::new(404, "")),
            ("broken", Reply::new(500, "")),
            ("forbidding", Reply::new(403, "")),
            ("lying", Reply::new(200, "{}")),
            ("hanging up", Reply::new(200, "").body(Body::Hangup)),
        ] {
            let (mirror, _) = scripted(move |_, _| Some(reply.clone()));
            let (registry, _) = scripted(|_, _| None);
            let mirrors = [("127.0.0.1:1", MirrorScope::All), (mirror.host(), MirrorScope::All)];
            let options = mirrored(registry.host(), &mirrors);
            let reference = format!("{}/app@{digest}", registry.host());
            let source = open_with(&options, &reference).await;
            assert_eq!(source.resolve().await.unwrap().descriptor.digest, digest, "{name}");
            if name != "lying" {
                assert_eq!(walk(source.as_ref()).await.as_deref(), Ok(GOOD), "{name}");
            }
        }
    });
}

#[test]
fn a_transfer_that_breaks_at_a_mirror_goes_on_at_the_registry() {
    let (registry, served) = scripted(|_, _| None);
    let broken = AtomicUsize::new(0);
    let (mirror, _) = scripted(move |request, served| {
        if !served.is_layer(&request.path) {
            return None;
        }
        Some(if broken.fetch_add(1, Ordering::Relaxed) == 0 {
            let layer = &served.image.layer;
            let content = layer[..1000].to_vec();
            Reply::new(200, "").body(Body::Lying { length: layer.len() as u64, content })
        } else {
            Reply::new(503, "")
        })
    });
    run(async {
        let options = mirrored(registry.host(), &[(mirror.host(), MirrorScope::All)]);
        assert_eq!(show_with(&options, &format!("{}/app:v1", registry.host())).await, GOOD);
    });
    let asked = registry.requests();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(served.is_layer(&asked[0].path));
    assert_eq!(asked[0].header("range"), "bytes=1000-");
}

#[test]
fn a_client_is_shared_by_many_requests() {
    let (server, served) = scripted(|_, _| None);
    let client = Client::new(quick());
    run(async {
        let target = Target::Registry(format!("{}/app:v1", server.host()).parse().unwrap());
        let source: std::sync::Arc<dyn hullmark_oci::ImageSource> =
            client.open(&target).await.unwrap().into();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let source = source.clone();
                tokio::spawn(async move { walk(source.as_ref()).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().as_deref(), Ok(GOOD));
        }
        assert_eq!(source.name(), format!("{}/app:v1", server.host()));
        assert!(source.referrers(&Digest::sha256(b"x")).await.unwrap().is_empty());
    });
    assert!(!served.image.layer.is_empty());
}
