//! ELF, PE and Mach-O programs with Go's or Rust's dependencies in them, scripts, and files that say an installation's version.
#![no_main]

use hullmark_fuzz::{check_found, limits, read_as};
use hullmark_inventory::catalog::binary::{self, Executables};
use hullmark_inventory::catalog::{File, Found};
use hullmark_oci::FilePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let limits = limits();
    let path = FilePath::from_raw(b"usr/bin/app");
    let read = |executables| {
        let (mut content, mut found) = (data, Found::default());
        let mut file = File::new(&path, data.len() as u64, 0o755, &mut content, &limits);
        binary::read(&mut file, executables, &mut found).expect("memory can be read");
        found
    };
    let (skipped, digested) = (read(Executables::Skip), read(Executables::Digest));
    assert_eq!(skipped.records[..], digested.records[..digested.records.len() - 1]);
    assert_eq!(skipped.gaps, digested.gaps, "a digest changes nothing else");
    check_found(&path, digested);
    if data.len() < 4096 {
        read_as("opt/java/release", data);
    }
});
