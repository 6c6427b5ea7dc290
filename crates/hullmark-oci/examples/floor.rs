//! The least work that any verified inventory must do: inflate every layer and hash both streams. `floor LAYOUT-FOLDER`

use std::fs::{self, File};
use std::path::PathBuf;

use hullmark_oci::layer::{Expected, Layer};
use hullmark_oci::manifest::Document;
use hullmark_oci::{Digest, ImageConfig, Limits};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("usage: floor LAYOUT-FOLDER"));
    let blob =
        |digest: &Digest| folder.join("blobs").join(digest.algorithm().as_str()).join(digest.hex());
    let read = |path: PathBuf| fs::read(path).expect("a readable layout");
    let parse = |bytes: &[u8]| Document::parse(bytes, None).expect("a document");
    let Document::Index(index) = parse(&read(folder.join("index.json"))) else {
        panic!("no index")
    };
    let Document::Manifest(manifest) = parse(&read(blob(&index.manifests[0].digest))) else {
        panic!("no manifest")
    };
    let config = ImageConfig::parse(&read(blob(&manifest.config.digest))).expect("a configuration");
    let mut layers: Vec<_> = manifest.layers.into_iter().zip(config.rootfs.diff_ids).collect();
    layers.sort_by_key(|(layer, _)| layer.size);
    let queue = std::sync::Mutex::new(layers);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no poison").pop();
                    let Some((layer, diff_id)) = next else { break };
                    let file = File::open(blob(&layer.digest)).expect("a layer");
                    let expected =
                        Expected { digest: layer.digest, size: layer.size, diff_id: Some(diff_id) };
                    let stream = Layer::open(file, expected, &Limits::default()).expect("a stream");
                    stream.finish().expect("the right bytes");
                }
            });
        }
    });
}
