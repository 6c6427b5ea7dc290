//! Updates from a scripted mirror and from a folder: the first one, what changed, what is gone, and mirrors that lie.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use hullmark_advisory::Database;
use hullmark_advisory::db::Manifest;
use hullmark_client::feed::{self, Feed, FeedError, Request, Updated};
use hullmark_client::options::{Credential, CredentialSource, Network, Secret};
use hullmark_client::{Client, ClientOptions};
use hullmark_oci::{Digest, Limits};
use hullmark_testkit::registry::{Body, Reply, Server};

use crate::support::{chain, quick, run};

/// A web server with files, which knows entity tags.
struct Mirror {
    server: Server,
    files: Arc<Mutex<BTreeMap<String, Reply>>>,
}

impl Mirror {
    fn start() -> Self {
        let files: Arc<Mutex<BTreeMap<String, Reply>>> = Arc::default();
        let served = files.clone();
        let server = Server::start(move |request| {
            let files = served.lock().unwrap();
            let Some(reply) = files.get(&request.path) else { return Reply::new(404, "gone") };
            let Body::Whole(content) = &reply.body else { return reply.clone() };
            let tag = format!("\"{}\"", Digest::sha256(content).short());
            if reply.status == 200 && request.header("if-none-match") == tag {
                return Reply::new(304, "");
            }
            reply.clone().with("etag", tag)
        });
        Self { server, files }
    }

    fn reply(&self, path: &str, reply: Reply) {
        self.files.lock().unwrap().insert(path.into(), reply);
    }

    fn put(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.reply(path, Reply::new(200, content));
    }

    fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(path);
    }

    /// Publishes records as the export does: the archive, the list, and each on its own.
    fn publish(&self, ecosystem: &str, records: &[(&str, u32)]) {
        self.put(&format!("/{ecosystem}/all.zip"), archive(ecosystem, records));
        self.change(ecosystem, records);
    }

    /// As [`Self::publish`], but the archive stays behind.
    fn change(&self, ecosystem: &str, records: &[(&str, u32)]) {
        self.put(&format!("/{ecosystem}/modified_id.csv"), list(records));
        for (id, day) in records {
            self.put(&format!("/{ecosystem}/{id}.json"), record(ecosystem, id, *day));
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.host())
    }

    /// The requests since `from`, without the greeting of loopback servers.
    fn requests(&self, from: usize) -> Vec<String> {
        self.server.requests().into_iter().skip(from).map(|r| r.path).collect()
    }
}

fn record(ecosystem: &str, id: &str, day: u32) -> String {
    let ecosystem = if ecosystem == "Debian" { "Debian:12" } else { ecosystem };
    format!(
        r#"{{"id":"{id}","modified":"2026-01-{day:02}T00:00:00Z","published":"2026-01-01T00:00:00Z",
            "affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"left-pad"}},
            "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"1.{day}.0"}}]}}]}}]}}"#
    )
}

fn list(records: &[(&str, u32)]) -> String {
    let mut records = records.to_vec();
    records.sort_by_key(|(_, day)| std::cmp::Reverse(*day));
    records.iter().map(|(id, day)| format!("2026-01-{day:02}T00:00:00Z,{id}\n")).collect()
}

fn archive(ecosystem: &str, records: &[(&str, u32)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (id, day) in records {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(format!("{id}.json"), options).unwrap();
        zip.write_all(record(ecosystem, id, *day).as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn request(database: &Path, base: &str, feeds: &[&str]) -> Request {
    Request {
        database: database.into(),
        export: base.into(),
        kev: format!("{base}/kev.json"),
        epss: format!("{base}/epss.csv.gz"),
        feeds: feeds.iter().map(|name| Feed::parse(name).unwrap()).collect(),
        now: "2026-02-01T00:00:00Z".parse().unwrap(),
        limits: Limits::default(),
        progress: Arc::new(|_| {}),
    }
}

type Results = Vec<(Feed, Result<Updated, FeedError>)>;

fn update_with(options: ClientOptions, request: &Request) -> Result<Results, FeedError> {
    run(feed::update(&Client::new(options), request))
}

/// Updates, and says how each feed went.
fn update(database: &Path, base: &str, feeds: &[&str]) -> String {
    show(update_with(quick(), &request(database, base, feeds)))
}

fn show(results: Result<Results, FeedError>) -> String {
    let line = |(feed, result): (Feed, Result<Updated, FeedError>)| match result {
        Ok(Updated { how, report }) => {
            let problems: Vec<_> = report.problems.iter().map(|p| p.reason.as_str()).collect();
            format!("{}: {how:?} {:?} {}", feed.name(), report.changed, problems.join("; "))
        }
        Err(error) => format!("{}: {}", feed.name(), chain(&error)),
    };
    match results {
        Ok(results) => results.into_iter().map(line).collect::<Vec<_>>().join("\n"),
        Err(error) => chain(&error),
    }
}

/// The records of a database, with the day of their last change.
fn held(database: &Path) -> String {
    let database = match Database::open(database) {
        Ok(database) => database,
        Err(error) => return chain(&error),
    };
    database.verify().unwrap();
    let mut ids: Vec<String> = database
        .segments()
        .iter()
        .filter(|segment| segment.ecosystem().is_some())
        .flat_map(|segment| segment.records().map(Result::unwrap))
        .map(|r| format!("{}@{}", r.id, r.modified.unwrap() / 86_400_000 - 20_453))
        .collect();
    ids.sort();
    ids.join(" ")
}

#[test]
fn the_first_update_fetches_everything_and_the_next_only_what_changed() {
    let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
    let at = folder.path();
    mirror.publish("npm", &[("A-1", 1), ("A-2", 2), ("A-3", 3)]);
    let go = || update(at, &mirror.url(), &["npm"]);
    let seen = || mirror.server.requests().len();

    assert_eq!(go(), r#"npm: Complete ["npm"] "#);
    assert_eq!(held(at), "A-1@1 A-2@2 A-3@3");
    assert_eq!(mirror.requests(0), ["/npm/modified_id.csv", "/npm/all.zip"]);

    // Nothing changed: one question, and the segment counts as up to date.
    let before = seen();
    let mut later = request(at, &mirror.url(), &["npm"]);
    later.now = "2026-02-09T00:00:00Z".parse().unwrap();
    assert_eq!(show(update_with(quick(), &later)), "npm: Current [] ");
    assert_eq!(mirror.requests(before), ["/npm/modified_id.csv"]);
    assert_eq!(Manifest::read(at).unwrap().segments[0].updated, Some(later.now));

    // One changed, one is new, one is gone; the archive is not asked for.
    let before = seen();
    mirror.change("npm", &[("A-1", 1), ("A-2", 5), ("A-4", 4)]);
    assert_eq!(go(), r#"npm: Changes { fetched: 2, forgotten: 1 } ["npm"] "#);
    assert_eq!(held(at), "A-1@1 A-2@5 A-4@4");
    let mut requests = mirror.requests(before);
    requests.sort();
    assert_eq!(requests, ["/npm/A-2.json", "/npm/A-4.json", "/npm/modified_id.csv"]);

    // What the memory says is a hint: without it, and after an import, the outcome is the same.
    std::fs::write(at.join("feeds.json"), "{").unwrap();
    let before = seen();
    assert_eq!(go(), "npm: Current [] ");
    assert_eq!(mirror.requests(before), ["/npm/modified_id.csv"]);
    assert_eq!(held(at), "A-1@1 A-2@5 A-4@4");

    // A record with an old date that turns up late is fetched all the same.
    mirror.change("npm", &[("A-0", 1), ("A-1", 1), ("A-2", 5), ("A-4", 4)]);
    assert_eq!(go(), r#"npm: Changes { fetched: 1, forgotten: 0 } ["npm"] "#);
    assert_eq!(held(at), "A-0@1 A-1@1 A-2@5 A-4@4");
}

#[test]
fn an_archive_older_than_the_list_is_completed_and_without_a_list_there_is_the_archive() {
    let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
    let at = folder.path();
    mirror.publish("npm", &[("A-1", 1), ("A-2", 2)]);
    mirror.change("npm", &[("A-1", 1), ("A-2", 4), ("A-3", 3)]);
    let go = || update(at, &mirror.url(), &["npm"]);
    assert_eq!(go(), r#"npm: Complete ["npm"] "#);
    assert_eq!(held(at), "A-1@1 A-2@4 A-3@3");

    mirror.remove("/npm/modified_id.csv");
    mirror.put("/npm/all.zip", archive("npm", &[("A-1", 1), ("A-9", 9)]));
    assert_eq!(go(), r#"npm: Complete ["npm"] "#);
    assert_eq!(held(at), "A-1@1 A-9@9");
    let before = mirror.server.requests().len();
    assert_eq!(go(), "npm: Current [] ");
    assert_eq!(mirror.requests(before), ["/npm/modified_id.csv", "/npm/all.zip"]);
    // The same archive, but the database is not what it led to any more.
    let mut update = hullmark_advisory::compile::Update::begin(at, &Limits::default()).unwrap();
    update.forget("npm", "A-9");
    update.commit("2026-02-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(go(), r#"npm: Complete ["npm"] "#);
    assert_eq!(held(at), "A-1@1 A-9@9");
}

#[test]
fn lists_that_lie_cost_a_complete_export_and_nothing_else() {
    let many: Vec<String> = (0..2001).map(|n| format!("2026-01-09T00:00:00Z,B-{n}\n")).collect();
    let cases = [
        ("empty", String::new()),
        ("html", "<html>please log in</html>".into()),
        ("half lost", "2026-01-01T00:00:00Z,A-1\n".into()),
        ("climbing", list(&[("A-1", 1), ("A-2", 2), ("../../secret", 3)])),
        ("too many", format!("{}{}", many.concat(), list(&[("A-1", 1), ("A-2", 2), ("A-3", 3)]))),
    ];
    for (what, lie) in cases {
        let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
        let at = folder.path();
        mirror.publish("npm", &[("A-1", 1), ("A-2", 2), ("A-3", 3)]);
        update(at, &mirror.url(), &["npm"]);
        mirror.put("/npm/modified_id.csv", lie);
        let before = mirror.server.requests().len();
        assert!(update(at, &mirror.url(), &["npm"]).starts_with("npm: C"), "{what}");
        assert_eq!(held(at), "A-1@1 A-2@2 A-3@3", "{what}");
        let requests = mirror.requests(before);
        assert!(requests.iter().all(|path| !path.contains("secret")), "{requests:?}");
        assert_eq!(requests, ["/npm/modified_id.csv", "/npm/all.zip"], "{what}");
    }
}

#[test]
fn records_that_are_missing_or_others_are_reported_and_asked_for_once() {
    let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
    let at = folder.path();
    mirror.publish("npm", &[("A-1", 1), ("A-2", 2)]);
    update(at, &mirror.url(), &["npm"]);
    mirror.change("npm", &[("A-1", 1), ("A-2", 2), ("A-3", 3), ("A-4", 4)]);
    mirror.remove("/npm/A-3.json");
    mirror.put("/npm/A-4.json", record("npm", "A-1", 8));
    let said = update(at, &mirror.url(), &["npm"]);
    assert!(said.contains("the list of changes names it, and it is not there"), "{said}");
    assert!(said.contains("it is another record"), "{said}");
    assert_eq!(held(at), "A-1@1 A-2@2");
    let before = mirror.server.requests().len();
    assert_eq!(update(at, &mirror.url(), &["npm"]), "npm: Current [] ");
    assert_eq!(mirror.requests(before), ["/npm/modified_id.csv"]);
    // A record of another ecosystem is not what this feed is about.
    mirror.change("npm", &[("A-1", 1), ("A-2", 2), ("A-5", 5)]);
    mirror.put("/npm/A-5.json", record("PyPI", "A-5", 5));
    update(at, &mirror.url(), &["npm"]);
    assert_eq!(held(at), "A-1@1 A-2@2");
}

#[test]
fn a_feed_that_fails_leaves_its_records_and_the_other_feeds_alone() {
    let good = archive("npm", &[("A-1", 8), ("A-2", 9)]);
    let truncated = good[..good.len() - 30].to_vec();
    let lying = Body::Lying { length: good.len() as u64 + 7, content: good.clone() };
    let elsewhere = |url: &str| Reply::new(302, "").with("location", url);
    let cases = [
        ("404", Reply::new(404, ""), "there is no `npm` at `http://"),
        ("403", Reply::new(403, ""), "access was refused"),
        ("500", Reply::new(500, ""), "HTTP 500 (after 4 attempts)"),
        ("truncated", Reply::new(200, truncated), "cannot be imported: not a zip archive"),
        ("cut off", Reply::new(200, "").body(lying), "the transfer broke at byte"),
        ("html", Reply::new(200, "<html>"), "cannot be imported: not a zip archive"),
        ("empty", Reply::new(200, archive("npm", &[])), "holds no advisory of it"),
        ("other", Reply::new(200, archive("PyPI", &[("P-1", 1)])), "holds no advisory of it"),
        ("plain", elsewhere("http://203.0.113.9/all.zip"), "may not be spoken to without"),
        ("loop", elsewhere("/npm/all.zip"), "redirects more than 5 times"),
        (
            "huge",
            Reply::new(200, "").body(Body::Lying { length: 1 << 40, content: Vec::new() }),
            "more than 8589934592 bytes",
        ),
    ];
    for (what, reply, want) in cases {
        let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
        let at = folder.path();
        mirror.publish("npm", &[("A-1", 1)]);
        mirror.publish("Debian", &[("D-1", 1)]);
        mirror.publish("PyPI", &[("P-1", 1)]);
        update(at, &mirror.url(), &["npm", "PyPI"]);
        mirror.remove("/npm/modified_id.csv");
        mirror.reply("/npm/all.zip", reply);
        mirror.change("PyPI", &[("P-1", 2)]);
        let said = update(at, &mirror.url(), &["npm", "Debian", "PyPI"]);
        let lines: Vec<_> = said.lines().collect();
        assert!(lines[0].contains(want), "{what}: {said}");
        assert_eq!(lines[1], r#"Debian: Complete ["Debian:12"] "#, "{what}");
        assert!(lines[2].starts_with("PyPI: Changes"), "{what}: {said}");
        assert_eq!(held(at), "A-1@1 D-1@1 P-1@2", "{what}");
    }
}

#[test]
fn a_server_without_entity_tags_is_asked_by_date() {
    const DATE: &str = "Wed, 07 Jan 2026 00:00:00 GMT";
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request| match request.path.as_str() {
        "/npm/all.zip" if request.header("if-modified-since") == DATE => Reply::new(304, ""),
        "/npm/all.zip" => {
            Reply::new(200, archive("npm", &[("A-1", 1)])).with("last-modified", DATE)
        }
        _ => Reply::new(404, ""),
    });
    let url = format!("http://{}", server.host());
    assert_eq!(update(folder.path(), &url, &["npm"]), r#"npm: Complete ["npm"] "#);
    assert_eq!(update(folder.path(), &url, &["npm"]), "npm: Current [] ");
}

#[test]
fn a_mirror_may_want_a_password_and_nobody_else_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let other = Server::start(|_| Reply::new(200, archive("npm", &[("A-1", 1)])));
    let elsewhere = format!("http://{}/npm.zip", other.host());
    let server = Server::start(move |request| {
        match (request.header("authorization"), request.path.as_str()) {
            ("Basic dXNlcjpzZWNyZXQ=", "/npm/all.zip") => {
                Reply::new(307, "").with("location", elsewhere.clone())
            }
            ("Basic dXNlcjpzZWNyZXQ=", _) => Reply::new(404, ""),
            _ => Reply::new(401, "").with("www-authenticate", "Basic realm=\"mirror\""),
        }
    });
    let mut options = quick();
    let request = request(folder.path(), &format!("http://{}", server.host()), &["npm"]);
    let refused = show(update_with(options.clone(), &request));
    assert!(refused.contains("access was refused (it wants a password"), "{refused}");
    options.credentials.push(CredentialSource::Fixed {
        prefix: server.host().into(),
        credential: Credential::Password { user: "user".into(), password: Secret::new("secret") },
    });
    assert_eq!(show(update_with(options, &request)), r#"npm: Complete ["npm"] "#);
    let asked = other.requests();
    assert!(asked.iter().any(|r| r.path == "/npm.zip"));
    assert!(asked.iter().all(|r| r.header("authorization").is_empty()));
}

#[test]
fn an_endless_export_ends_at_its_limit_and_redirects_are_followed() {
    let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
    let at = folder.path();
    mirror.reply("/npm/all.zip", Reply::new(200, "").body(Body::Endless));
    let mut options = quick();
    options.spool.bytes = 1 << 20;
    let said = show(update_with(options, &request(at, &mirror.url(), &["npm"])));
    assert!(said.contains("more than 1048576 bytes"), "{said}");
    assert!(held(at).contains("there is no advisory database"));
    mirror.reply("/npm/all.zip", Reply::new(307, "").with("location", "/elsewhere/npm.zip"));
    mirror.put("/elsewhere/npm.zip", archive("npm", &[("A-1", 1)]));
    assert_eq!(update(at, &mirror.url(), &["npm"]), r#"npm: Complete ["npm"] "#);
}

#[test]
fn a_folder_is_a_mirror_and_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let (mirror, at) = (folder.path().join("mirror"), folder.path().join("db"));
    std::fs::create_dir_all(mirror.join("Rocky Linux")).unwrap();
    let zip = |day| archive("Rocky Linux:9", &[("R-1", day)]);
    std::fs::write(mirror.join("Rocky Linux/all.zip"), zip(1)).unwrap();
    let mut options = quick();
    options.network = Network::Offline;
    let go = |base: &str| show(update_with(options.clone(), &request(&at, base, &["rocky linux"])));
    let path = mirror.display().to_string();
    assert_eq!(go(&path), r#"Rocky Linux: Complete ["Rocky Linux:9"] "#);
    assert_eq!(go(&path), "Rocky Linux: Current [] ");
    std::fs::write(mirror.join("Rocky Linux/all.zip"), zip(12)).unwrap();
    assert_eq!(go(&format!("file://{path}")), r#"Rocky Linux: Complete ["Rocky Linux:9"] "#);
    std::fs::write(mirror.join("Rocky Linux/modified_id.csv"), list(&[("R-1", 13)])).unwrap();
    let new = record("Rocky Linux:9", "R-1", 13);
    std::fs::write(mirror.join("Rocky Linux/R-1.json"), new).unwrap();
    assert!(go(&path).starts_with("Rocky Linux: Changes { fetched: 1"));
    assert_eq!(held(&at), "R-1@13");
    let web = go("https://mirror.example");
    assert!(web.contains("working offline: no packet is sent"), "{web}");
    for (base, want) in [
        ("/nowhere/at/all", "neither an address nor a folder"),
        ("http://mirror.example", "may not be spoken to without encryption"),
        ("https://user:secret@mirror.example", "credentials belong into a credential file"),
        ("ftp://mirror.example", "`ftp` is not `https`"),
    ] {
        let said = go(base);
        assert!(said.contains(want) && !said.contains("secret"), "{base}: {said}");
    }
}

#[test]
fn the_catalogue_and_the_predictions_are_feeds_too() {
    let (mirror, folder) = (Mirror::start(), tempfile::tempdir().unwrap());
    let at = folder.path();
    let kev = r#"{"title":"t","catalogVersion":"1","dateReleased":"2026-01-01T00:00:00Z","vulnerabilities":[
        {"cveID":"CVE-2021-44228","dateAdded":"2021-12-10","dueDate":"2021-12-24","knownRansomwareCampaignUse":"Known"}]}"#;
    let epss = "#model_version:v2026.01.01,score_date:2026-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2021-44228,0.9,0.99\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(epss.as_bytes()).unwrap();
    mirror.put("/kev.json", kev);
    mirror.put("/epss.csv.gz", gzip.finish().unwrap());
    let go = || update(at, &mirror.url(), &["kev", "EPSS"]);
    assert_eq!(go(), "KEV: Complete [\"kev\"] \nEPSS: Complete [\"epss\"] ");
    let database = Database::open(at).unwrap();
    assert!(database.intel().kev("CVE-2021-44228").unwrap().unwrap().ransomware);
    assert!(database.intel().epss("CVE-2021-44228").unwrap().is_some());
    assert_eq!(go(), "KEV: Current [] \nEPSS: Current [] ");
    let feeds: Vec<_> = Feed::of_database(database.status()).into_iter().map(Feed::name).collect();
    assert_eq!(feeds, ["KEV", "EPSS"]);
    // Whoever answers with something else does not get it in.
    mirror.put("/kev.json", record("npm", "A-1", 1));
    mirror.put("/epss.csv.gz", "<html>");
    let said = go();
    assert!(said.contains("/kev.json` is not CISA's catalogue"), "{said}");
    assert!(said.contains("/epss.csv.gz` is not FIRST's predictions"), "{said}");
    assert!(Database::open(at).unwrap().intel().kev("CVE-2021-44228").unwrap().is_some());
}

#[test]
fn feeds_are_named_or_refused() {
    let parse = |name: &str| Feed::parse(name).map(Feed::name).map_err(|e| e.to_string());
    assert_eq!(parse("debian").as_deref(), Ok("Debian"));
    assert_eq!(parse("crates.io").as_deref(), Ok("crates.io"));
    assert_eq!(parse("epss").as_deref(), Ok("EPSS"));
    let release = parse("Debian:12").unwrap_err();
    assert_eq!(release, "`Debian:12` is a part of `Debian`, which is fetched as a whole");
    for bad in ["", "GIT", "../etc", "npm/..", ":"] {
        assert!(parse(bad).unwrap_err().contains("is not an ecosystem"), "{bad}");
    }
}

#[test]
fn a_real_export_comes_over_as_it_is() {
    let Some(feeds) = hullmark_testkit::shared_data("feeds") else { return };
    let folder = tempfile::tempdir().unwrap();
    let base = feeds.display().to_string();
    let said = update(folder.path(), &base, &["crates.io", "npm"]);
    assert!(said.starts_with("crates.io: Complete [\"crates.io\"]"), "{said}");
    let manifest = Manifest::read(folder.path()).unwrap();
    let counts: Vec<_> = manifest.segments.iter().map(|s| (s.name.as_str(), s.records)).collect();
    assert_eq!(counts, [("crates.io", 1206), ("npm", 461)]);
}
