//! Java archives, nested ones too, and zipped eggs.
#![no_main]

use hullmark_fuzz::read_as;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    read_as("app/a-1.0.jar", data);
    read_as("app/a.egg", data);
});
