//! What the tests share: a runtime, a walk over an image, and archives made by hand.

use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hullmark_client::{Client, ClientOptions, Target};
use hullmark_oci::layout::{INDEX, MARKER, blob_path};
use hullmark_oci::manifest::Document;
use hullmark_oci::source::ImageSource;
use hullmark_oci::{Descriptor, Digest, media_type};
use hullmark_testkit::registry::{Reply, Request, Server};

/// Runs a future to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Opens a target with default options.
pub(crate) async fn open(target: &str) -> Result<Box<dyn ImageSource>, String> {
    let target = Target::parse(target).map_err(|e| chain(&e))?;
    Client::new(ClientOptions::default()).open(&target).await.map_err(|e| chain(&e))
}

/// An error with its causes, as people would see it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Reads a blob on a thread for blocking work and compares it with its descriptor.
pub(crate) async fn read_blob(
    source: &dyn ImageSource,
    at: &Descriptor,
) -> Result<Vec<u8>, String> {
    let mut reader = source.blob(at).await.map_err(|e| chain(&e))?;
    let bytes = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map(|_| bytes)
    })
    .await
    .unwrap()
    .map_err(|e| chain(&e))?;
    let found = Digest::of(at.digest.algorithm(), &bytes);
    if found == at.digest { Ok(bytes) } else { Err(format!("blob is {found}, not {}", at.digest)) }
}

/// Reads everything under the top document and says what there is.
pub(crate) async fn walk(source: &dyn ImageSource) -> Result<String, String> {
    let top = source.resolve().await.map_err(|e| chain(&e))?;
    assert_eq!(Digest::of(top.descriptor.digest.algorithm(), &top.bytes), top.descriptor.digest);
    let mut todo = vec![top.descriptor];
    let mut lines = Vec::new();
    while let Some(at) = todo.pop() {
        let bytes = source.manifest(&at, 4 << 20).await.map_err(|e| chain(&e))?;
        match Document::parse(&bytes, Some(&at.media_type)).map_err(|e| chain(&e))? {
            Document::Index(index) => {
                lines.push(format!("index of {}", index.manifests.len()));
                todo.extend(index.manifests);
            }
            Document::Manifest(manifest) => {
                let config =
                    source.manifest(&manifest.config, 8 << 20).await.map_err(|e| chain(&e))?;
                hullmark_oci::ImageConfig::parse(&config).map_err(|e| chain(&e))?;
                let mut total = 0;
                for layer in &manifest.layers {
                    total += read_blob(source, layer).await?.len();
                }
                lines.push(format!("{} layers of {total} bytes", manifest.layers.len()));
            }
        }
    }
    Ok(lines.join(", "))
}

/// One entry of an archive made by hand.
pub(crate) enum Entry<'a> {
    File(&'a str, &'a [u8]),
    Symlink(&'a str, &'a str),
    Hardlink(&'a str, &'a str),
    Raw(u8, &'a str, &'a [u8]),
}

/// Writes a tar archive.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        match entry {
            Entry::File(name, data) => block(&mut out, b'0', name, "", data),
            Entry::Symlink(name, to) => block(&mut out, b'2', name, to, b""),
            Entry::Hardlink(name, to) => block(&mut out, b'1', name, to, b""),
            Entry::Raw(kind, name, data) => block(&mut out, *kind, name, "", data),
        }
    }
    out.resize(out.len() + 1024, 0);
    out
}

fn block(out: &mut Vec<u8>, kind: u8, name: &str, link: &str, data: &[u8]) {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut header);
    out.extend(header);
    out.extend(data);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// Computes the checksum of a tar header.
pub(crate) fn seal(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A tiny image: its blobs and the descriptor of its manifest.
pub(crate) struct TinyImage {
    pub(crate) config: Vec<u8>,
    pub(crate) layer: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) descriptor: Descriptor,
}

/// Makes an image of one plain layer.
pub(crate) fn tiny_image(content: &str) -> TinyImage {
    let layer = tar(&[Entry::File("etc/motd", content.as_bytes())]);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Digest::sha256(&layer)
    )
    .into_bytes();
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
        media_type::OCI_MANIFEST,
        json(&Descriptor::of(media_type::OCI_CONFIG, &config)),
        json(&Descriptor::of(media_type::OCI_LAYER, &layer)),
    )
    .into_bytes();
    let descriptor = Descriptor::of(media_type::OCI_MANIFEST, &manifest);
    TinyImage { config, layer, manifest, descriptor }
}

/// A descriptor as JSON.
pub(crate) fn json(descriptor: &Descriptor) -> String {
    serde_json::to_string(descriptor).unwrap()
}

/// An `index.json` that lists these descriptors.
pub(crate) fn index_json(descriptors: &[&Descriptor]) -> String {
    let list: Vec<_> = descriptors.iter().map(|d| json(d)).collect();
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, list.join(","))
}

/// Writes an OCI layout folder of these blobs.
pub(crate) fn write_layout(folder: &Path, index: &str, blobs: &[&[u8]]) {
    std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    std::fs::write(folder.join(MARKER), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    std::fs::write(folder.join(INDEX), index).unwrap();
    for blob in blobs {
        std::fs::write(folder.join(blob_path(&Digest::sha256(blob))), blob).unwrap();
    }
}

/// Options that wait milliseconds, not seconds, and trust no proxy.
pub(crate) fn quick() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.retry.first = Duration::from_millis(5);
    options.retry.longest = Duration::from_millis(1500);
    options.timeouts.read = Duration::from_secs(5);
    options.proxy = hullmark_client::options::Proxy::Direct;
    options
}

/// Opens an image in a registry.
pub(crate) async fn open_with(options: &ClientOptions, reference: &str) -> Box<dyn ImageSource> {
    let target = Target::Registry(reference.parse().unwrap());
    Client::new(options.clone()).open(&target).await.unwrap()
}

/// Reads an image in a registry to the last byte and says what there is, or what is wrong.
pub(crate) async fn show_with(options: &ClientOptions, reference: &str) -> String {
    let source = open_with(options, reference).await;
    walk(source.as_ref()).await.unwrap_or_else(|error| error)
}

/// An image that a scripted registry serves.
pub(crate) struct Served {
    pub(crate) image: TinyImage,
}

impl Served {
    /// The honest answer to a request for `app:v1`.
    pub(crate) fn answer(&self, path: &str) -> Reply {
        let image = &self.image;
        let path = path.split('?').next().unwrap_or_default();
        let Some(rest) = path.strip_prefix("/v2/app/") else { return Reply::new(404, "") };
        let digest = |content: &[u8]| Digest::sha256(content).to_string();
        if rest == "manifests/v1" || rest == format!("manifests/{}", image.descriptor.digest) {
            return Reply::new(200, image.manifest.clone())
                .with("content-type", media_type::OCI_MANIFEST)
                .with("docker-content-digest", digest(&image.manifest));
        }
        for content in [&image.config, &image.layer] {
            if rest == format!("blobs/{}", digest(content)) {
                return Reply::new(200, content.clone());
            }
        }
        Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such thing"}]}"#)
    }

    /// Whether a request is for the layer.
    pub(crate) fn is_layer(&self, path: &str) -> bool {
        path.contains(&Digest::sha256(&self.image.layer).to_string())
    }
}

/// A scripted registry with one honest image of a layer of about 200 kB; `lie` may answer differently.
pub(crate) fn scripted(
    lie: impl Fn(&Request, &Served) -> Option<Reply> + Send + Sync + 'static,
) -> (Server, Arc<Served>) {
    let served = Arc::new(Served { image: tiny_image(&"content ".repeat(25_000)) });
    let serving = served.clone();
    let server = Server::start(move |request| {
        lie(request, &serving).unwrap_or_else(|| serving.answer(&request.path))
    });
    (server, served)
}
