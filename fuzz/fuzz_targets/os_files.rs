//! Smaller databases of operating systems: pacman, chisel, content sets, repositories, and what names a system.
#![no_main]

use hullmark_fuzz::{choose, read_as};
use hullmark_inventory::OsRelease;
use libfuzzer_sys::fuzz_target;

const PATHS: &[&str] = &[
    "var/lib/pacman/local/base-1-1/desc",
    "var/lib/pacman/local/base-1-1/files",
    "var/lib/chisel/manifest.wall",
    "etc/apk/repositories",
    "var/lib/rpmmanifest/container-manifest-2",
    "root/buildinfo/content_manifests/base.json",
    "var/lib/ubuntu-advantage/status.json",
    "etc/os-release",
    "etc/lsb-release",
    "etc/alpine-release",
    "etc/debian_version",
    "etc/redhat-release",
];

fuzz_target!(|data: &[u8]| {
    let Some((path, content)) = choose(data, PATHS) else { return };
    read_as(path, content);
    if let Ok(text) = str::from_utf8(content)
        && let Some(os) = OsRelease::parse(text)
    {
        assert_eq!(os.id, os.id.to_ascii_lowercase());
    }
});
