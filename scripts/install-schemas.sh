#!/bin/sh
# Puts the official JSON schemas that are not in the repository into .tools/schemas: SPDX 2.3 and SARIF 2.1.0.
# They come out of two published crates, by name, version and SHA-256. Needs cargo. Does nothing when they are there.
set -eu

cd "$(dirname "$0")/.."
target=$PWD/.tools/schemas
spdx_sum=b975b4a9145bf1b1e01427b3abfdd8bdfb4d6a5fd34ab51115cd5e65df9da931
sarif_sum=af47e7b67f24efe74076621fd3a5fbe7398add9e84fe820c971219a385895cea

verify() {
    cd "$1" && printf '%s  %s\n' "$spdx_sum" spdx-2.3.schema.json "$sarif_sum" sarif-2.1.0.schema.json | sha256sum --check --quiet
}

if (verify "$target") >/dev/null 2>&1; then
    echo "schemas: there already"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
: >"$work/src/lib.rs"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "schemas"
version = "0.0.0"
edition = "2024"

[dependencies]
serde-sarif = "=0.8.0"
serde-spdx = "=0.10.0"

[workspace]
TOML
cargo vendor --quiet --manifest-path "$work/Cargo.toml" "$work/vendor" >/dev/null
mkdir "$work/schemas"
cp "$work/vendor/serde-spdx/schemas/spdx_2_3.json" "$work/schemas/spdx-2.3.schema.json"
cp "$work/vendor/serde-sarif/src/schema.json" "$work/schemas/sarif-2.1.0.schema.json"
(verify "$work/schemas")
mkdir -p "$target"
cp "$work/schemas/"*.json "$target/"
echo "schemas: installed into .tools/schemas"
