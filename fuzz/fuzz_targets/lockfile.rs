//! Lock files of applications.
#![no_main]

use hullmark_fuzz::{choose, read_as};
use libfuzzer_sys::fuzz_target;

const PATHS: &[&str] = &[
    "app/package-lock.json",
    "app/yarn.lock",
    "app/pnpm-lock.yaml",
    "app/poetry.lock",
    "app/uv.lock",
    "app/pdm.lock",
    "app/pylock.toml",
    "app/Pipfile.lock",
    "app/requirements.txt",
    "app/go.mod",
    "app/Cargo.lock",
    "app/Gemfile.lock",
    "app/composer.lock",
    "app/pom.xml",
    "app/gradle.lockfile",
    "app/packages.lock.json",
];

fuzz_target!(|data: &[u8]| {
    let Some((path, content)) = choose(data, PATHS) else { return };
    read_as(path, content);
});
