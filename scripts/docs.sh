#!/bin/sh
# Builds the docs site into build/docs, in an environment of its own, from its own lock file. A broken link makes it fail.
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .tools/docs
.venv/bin/uv pip sync --quiet --python .tools/docs/bin/python --require-hashes requirements-docs.lock
PYTHONPATH=scripts .tools/docs/bin/zensical build --clean --strict
