//! The challenges of a registry.
#![no_main]

use hullmark_oci::www_authenticate::Challenge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    for challenge in Challenge::parse_list(text).unwrap_or_default() {
        assert!(!challenge.scheme().is_empty());
        assert_eq!(challenge.scheme(), challenge.scheme().to_ascii_lowercase());
        assert!(challenge.parameter("realm").is_none_or(|realm| realm.len() <= text.len()));
    }
});
