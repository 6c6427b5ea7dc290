//! Layers: every compression reads the same, and nothing but the right bytes is accepted.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use hullmark_oci::layer::{Expected, Layer, LayerError};
use hullmark_oci::{Digest, Limits};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn expected(blob: &[u8], content: &[u8]) -> Expected {
    Expected {
        digest: Digest::sha256(blob),
        size: blob.len() as u64,
        diff_id: Some(Digest::sha256(content)),
    }
}

/// Reads a little, then lets `finish` read the rest, as a scan that stops at the end marker does.
fn read(blob: &[u8], expected: Expected, limits: &Limits) -> Result<u64, String> {
    let message = |error: std::io::Error| match error.downcast::<LayerError>() {
        Ok(error) => error.to_string(),
        Err(error) => format!("io: {:?}", error.kind()),
    };
    let mut layer = Layer::open(blob, expected, limits).map_err(message)?;
    layer.read(&mut [0; 10]).map_err(message)?;
    layer.finish().map(|verified| verified.uncompressed).map_err(message)
}

#[test]
fn only_the_right_bytes_are_accepted() {
    let content: Vec<u8> = (0..300_000u32).map(|n| (n / 7) as u8).collect();
    let limits = Limits::default();
    let members = [gzip(&content[..1000]), gzip(&content[1000..])].concat();
    let skippable =
        [b"\x50\x2a\x4d\x18\x04\0\0\0abcd".to_vec(), zstd::encode_all(&content[..], 3).unwrap()]
            .concat();
    for (what, blob) in [
        ("plain", content.clone()),
        ("gzip", gzip(&content)),
        ("gzip of two members", members),
        ("zstd", zstd::encode_all(&content[..], 3).unwrap()),
        ("zstd with a skippable frame", skippable),
    ] {
        let right = expected(&blob, &content);
        assert_eq!(read(&blob, right.clone(), &limits), Ok(300_000), "{what}");
        // The twins: one thing wrong each.
        let other = Digest::sha256(b"other");
        let wrong = Expected { digest: other.clone(), ..right.clone() };
        let message = read(&blob, wrong, &limits).unwrap_err();
        assert_eq!(
            message,
            format!("the blob has digest `{}`, expected `{other}`", right.digest),
            "{what}"
        );
        let wrong = Expected { diff_id: Some(other.clone()), ..right.clone() };
        let message = read(&blob, wrong, &limits).unwrap_err();
        assert!(message.starts_with("the layer's content has digest"), "{what}: {message}");
        let wrong = Expected { size: right.size + 1, ..right.clone() };
        let message = read(&blob, wrong, &limits).unwrap_err();
        assert_eq!(
            message,
            format!("the blob has {0} bytes, expected {1}", right.size, right.size + 1),
            "{what}"
        );
        let longer = [blob.clone(), vec![0; 200_000]].concat();
        assert!(read(&longer, right.clone(), &limits).is_err(), "{what}: trailing bytes");
        let message = read(&blob[..blob.len() - 5], right.clone(), &limits).unwrap_err();
        assert!(
            message.starts_with("io: ") || message.starts_with("the blob has"),
            "{what}: {message}"
        );
        let mut flipped = blob.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        assert!(read(&flipped, right, &limits).is_err(), "{what}: flipped");
    }
}

#[test]
fn bombs_and_strangers_are_refused() {
    let zeros = vec![0; 4_000_000];
    let blob = gzip(&zeros);
    let right = || expected(&blob, &zeros);
    assert_eq!(read(&blob, right(), &Limits::default()), Ok(4_000_000));
    let limits = Limits { layer_bytes: 1_000_000, ..Limits::default() };
    assert_eq!(
        read(&blob, right(), &limits),
        Err("the layer has more than 1000000 uncompressed bytes".into())
    );
    let limits = Limits { decompression_ratio: 10, ratio_floor_bytes: 1000, ..Limits::default() };
    assert_eq!(
        read(&blob, right(), &limits),
        Err("the layer grows more than 10-fold when uncompressed".into())
    );
    for (head, name) in [(&b"BZh91AY&SY"[..], "bzip2"), (b"\xfd7zXZ\0abcdef", "xz")] {
        let message = read(head, expected(head, b""), &Limits::default()).unwrap_err();
        assert_eq!(message, format!("the layer is compressed with {name}, which is not supported"));
    }
    // A window larger than allowed is refused before it is allocated.
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(25).unwrap();
    encoder.write_all(&zeros).unwrap();
    let blob = encoder.finish().unwrap();
    let limits = Limits { zstd_window_log: 20, ..Limits::default() };
    assert!(read(&blob, expected(&blob, &zeros), &limits).is_err());
    assert!(read(&blob, expected(&blob, &zeros), &Limits::default()).is_ok());
}
