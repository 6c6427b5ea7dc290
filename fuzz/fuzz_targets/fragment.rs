//! A cached fragment whose checksum is right although nobody wrote it, under and over another one.
#![no_main]

use hullmark_fuzz::check_inventory;
use hullmark_inventory::fragment::Fragment;
use hullmark_inventory::overlay::{Layer, overlay};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok((first, rest)) = postcard::take_from_bytes::<Fragment>(data) else { return };
    let second = postcard::from_bytes(rest).unwrap_or_default();
    let layers = [&first, &second, &first].map(|fragment| Layer { diff_id: None, fragment });
    check_inventory(&overlay(&layers));
});
