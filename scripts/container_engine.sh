#!/usr/bin/env bash
# Installs podman with runc, and Prometheus, where that takes one command (root, apt), so that the attacks on the second
# sandbox are made too and a real Prometheus reads the metrics. Without them their tests are skipped and say so: nothing
# here may fail a build.
set -uo pipefail
if { command -v podman && command -v prometheus; } >/dev/null || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    exit 0
fi
{ timeout 120 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 400 apt-get install -y --no-install-recommends podman runc prometheus; } \
    >/dev/null 2>&1 || echo "container engine: podman and prometheus could not be installed; their tests will be skipped"
exit 0
