//! SQLite databases of rpm. The magic number is always right.
#![no_main]

use hullmark_fuzz::read_as;
use libfuzzer_sys::fuzz_target;

const MAGIC: &[u8] = b"SQLite format 3\0";
const AT: usize = 0;

fuzz_target!(|data: &[u8]| {
    if data.len() < AT + MAGIC.len() {
        return;
    }
    let mut data = data.to_vec();
    data[AT..AT + MAGIC.len()].copy_from_slice(MAGIC);
    read_as("var/lib/rpm/Packages", &data);
});
