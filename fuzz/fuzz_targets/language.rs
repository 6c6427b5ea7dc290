//! Installed packages of programming languages, archives apart.
#![no_main]

use hullmark_fuzz::{choose, read_as};
use libfuzzer_sys::fuzz_target;

const PATHS: &[&str] = &[
    "usr/lib/python3/site-packages/a-1.dist-info/METADATA",
    "usr/lib/python3/site-packages/a.egg-info/PKG-INFO",
    "app/node_modules/a/package.json",
    "app/node_modules/@s/a/package.json",
    "app/META-INF/MANIFEST.MF",
    "app/META-INF/maven/g/a/pom.properties",
    "usr/lib/ruby/gems/3/specifications/a-1.gemspec",
    "app/vendor/composer/installed.json",
    "app/a.deps.json",
    "opt/conda/conda-meta/a-1-0.json",
    "opt/homebrew/Cellar/a/1/INSTALL_RECEIPT.json",
    "opt/bitnami/a/.spdx-a.spdx",
];

fuzz_target!(|data: &[u8]| {
    let Some((path, content)) = choose(data, PATHS) else { return };
    read_as(path, content);
});
