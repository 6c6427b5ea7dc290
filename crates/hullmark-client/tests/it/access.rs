//! Who may read: challenges, tokens, configuration files and helper programs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hullmark_client::options::{Credential, CredentialSource, Secret};
use hullmark_client::{Client, ClientOptions, Target};
use hullmark_testkit::registry::{Body, Reply, Server};

use crate::support::{open_with, quick, run, scripted, show_with, walk};

const GOOD: &str = "1 layers of 201728 bytes";
/// `user:secret`
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

fn password(prefix: &str) -> CredentialSource {
    CredentialSource::Fixed {
        prefix: prefix.into(),
        credential: Credential::Password { user: "user".into(), password: Secret::new("secret") },
    }
}

/// A registry that wants a token of a service, which `service` plays.
fn with_service(
    service: impl Fn(&hullmark_testkit::registry::Request) -> Reply + Send + Sync + 'static,
) -> (Server, Server) {
    let tokens = Server::start(service);
    let realm = format!("http://{}/token", tokens.host());
    let (server, _) = scripted(move |request, _| {
        if request.header("authorization") == "Bearer good" {
            return None;
        }
        let challenge =
            format!(r#"Bearer realm="{realm}",service="a registry",scope="repository:app:pull""#);
        Some(Reply::new(401, "").with("www-authenticate", challenge))
    });
    (server, tokens)
}

#[test]
fn a_token_is_fetched_once_and_used_for_all() {
    let (server, tokens) = with_service(|request| match request.header("authorization") {
        BASIC => Reply::new(200, r#"{"token":"good","expires_in":300}"#),
        _ => Reply::new(200, r#"{"access_token":"anonymous"}"#),
    });
    run(async {
        let options = ClientOptions { credentials: vec![password(server.host())], ..quick() };
        let client = Client::new(options);
        let target = Target::Registry(format!("{}/app:v1", server.host()).parse().unwrap());
        // Two sources of one client, sixteen readers.
        for _ in 0..2 {
            let source: std::sync::Arc<dyn hullmark_oci::ImageSource> =
                client.open(&target).await.unwrap().into();
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    let source = source.clone();
                    tokio::spawn(async move { walk(source.as_ref()).await })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap().as_deref(), Ok(GOOD));
            }
        }
        let asked = tokens.requests();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].path, "/token?service=a+registry&scope=repository%3Aapp%3Apull");
        // Somebody else's credentials are not sent here: the anonymous token is not enough.
        let options = ClientOptions { credentials: vec![password("elsewhere")], ..quick() };
        let name = format!("{}/app", server.host());
        assert_eq!(
            show_with(&options, &format!("{name}:v1")).await,
            format!(
                "{name}:v1: access was refused (HTTP 401; no credentials are configured for `{name}`)"
            )
        );
        assert_eq!(tokens.requests()[1].header("authorization"), "");
    });
}

#[test]
fn a_token_that_its_service_gives_no_life_is_used_all_the_same() {
    let (server, tokens) = with_service(|_| Reply::new(200, r#"{"token":"good","expires_in":0}"#));
    run(async {
        assert_eq!(show_with(&quick(), &format!("{}/app:v1", server.host())).await, GOOD);
    });
    assert_eq!(tokens.requests().len(), 1);
}

#[test]
fn a_refused_token_is_renewed_once() {
    let refusals = AtomicUsize::new(0);
    let (server, _) = scripted(move |request, _| {
        let challenge = Reply::new(401, "").with("www-authenticate", "Basic realm=x");
        match request.header("authorization") {
            "" => Some(challenge),
            // The credentials in use are refused once in the middle of things.
            _ if refusals.fetch_add(1, Ordering::Relaxed) == 1 => Some(challenge),
            _ => None,
        }
    });
    run(async {
        let options = ClientOptions { credentials: vec![password(server.host())], ..quick() };
        assert_eq!(show_with(&options, &format!("{}/app:v1", server.host())).await, GOOD);
        // Refused for ever: two requests, no more.
        let (server, _) =
            scripted(|_, _| Some(Reply::new(401, "").with("www-authenticate", "Basic realm=x")));
        let options = ClientOptions { credentials: vec![password(server.host())], ..quick() };
        let shown = show_with(&options, &format!("{}/app:v1", server.host())).await;
        assert!(shown.contains("access was refused (HTTP 401)"), "{shown}");
        assert_eq!(server.requests().len(), 2);
    });
}

#[test]
fn demands_that_cannot_be_met_are_refused() {
    run(async {
        for (header, want) in [
            (Some("Basic realm=x"), "it wants a password; no credentials are configured for"),
            (Some("Negotiate abc=="), "it asks for no kind of credentials that is known"),
            (None, "it asks for no kind of credentials that is known"),
            (
                Some(r#"Bearer realm="unterminated"#),
                "its demand for credentials cannot be read: the quoted value",
            ),
            (Some(r#"Bearer realm="a",realm="b""#), "is given twice"),
            (
                Some(r#"Bearer realm="no address""#),
                "its token service `no address` is not an address",
            ),
            (Some("Bearer service=x"), "its token service `` is not an address"),
            (Some(r#"Bearer realm="http://tokens.invalid/""#), "is not encrypted"),
            (Some(r#"Bearer realm="ftp://127.0.0.1/""#), "is not encrypted"),
            (Some(r#"Bearer realm="https://user:pass@127.0.0.1/""#), "has credentials in it"),
        ] {
            let (server, _) = scripted(move |_, _| {
                let reply = Reply::new(401, "");
                Some(match header {
                    Some(header) => reply.with("www-authenticate", header),
                    None => reply,
                })
            });
            let shown = show_with(&quick(), &format!("{}/app:v1", server.host())).await;
            assert!(shown.contains(want), "{header:?}: {shown}");
            assert_eq!(server.requests().len(), 1, "{header:?}");
        }
    });
}

#[test]
fn an_encrypted_registry_cannot_name_a_token_service_in_the_clear() {
    let authority = hullmark_testkit::registry::Authority::new();
    let tokens = Server::start(|_| Reply::new(200, r#"{"token":"good"}"#));
    let challenge = format!(r#"Bearer realm="http://{}/token""#, tokens.host());
    let server = Server::start_tls(&authority, move |_| {
        Reply::new(401, "").with("www-authenticate", challenge.clone())
    });
    run(async {
        let options = ClientOptions {
            authorities: vec![authority.pem().into()],
            credentials: vec![password(server.host())],
            ..quick()
        };
        let shown = show_with(&options, &format!("{}/app:v1", server.host())).await;
        assert!(shown.contains("is not encrypted"), "{shown}");
    });
    assert!(tokens.requests().is_empty());
}

#[test]
fn a_token_service_may_fail_in_many_ways() {
    run(async {
        for (name, reply, want) in [
            ("refuses", Reply::new(401, ""), "answers HTTP 401"),
            ("forbids", Reply::new(403, ""), "answers HTTP 403"),
            ("is missing", Reply::new(404, ""), "answers HTTP 404"),
            (
                "redirects",
                Reply::new(302, "").with("location", "http://127.0.0.1:1/"),
                "answers HTTP 302",
            ),
            ("is busy", Reply::new(503, ""), "HTTP 503 Service Unavailable (after 4 attempts)"),
            ("hangs up", Reply::new(200, "").body(Body::Hangup), "(after 4 attempts)"),
            ("is no service", Reply::new(200, "<html>"), "gives no token"),
            ("gives nothing", Reply::new(200, "{}"), "gives an empty token"),
            (
                "gives a header",
                Reply::new(200, r#"{"token":"a\r\nx: y"}"#),
                "characters that cannot be sent",
            ),
            ("is endless", Reply::new(200, "").body(Body::Endless), "more than 1048576 bytes"),
            (
                "gives another's",
                Reply::new(200, r#"{"token":"bad"}"#),
                "access was refused (HTTP 401",
            ),
        ] {
            let (server, tokens) = with_service(move |_| reply.clone());
            let shown = show_with(&quick(), &format!("{}/app:v1", server.host())).await;
            assert!(shown.contains(want), "{name}: {shown}");
            assert!(tokens.requests().len() <= 4, "{name}");
        }
    });
}

#[test]
fn an_identity_token_is_changed_for_an_access_token() {
    let (server, tokens) = with_service(|request| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let good = request.method == "POST"
            && form.contains("grant_type=refresh_token")
            && form.contains("refresh_token=id+entity")
            && form.contains("scope=repository%3Aapp%3Apull")
            && request.header("authorization").is_empty();
        if good { Reply::new(200, r#"{"access_token":"good"}"#) } else { Reply::new(400, "") }
    });
    run(async {
        for (token, want) in [("id entity", GOOD), ("other", "answers HTTP 400")] {
            let credential = Credential::Identity(Secret::new(token));
            let credentials =
                vec![CredentialSource::Fixed { prefix: server.host().into(), credential }];
            let options = ClientOptions { credentials, ..quick() };
            let shown = show_with(&options, &format!("{}/app:v1", server.host())).await;
            assert!(shown.contains(want), "{shown}");
        }
        let credential = Credential::Bearer(Secret::new("good"));
        let credentials =
            vec![CredentialSource::Fixed { prefix: server.host().into(), credential }];
        let before = tokens.requests().len();
        let options = ClientOptions { credentials, ..quick() };
        assert_eq!(show_with(&options, &format!("{}/app:v1", server.host())).await, GOOD);
        assert_eq!(
            tokens.requests().len(),
            before,
            "a registry token goes straight to the registry"
        );
    });
}

fn script(folder: &Path, name: &str, text: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn configuration_files_and_helpers_are_asked_in_order() {
    let (server, _) = scripted(|request, _| {
        (request.header("authorization") != BASIC)
            .then(|| Reply::new(401, "").with("www-authenticate", "Basic realm=x"))
    });
    let host = server.host().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let good = format!(
        r#"read server; test "$server" = "{host}" && echo '{{"ServerURL":"x","Username":"user","Secret":"secret"}}'"#
    );
    script(folder.path(), "good", &good);
    script(folder.path(), "bad", r#"echo '{"Username":"user","Secret":"wrong"}'"#);
    script(folder.path(), "none", "echo 'credentials not found in native keychain'; exit 1");
    script(folder.path(), "broken", "echo oops; exit 3");
    script(folder.path(), "slow", "exec sleep 60");
    script(folder.path(), "garbage", "echo hello");
    script(folder.path(), "endless", "exec cat /dev/zero");
    let auth = |key: &str, value: &str| format!(r#""auths":{{"{key}":{{"auth":"{value}"}}}}"#);
    let (right, wrong) = ("dXNlcjpzZWNyZXQ=", "dXNlcjp3cm9uZw==");
    let file = folder.path().join("config.json");
    run(async {
        for (config, want) in [
            (format!("{{{}}}", auth(&host, right)), GOOD),
            (format!("{{{}}}", auth(&format!("https://{host}/v1/"), right)), GOOD),
            (format!("{{{}}}", auth(&format!("{host}/app"), right)), GOOD),
            (format!("{{{}}}", auth(&host, wrong)), "access was refused (HTTP 401)"),
            (
                format!("{{{}}}", auth(&format!("{host}/other"), right)),
                "no credentials are configured",
            ),
            (
                format!(
                    r#"{{"auths":{{"{host}":{{"auth":"{wrong}"}},"{host}/app":{{"auth":"{right}"}}}}}}"#
                ),
                GOOD,
            ),
            (format!(r#"{{"credHelpers":{{"{host}":"good"}},{}}}"#, auth(&host, wrong)), GOOD),
            (format!(r#"{{"credsStore":"good","auths":{{"{host}":{{}}}}}}"#), GOOD),
            (format!(r#"{{"credsStore":"none",{}}}"#, auth(&host, right)), GOOD),
            (
                format!(r#"{{"credsStore":"bad",{}}}"#, auth(&host, right)),
                "access was refused (HTTP 401)",
            ),
            (
                r#"{"credsStore":"broken"}"#.into(),
                "the credential helper `broken` could not be run: it failed",
            ),
            (
                r#"{"credsStore":"slow"}"#.into(),
                "the credential helper `slow` did not answer in time",
            ),
            (
                r#"{"credsStore":"garbage"}"#.into(),
                "the credential helper `garbage` did not answer as expected",
            ),
            (
                r#"{"credsStore":"endless"}"#.into(),
                "the credential helper `endless` could not be run",
            ),
            (
                r#"{"credsStore":"missing"}"#.into(),
                "the credential helper `missing` could not be run",
            ),
            (r#"{"credsStore":"../evil"}"#.into(), "has no name of a program"),
            (format!(r#"{{"auths":{{"{host}":{{"auth":"!"}}}}}}"#), "is not base64"),
            ("{".into(), "not as expected at line 1"),
            ("{}".into(), "no credentials are configured"),
        ] {
            std::fs::write(&file, &config).unwrap();
            let mut options = quick();
            options.helper_folders = vec![folder.path().into()];
            options.timeouts.helper = Duration::from_millis(700);
            options.credentials = vec![
                CredentialSource::File(folder.path().join("not-there.json")),
                CredentialSource::File(file.clone()),
            ];
            let shown = show_with(&options, &format!("{host}/app:v1")).await;
            assert!(shown.contains(want), "{config}: {shown}");
            assert!(!shown.contains("wrong") && !shown.contains("secret"), "{shown}");
        }
        // A file before another: the first that knows the registry wins.
        std::fs::write(&file, format!("{{{}}}", auth(&host, wrong))).unwrap();
        let mut options = quick();
        options.credentials = vec![password(&host), CredentialSource::File(file.clone())];
        let source = open_with(&options, &format!("{host}/app:v1")).await;
        assert_eq!(walk(source.as_ref()).await.as_deref(), Ok(GOOD));
        assert!(!format!("{options:?}").contains("secret"));
    });
}
