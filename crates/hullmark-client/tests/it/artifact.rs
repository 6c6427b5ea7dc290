//! The database as an artifact: through a registry and through a file, only what changed, and twins that were tampered with.

use std::path::{Path, PathBuf};

use hullmark_advisory::Database;
use hullmark_advisory::compile::Update;
use hullmark_advisory::db::{MANIFEST, Manifest};
use hullmark_client::artifact::{self, ArtifactError, Installed, Rollback};
use hullmark_client::options::{Credential, CredentialSource, Secret};
use hullmark_client::push::Pushed;
use hullmark_client::{Client, ClientOptions, Target};
use hullmark_oci::layout::{INDEX, blob_path};
use hullmark_oci::{Descriptor, Digest, Limits, Reference, media_type};
use hullmark_testkit::registry::{Access, Authority, Registry, Reply, Server, Setup};

use crate::support::{chain, index_json, quick, run, write_layout};

const ECOSYSTEMS: [&str; 3] = ["Debian:12", "PyPI", "npm"];

/// Makes or changes a database: one record of each of these ecosystems, with a fix in this version.
fn fill(dir: &Path, ecosystems: &[&str], fixed: &str, at: &str) {
    let mut update = Update::begin(dir, &Limits::default()).unwrap();
    for ecosystem in ecosystems {
        let record = format!(
            r#"{{"id":"{}-1","modified":"{at}","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"left-pad"}},
                "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#,
            ecosystem.replace(':', "-")
        );
        update.record(record.as_bytes(), "test").unwrap();
        update.refreshed(ecosystem);
    }
    update.commit(at.parse().unwrap()).unwrap();
}

const MONDAY: &str = "2026-01-05T00:00:00Z";
const TUESDAY: &str = "2026-01-06T00:00:00Z";

struct Folders(tempfile::TempDir);

impl Folders {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A database of Monday.
    fn origin(&self) -> PathBuf {
        let dir = self.at("origin");
        fill(&dir, &ECOSYSTEMS, "1.0", MONDAY);
        dir
    }
}

async fn pull_with(
    options: &ClientOptions,
    from: &str,
    dir: &Path,
    rollback: Rollback,
) -> Result<Installed, ArtifactError> {
    let source = Client::new(options.clone()).open(&Target::parse(from).unwrap()).await?;
    let now = "2026-01-07T00:00:00Z".parse().unwrap();
    artifact::pull(source, dir, rollback, now, &|_, _| {}).await
}

/// Pulls, and says how it went.
fn pull(from: &str, dir: &Path) -> String {
    show(run(pull_with(&quick(), from, dir, Rollback::Refuse)))
}

fn show(result: Result<Installed, ArtifactError>) -> String {
    match result {
        Ok(done) => format!("{:?}, {} known, gone {:?}", done.fetched, done.known, done.gone),
        Err(error) => chain(&error),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    Database::open(b).unwrap().verify().unwrap();
    std::fs::read(a.join(MANIFEST)).unwrap() == std::fs::read(b.join(MANIFEST)).unwrap()
}

#[test]
fn a_registry_distributes_the_database_and_moves_only_what_changed() {
    let authority = Authority::new();
    for (access, authority) in
        [(Access::Open, None), (Access::Password, Some(&authority)), (Access::Token, None)]
    {
        let Some(registry) = Registry::start(Setup { access, authority }) else { return };
        let mut options = quick();
        options.authorities.extend(authority.map(|a| a.pem().as_bytes().to_vec()));
        options.credentials.extend(registry.login().map(|(user, password)| {
            CredentialSource::Fixed {
                prefix: registry.host().into(),
                credential: Credential::Password {
                    user: user.into(),
                    password: Secret::new(password),
                },
            }
        }));
        let folders = Folders::new();
        let (origin, copy) = (folders.origin(), folders.at("copy"));
        let name = format!("{}/security/advisories:latest", registry.host());
        let reference: Reference = name.parse().unwrap();
        let client = Client::new(options.clone());
        let push = || run(artifact::push(&client, &origin, &reference, &|_, _| {})).unwrap();
        let pull = || show(run(pull_with(&options, &name, &copy, Rollback::Refuse)));

        let first = push();
        assert_eq!((first.uploaded, first.known), (3, 0), "{access:?}");
        assert_eq!(pull(), r#"["Debian:12", "PyPI", "npm"], 0 known, gone []"#);
        assert!(same(&origin, &copy));
        // Nothing changed: nothing moves.
        let again = push();
        assert_eq!((again.uploaded, again.known, &again.digest), (0, 3, &first.digest));
        assert_eq!(pull(), "[], 3 known, gone []");
        // One segment changed: one moves.
        fill(&origin, &["npm"], "2.0", TUESDAY);
        let changed = push();
        assert_eq!((changed.uploaded, changed.known), (1, 2));
        assert_eq!(pull(), r#"["npm"], 2 known, gone []"#);
        assert!(same(&origin, &copy));

        // By its old digest it is older than what is there.
        let old = format!("{}@{}", reference.name(), first.digest);
        let refused = show(run(pull_with(&options, &old, &copy, Rollback::Refuse)));
        assert!(refused.contains("older than what is there"), "{refused}");
        assert!(same(&origin, &copy));
        let allowed = show(run(pull_with(&options, &old, &copy, Rollback::Allow)));
        assert!(allowed.contains("known, gone []"), "{allowed}");
        assert!(!same(&origin, &copy));

        if access != Access::Open {
            let stranger = Client::new(ClientOptions { credentials: Vec::new(), ..options });
            let refused = run(artifact::push(&stranger, &origin, &reference, &|_, _| {}));
            let refused = chain(&refused.unwrap_err());
            assert!(refused.contains("no credentials are configured for"), "{refused}");
        }
    }
}

#[test]
fn a_file_carries_the_database_and_is_the_same_every_time() {
    let folders = Folders::new();
    let (origin, copy) = (folders.origin(), folders.at("copy"));
    let (one, two) = (folders.at("one.tar"), folders.at("two.tar"));
    let digest = artifact::export(&origin, &one).unwrap();
    assert_eq!(artifact::export(&origin, &two).unwrap(), digest);
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    let from = format!("oci-archive:{}", one.display());
    assert_eq!(pull(&from, &copy), r#"["Debian:12", "PyPI", "npm"], 0 known, gone []"#);
    assert!(same(&origin, &copy));
    assert_eq!(pull(&from, &copy), "[], 3 known, gone []");
    // What the artifact does not have is no part of the database any more; a damaged segment comes again.
    let other = folders.at("other");
    fill(&other, &["Alpine:v3.20", "npm"], "0.5", "2026-01-04T00:00:00Z");
    let said = pull(&from, &other);
    assert_eq!(said, r#"["Debian:12", "PyPI", "npm"], 0 known, gone ["Alpine:v3.20"]"#);
    let segment = Manifest::read(&copy).unwrap().segments[1].path(&copy);
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    assert_eq!(pull(&from, &copy), r#"["PyPI"], 2 known, gone []"#);
    assert!(same(&origin, &copy));
    // A damaged database is not handed on.
    std::fs::write(Manifest::read(&origin).unwrap().segments[1].path(&origin), &bytes).unwrap();
    let third = folders.at("three.tar");
    let error = chain(&artifact::export(&origin, &third).unwrap_err());
    assert!(error.contains("segment `PyPI` of the advisory database cannot be used"), "{error}");
    assert!(!third.exists());
}

/// An artifact in pieces, to be put together wrongly.
struct Pieces {
    database: Manifest,
    segments: Vec<Vec<u8>>,
    layers: Vec<Descriptor>,
    artifact_type: &'static str,
}

impl Pieces {
    fn of(dir: &Path) -> Self {
        let database = Manifest::read(dir).unwrap();
        let segments: Vec<Vec<u8>> =
            database.segments.iter().map(|s| std::fs::read(s.path(dir)).unwrap()).collect();
        let layers = segments.iter().map(|s| Descriptor::of(artifact::SEGMENT_LAYER, s)).collect();
        Self { database, segments, layers, artifact_type: artifact::ARTIFACT_TYPE }
    }

    fn write(&self, folder: &Path) -> String {
        let index = self.database.to_json();
        let mut layers = vec![Descriptor::of(artifact::MANIFEST_LAYER, &index)];
        layers.extend(self.layers.iter().cloned());
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "artifactType": self.artifact_type,
            "config": Descriptor::of(media_type::OCI_EMPTY, b"{}"), "layers": layers,
        });
        let manifest = manifest.to_string().into_bytes();
        let top = Descriptor::of(media_type::OCI_MANIFEST, &manifest);
        let mut blobs: Vec<&[u8]> = vec![b"{}", &index, &manifest];
        blobs.extend(self.segments.iter().map(Vec::as_slice));
        write_layout(folder, &index_json(&[&top]), &blobs);
        format!("oci:{}", folder.display())
    }
}

#[test]
fn every_tampered_twin_is_refused_for_its_own_reason_and_changes_nothing() {
    type Tamper = fn(&mut Pieces);
    let cases: [(&str, Tamper, &str); 12] = [
        ("type", |p| p.artifact_type = "application/vnd.example", "its artifact type is"),
        ("missing layer", |p| drop(p.layers.remove(1)), "segment `PyPI` is missing"),
        (
            "stray layer",
            |p| {
                p.segments.push(b"more".to_vec());
                p.layers.push(Descriptor::of(artifact::SEGMENT_LAYER, b"more"));
            },
            "is no segment that the manifest names",
        ),
        (
            "other content",
            |p| {
                p.segments[0] = b"evil".to_vec();
                p.layers[0] = Descriptor::of(artifact::SEGMENT_LAYER, b"evil");
            },
            "segment `Debian:12` is missing",
        ),
        (
            "no segment",
            |p| {
                p.segments[0] = b"evil".to_vec();
                p.layers[0] = Descriptor::of(artifact::SEGMENT_LAYER, b"evil");
                p.database.segments[0].digest = Digest::sha256(b"evil");
                p.database.segments[0].size = 4;
            },
            "segment `Debian:12` of the advisory database cannot be used",
        ),
        (
            "swapped",
            |p| {
                let (a, b) = (p.database.segments[0].clone(), p.database.segments[1].clone());
                p.database.segments[0].digest = b.digest;
                p.database.segments[0].size = b.size;
                p.database.segments[1].digest = a.digest;
                p.database.segments[1].size = a.size;
            },
            "cannot be used",
        ),
        (
            "flipped and renamed",
            |p| {
                // The digests are right; only the segment's own checksums can tell.
                let middle = p.segments[2].len() / 2;
                p.segments[2][middle] ^= 1;
                p.layers[2] = Descriptor::of(artifact::SEGMENT_LAYER, &p.segments[2]);
                p.database.segments[2].digest = p.layers[2].digest.clone();
            },
            "segment `npm` of the advisory database cannot be used",
        ),
        (
            "twice",
            |p| {
                let mut twin = p.database.segments[0].clone();
                twin.digest = p.database.segments[1].digest.clone();
                twin.size = p.database.segments[1].size;
                p.database.segments.push(twin);
            },
            "segment `Debian:12` is there twice",
        ),
        ("size", |p| p.database.segments[0].size += 1, "segment `Debian:12` is missing"),
        ("huge", |p| p.database.segments[0].size = 1 << 40, "bytes, more than"),
        ("format", |p| p.database.format = 99, "manifest has format 99"),
        (
            "future",
            |p| p.database.updated = Some("2999-01-01T00:00:00Z".parse().unwrap()),
            "2999-01-01T00:00:00Z, which has not come yet",
        ),
    ];
    let folders = Folders::new();
    let origin = folders.origin();
    // Segments that a failed pull brought stay for the next one, so that each case has a copy of its own.
    let fresh = |name: &str| {
        let copy = folders.at(&format!("copy {name}"));
        fill(&copy, &["npm"], "0.1", "2026-01-01T00:00:00Z");
        copy
    };
    let before = std::fs::read(fresh("untouched").join(MANIFEST)).unwrap();
    for (what, tamper, want) in cases {
        let copy = fresh(what);
        let mut pieces = Pieces::of(&origin);
        tamper(&mut pieces);
        let said = pull(&pieces.write(&folders.at(what)), &copy);
        assert!(said.contains(want), "{what}: {said}");
        assert_eq!(std::fs::read(copy.join(MANIFEST)).unwrap(), before, "{what}");
        Database::open(&copy).unwrap().verify().unwrap();
    }
    let copy = fresh("last");
    // A flipped byte in a blob, under its old digest.
    let pieces = Pieces::of(&origin);
    let from = pieces.write(&folders.at("flipped"));
    let blob = folders.at("flipped").join(blob_path(&pieces.layers[0].digest));
    let mut bytes = std::fs::read(&blob).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let said = pull(&from, &copy);
    assert!(said.contains("segment `Debian:12`: content has digest"), "{said}");
    // A segment that went back in time inside a newer database.
    let mut pieces = Pieces::of(&origin);
    pieces.database.segments[2].updated = Some("2025-12-31T00:00:00Z".parse().unwrap());
    let said = pull(&pieces.write(&folders.at("back")), &copy);
    assert!(said.starts_with("segment `npm` is of 2025-12-31T00:00:00Z, older than"), "{said}");
    // An image is no database, and the honest twin is one.
    let image = folders.at("image");
    let tiny = crate::support::tiny_image("x");
    let blobs: [&[u8]; 3] = [&tiny.config, &tiny.layer, &tiny.manifest];
    write_layout(&image, &index_json(&[&tiny.descriptor]), &blobs);
    let said = pull(&format!("oci:{}", image.display()), &copy);
    assert!(said.contains("`application/vnd.oci.image.config.v1+json`, expected"), "{said}");
    assert!(image.join(INDEX).exists());
    let said = pull(&Pieces::of(&origin).write(&folders.at("honest")), &copy);
    assert_eq!(said, r#"["Debian:12", "PyPI", "npm"], 0 known, gone []"#);
    assert!(same(&origin, &copy));
}

#[test]
fn uploads_survive_a_bad_moment_and_go_nowhere_they_should_not() {
    let content = bytes(b"content");
    let at = Descriptor::of("application/octet-stream", &content);
    let blob = |script: fn(usize, &str) -> Reply| {
        let server = Server::start({
            let puts = std::sync::atomic::AtomicUsize::new(0);
            move |request| match request.method.as_str() {
                "HEAD" => Reply::new(404, ""),
                "PUT" => {
                    let count = puts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    script(count, "PUT")
                }
                method => script(0, method),
            }
        });
        let reference: Reference = format!("{}/app:v1", server.host()).parse().unwrap();
        let client = Client::new(quick());
        let pushed = run(client.pusher(&reference).blob(&at, content.clone()));
        let puts = server.requests().into_iter().filter(|r| r.method == "PUT").count();
        (pushed.map_err(|e| chain(&e)), puts)
    };
    let (pushed, puts) = blob(|count, method| match (method, count) {
        ("POST", _) => Reply::new(202, "").with("location", "/v2/app/blobs/uploads/1?state=x"),
        (_, 0) => Reply::new(503, ""),
        _ => Reply::new(201, ""),
    });
    assert_eq!((pushed, puts), (Ok(Pushed::Uploaded), 2));
    for (script, want) in [
        ((|_, _| Reply::new(202, "")) as fn(usize, &str) -> Reply, "does not say where"),
        (|_, _| Reply::new(202, "").with("location", "http://203.0.113.9/up"), "may not be spoken"),
        (
            |_, _| Reply::new(202, "").with("location", "https://u:p@h.example/"),
            "credentials in it",
        ),
        (|_, _| Reply::new(403, ""), "access was refused"),
        (|_, _| Reply::new(500, ""), "HTTP 500"),
    ] {
        let (pushed, puts) = blob(script);
        let error = pushed.unwrap_err();
        assert!(error.contains(want), "{error}");
        assert_eq!(puts, 0);
    }
    // What is not what it is called does not leave this machine.
    let server = Server::start(|_| Reply::new(200, ""));
    let reference: Reference = format!("{}/app:v1", server.host()).parse().unwrap();
    let client = Client::new(quick());
    let wrong = run(client.pusher(&reference).blob(&at, bytes(b"c0ntent"))).unwrap_err();
    assert!(chain(&wrong).contains("content has digest"));
    let named = reference.with_digest(Digest::sha256(b"other"));
    let wrong = run(client.pusher(&named).manifest(media_type::OCI_MANIFEST, bytes(b"{}")));
    assert!(chain(&wrong.unwrap_err()).contains("content has digest"));
    assert!(server.requests().is_empty());
}

fn bytes(content: &'static [u8]) -> bytes::Bytes {
    bytes::Bytes::from_static(content)
}
