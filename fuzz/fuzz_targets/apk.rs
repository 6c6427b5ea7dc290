//! apk's database of installed packages.
#![no_main]

use hullmark_fuzz::read_as;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| read_as("lib/apk/db/installed", data));
