//! The header of one rpm package.
#![no_main]

use hullmark_inventory::catalog::os::rpm::header::Header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(header) = Header::parse(data) else { return };
    for tag in [261, 1000, 1001, 1002, 1003, 1009, 1011, 1014, 1022, 1027, 1044, 1116, 1117, 1118] {
        assert!(header.text(tag).len() <= data.len());
        assert!(header.bytes(tag).len() <= data.len());
        assert!(header.numbers(tag).count() <= data.len());
        assert!(header.strings(tag).map(<[u8]>::len).sum::<usize>() <= data.len());
    }
});
