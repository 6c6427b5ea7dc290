//! Images of a daemon, behind a socket that a test serves.

use hullmark_client::{Client, ClientOptions, Target};
use hullmark_oci::Digest;
use hullmark_testkit::registry::{Body, Reply, Server};
use hullmark_testkit::shared_data;

use crate::support::{Entry, chain, quick, run, tar, tiny_image, walk};

fn saved() -> Vec<u8> {
    let image = tiny_image("a");
    let id = format!("{}.json", Digest::sha256(&image.config).hex());
    let list =
        format!(r#"[{{"Config":"{id}","RepoTags":["app:latest"],"Layers":["x/layer.tar"]}}]"#);
    tar(&[
        Entry::File(&id, &image.config),
        Entry::File("x/layer.tar", &image.layer),
        Entry::File("manifest.json", list.as_bytes()),
    ])
}

async fn show(options: ClientOptions, target: &str) -> String {
    let target = Target::parse(target).unwrap();
    match Client::new(options).open(&target).await {
        Ok(source) => walk(source.as_ref()).await.unwrap_or_else(|e| e),
        Err(error) => chain(&error),
    }
}

#[test]
fn a_daemon_saves_an_image_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let archive = saved();
    let server = Server::start_unix(&socket, move |request| {
        let (pieces, end) = (archive.chunks(777).map(<[u8]>::to_vec).collect(), true);
        let whole = Reply::new(200, "").body(Body::Chunked { pieces, end });
        let cut = archive[..1200].to_vec();
        match request.path.as_str() {
            "/images/app:latest/get" | "/images/localhost:5000/a/app:v1/get" => whole,
            "/images/cut:latest/get" => {
                Reply::new(200, "").body(Body::Chunked { pieces: vec![cut], end: false })
            }
            "/images/short:latest/get" => Reply::new(200, cut),
            "/images/garbage:latest/get" => Reply::new(200, "hello"),
            "/images/endless:latest/get" => Reply::new(200, "").body(Body::Endless),
            "/images/broken:latest/get" => Reply::new(500, r#"{"message":"disk\u001b full"}"#),
            _ => Reply::new(404, r#"{"message":"no such image"}"#),
        }
    });
    let mut options = quick();
    options.docker_socket = socket.clone();
    options.podman_socket = socket.clone();
    options.spool.bytes = 1 << 20;
    options.spool.folder = Some(folder.path().to_owned());
    options.network = hullmark_client::options::Network::Offline;
    let good = "1 layers of 2048 bytes";
    run(async {
        for (target, want) in [
            ("docker-daemon:app", good),
            ("podman:app:latest", good),
            ("podman:localhost:5000/a/app:v1", good),
            ("docker-daemon:missing", "docker-daemon:missing was not found"),
            ("docker-daemon:broken", "the daemon answers HTTP 500: disk full"),
            ("docker-daemon:cut", "docker-daemon:cut: "),
            ("docker-daemon:short", "ends in the middle of an entry"),
            ("docker-daemon:garbage", "ends in the middle of an entry"),
            ("docker-daemon:endless", "more than 1048576 bytes"),
        ] {
            let shown = show(options.clone(), target).await;
            assert!(shown.contains(want), "{target}: {shown}");
        }
        options.docker_socket = folder.path().join("nobody.sock");
        let shown = show(options, "docker-daemon:app").await;
        assert!(shown.contains("nobody.sock"), "{shown}");
    });
    drop(server);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "temporary files have no name: {left:?}");
}

#[test]
fn a_real_saved_image_comes_through_the_socket() {
    let Some(path) = shared_data("images/alpine310.docker.tar.gz") else { return };
    let mut archive = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut archive).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let _server = Server::start_unix(&socket, move |_| {
        let pieces = archive.chunks(64 * 1024).map(<[u8]>::to_vec).collect();
        Reply::new(200, "").body(Body::Chunked { pieces, end: true })
    });
    let options = ClientOptions { docker_socket: socket, ..quick() };
    assert_eq!(run(show(options, "docker-daemon:alpine:3.10")), "1 layers of 5818880 bytes");
}
