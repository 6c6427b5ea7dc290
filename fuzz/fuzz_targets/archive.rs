//! An image in a tar archive of any form: layout, saved image, or compressed either.
#![no_main]

use hullmark_client::{ClientOptions, open_archive_in_memory};
use hullmark_fuzz::limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = ClientOptions { limits: limits(), ..ClientOptions::default() };
    if let Ok(image) = open_archive_in_memory(data, &options) {
        assert!(!image.name().is_empty());
    }
});
