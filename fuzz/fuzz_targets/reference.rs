//! References, digests and platforms as people and documents write them.
#![no_main]

use hullmark_fuzz::check_round_trip;
use hullmark_oci::{Digest, FilePath, Platform, Reference};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = FilePath::from_raw(data);
    assert_eq!(path, FilePath::from_raw(path.as_str().as_bytes()), "paths are normal at once");
    assert!(path.parent().is_none_or(|parent| path.as_str().starts_with(parent.as_str())));
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        check_round_trip(&reference);
        let pinned = reference.with_digest(Digest::sha256(b""));
        check_round_trip(&pinned);
        assert!(!reference.registry().is_empty() && !reference.repository().is_empty());
        assert!(!reference.manifest_key().is_empty());
    }
    if let Ok(digest) = text.parse::<Digest>() {
        check_round_trip(&digest);
    }
    if let Ok(platform) = text.parse::<Platform>() {
        check_round_trip(&platform);
        assert!(platform.satisfies(&platform));
    }
});
