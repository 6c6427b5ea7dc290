#!/bin/sh
# Installs what the registry tests need on Debian: a real registry, a tool that pushes to it, and htpasswd for its users.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends docker-registry skopeo apache2-utils >/dev/null
docker-registry --version
skopeo --version
command -v htpasswd
