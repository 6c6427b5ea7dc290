//! Images made to hurt: bounded memory, named errors, no wrong answer.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use hullmark_oci::Digest;

use crate::Home;

/// Writes an OCI layout of one image whose only layer is `layer` (gzip) with the given content digest.
fn layout(home: &Home, layer: &[u8], diff_id: &Digest) -> PathBuf {
    let folder = home.path().join("image");
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let add = |bytes: &[u8]| {
        let digest = Digest::sha256(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        (digest, bytes.len())
    };
    let (layer, layer_size) = add(layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let (config, config_size) = add(config.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{layer}","size":{layer_size}}}]}}"#
    );
    let (manifest, manifest_size) = add(manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest}","size":{manifest_size}}}]}}"#
    );
    fs::write(folder.join("index.json"), index).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    folder
}

/// Inflates nothing, hashes everything: a writer that makes a gzip stream and its content's digest at once.
struct Maker {
    gzip: flate2::write::GzEncoder<Vec<u8>>,
    hasher: hullmark_oci::Hasher,
}

impl Maker {
    fn new() -> Self {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        Self { gzip, hasher: hullmark_oci::Hasher::new(hullmark_oci::Algorithm::Sha256) }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.gzip.write_all(bytes).unwrap();
    }

    fn finish(self) -> (Vec<u8>, Digest) {
        (self.gzip.finish().unwrap(), self.hasher.finish())
    }
}

/// Headers of empty files, each with a name of its own. Only digits differ, so the checksum is patched, not counted.
struct EmptyFiles {
    block: [u8; 512],
    /// Sum of the header's bytes without the digits.
    base: u32,
}

impl EmptyFiles {
    fn new() -> Self {
        let mut block = [0; 512];
        block[..10].copy_from_slice(b"d000/f0000");
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(b"00000000000\0");
        block[156] = b'0';
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let base = block.iter().map(|&b| u32::from(b)).sum::<u32>();
        Self { block, base }
    }

    fn header(&mut self, number: u32) -> &[u8; 512] {
        let mut sum = self.base;
        let mut rest = number;
        for at in [1, 2, 3, 6, 7, 8, 9] {
            let digit = rest % 10;
            self.block[at] = b'0' + u8::try_from(digit).unwrap();
            sum += digit;
            rest /= 10;
        }
        for at in (148..154).rev() {
            self.block[at] = b'0' + u8::try_from(sum % 8).unwrap();
            sum /= 8;
        }
        self.block[154..156].copy_from_slice(b"\0 ");
        &self.block
    }
}

#[test]
fn three_million_empty_files_take_little_memory() {
    let home = Home::new();
    let mut maker = Maker::new();
    let mut files = EmptyFiles::new();
    for number in 0..3_000_000 {
        maker.add(files.header(number));
    }
    maker.add(&[0; 1024]);
    let (layer, diff_id) = maker.finish();
    let image = layout(&home, &layer, &diff_id);
    let target = format!("oci:{}", image.display());
    let mut child = home.command(&["sbom", &target, "-q", "-o", "/dev/null"]).spawn().unwrap();
    // The peak is what the kernel says it was, read until the process is gone.
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!(code, Some(0));
    assert!(peak > 0 && peak <= 64 * 1024, "{peak} KiB");
}

#[test]
fn layers_that_lie_are_errors() {
    let home = Home::new();
    let mut maker = Maker::new();
    maker.add(EmptyFiles::new().header(1));
    maker.add(&[0; 1024]);
    let (layer, diff_id) = maker.finish();
    let sbom = |layer: &[u8], diff_id: &Digest| {
        let image = layout(&home, layer, diff_id);
        let run = home.run(&["sbom", &format!("oci:{}", image.display()), "--no-cache"]);
        fs::remove_dir_all(image).unwrap();
        run
    };
    assert_eq!(sbom(&layer, &diff_id).code, 0);
    let other = Digest::sha256(b"something else");
    for (what, layer, diff_id, reason) in [
        ("another content", layer.clone(), &other, "but the image's configuration says"),
        ("cut short", layer[..layer.len() / 2].to_vec(), &diff_id, "failed to read layer"),
        (
            "not tar",
            b"no tar stream at all, but long enough to be one block ".repeat(20),
            &diff_id,
            "failed to read layer",
        ),
        (
            "trailing garbage",
            [layer.clone(), b"garbage".to_vec()].concat(),
            &diff_id,
            "failed to read layer",
        ),
    ] {
        let run = sbom(&layer, diff_id);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{what}: {}", run.stderr);
        assert!(run.stderr.contains(reason), "{what}: {}", run.stderr);
    }
    // A compression that is not supported is a gap: the rest of the image can be judged.
    let run = sbom(b"\xfd7zXZ\0 and so on, which is xz", &diff_id);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("xz") || run.stderr.contains("xz"), "{}{}", run.stdout, run.stderr);
}
