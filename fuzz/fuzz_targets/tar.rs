//! The tar stream of a layer: first its entries alone, then the whole scan, the second pass for hard links, and the overlay.
#![no_main]

use std::io::Read;

use hullmark_fuzz::{check_fragment, limits};
use hullmark_inventory::catalog::binary::Executables;
use hullmark_inventory::scan::{Links, ScanOptions, scan};
use hullmark_oci::tar::{Archive, EntryKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    let mut archive = Archive::new(data, &limits);
    let mut entries = 0;
    while let Ok(Some(entry)) = archive.next_entry() {
        entries += 1;
        let path = entry.path.as_str();
        assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path}");
        if entry.kind == EntryKind::File && entry.size <= 1 << 20 {
            let read = std::io::copy(&mut archive.content(), &mut std::io::sink());
            match read {
                Ok(count) => assert_eq!(count, entry.size, "content is as long as its entry says"),
                Err(_) => break,
            }
            assert_eq!(archive.content().read(&mut [0; 8]).expect("the end stays"), 0);
        }
    }
    assert!(entries <= limits.layer_entries);
    let options = ScanOptions { limits, executables: Executables::Digest };
    if let Ok((scanned, rest)) = scan(data, &Links::new(), &options) {
        assert!(rest.len() <= data.len());
        check_fragment(&scanned.fragment);
        if !scanned.missed.is_empty() {
            let (second, _) = scan(data, &scanned.missed, &options).expect("the same stream");
            check_fragment(&second.fragment);
        }
    }
});
