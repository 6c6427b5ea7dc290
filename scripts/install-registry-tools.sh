#!/bin/sh
# Installs what the registry tests need on Debian: a real registry, and a tool that pushes to it.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends docker-registry skopeo >/dev/null
docker-registry --version
skopeo --version
