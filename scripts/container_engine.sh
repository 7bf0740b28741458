#!/usr/bin/env bash
# Installs podman with runc where that takes one command (root, apt), so that the attacks on the second sandbox
# are made too. Without it their tests are skipped and say so: nothing here may fail a build.
set -uo pipefail
if command -v podman >/dev/null || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
{ timeout 120 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 400 apt-get install -y --no-install-recommends podman runc; } \
    >/dev/null 2>&1 || echo "container engine: podman could not be installed; its tests will be skipped"
exit 0
