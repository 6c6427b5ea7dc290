#!/bin/sh
# Installs the tools that the version orders are compared with: Debian packages, and what is not packaged or too old
# there (npm's semver, Maven's comparator, Python's packaging, Go's semver) into target/version-tools.
# May be run any number of times; needs root for the Debian packages that are missing.
set -eu
cd "$(dirname "$0")/.."
tools=target/version-tools
mkdir -p "$tools"

# program or file to look for, and the package that brings it
missing=
need() { [ -e "$1" ] || command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need dpkg dpkg
need /usr/bin/python3 python3
need /usr/lib/python3/dist-packages/apt python3-apt
need /usr/lib/python3/dist-packages/rpm python3-rpm
need ruby ruby
need php php-cli
need /usr/share/php/Composer/Semver php-composer-semver
need vercmp pacman-package-manager
need npm npm
need node nodejs
need mvn maven
need java default-jdk-headless
need go golang-go
if [ -n "$missing" ]; then
    apt-get -o DPkg::Lock::Timeout=300 -qq update
    # shellcheck disable=SC2086 # a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends $missing
fi

[ -d "$tools/python/packaging" ] || python3 -m pip install -q --target "$tools/python" packaging
[ -d "$tools/node/node_modules/semver" ] || npm install --silent --no-audit --no-fund --prefix "$tools/node" semver
[ -e "$tools/maven-artifact.jar" ] || {
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        -Dartifact=org.apache.maven:maven-artifact:4.0.0-rc-5 -DoutputDirectory="$PWD/$tools" -Dmdep.stripVersion=true
}
[ -x "$tools/go/compare" ] || {
    mkdir -p "$tools/go"
    cp crates/hullmark-advisory/tests/tools/compare.go "$tools/go/main.go"
    (
        cd "$tools/go"
        [ -e go.mod ] || go mod init compare
        go get golang.org/x/mod@latest
        go build -o compare .
    )
}
ls "$tools"
