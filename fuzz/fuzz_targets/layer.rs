//! A layer's blob: compression, both digests, and the bounds on growth.
#![no_main]

use std::io::Read;

use hullmark_fuzz::limits;
use hullmark_oci::Digest;
use hullmark_oci::layer::{Expected, Layer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    let expected =
        Expected { digest: Digest::sha256(data), size: data.len() as u64, diff_id: None };
    let open = |expected: &Expected| Layer::open(data, expected.clone(), &limits);
    let Ok(mut layer) = open(&expected) else { return };
    let mut content = Vec::new();
    let read = layer.read_to_end(&mut content);
    // Content arrives by the buffer, and a check comes after each.
    assert!(content.len() as u64 <= limits.layer_bytes + (1 << 20));
    let Ok(unread) = open(&expected).expect("as before").finish() else {
        assert!(read.is_err() || layer.finish().is_err(), "how it is read does not matter");
        return;
    };
    read.expect("how it is read does not matter");
    let verified = layer.finish().expect("how it is read does not matter");
    assert_eq!(verified, unread);
    assert_eq!(verified.diff_id, Digest::sha256(&content));
    assert_eq!(verified.uncompressed, content.len() as u64);
    for wrong in [
        Expected { digest: Digest::sha256(b"other"), ..expected.clone() },
        Expected { size: expected.size + 1, ..expected.clone() },
        Expected { diff_id: Some(Digest::sha256(b"other")), ..expected },
    ] {
        assert!(open(&wrong).and_then(Layer::finish).is_err(), "{wrong:?}");
    }
});
