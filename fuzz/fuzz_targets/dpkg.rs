//! dpkg's and opkg's databases, and the files beside dpkg's.
#![no_main]

use hullmark_fuzz::{choose, read_as};
use libfuzzer_sys::fuzz_target;

const PATHS: &[&str] = &[
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/base",
    "var/lib/dpkg/status.d/base.md5sums",
    "var/lib/dpkg/info/base.list",
    "usr/share/doc/base/copyright",
    "usr/lib/opkg/status",
];

fuzz_target!(|data: &[u8]| {
    let Some((path, content)) = choose(data, PATHS) else { return };
    read_as(path, content);
});
