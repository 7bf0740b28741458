#!/bin/sh
# Makes .venv from the lock file: finds or installs uv, finds or installs Python 3.12, byte-compiles what it installs.
# Needs git, python3 with pip, and a network that reaches a package index. Safe to run again: does nothing when done.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/.installed
want=$(cat requirements.lock pyproject.toml src/nightcrew/openhands/runtime.lock | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && .venv/bin/python -c '' 2>/dev/null; then exit 0; fi

if uv --version >/dev/null 2>&1; then uv=uv; else
    uv=.tools/bin/uv
    # The version and the hashes that the lock file gives.
    mkdir -p .tools
    awk '/^[^ #]/ { ours = /^uv==/ } ours && /(^uv==|--hash=)/' requirements.lock >.tools/uv.txt
    [ -x "$uv" ] || python3 -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --only-binary :all: --target .tools --requirement .tools/uv.txt 2>.tools-install.log || {
        cat .tools-install.log >&2
        echo "setup: could not install uv with 'python3 -m pip'. Install uv yourself, then run this again." >&2
        exit 1
    }
    rm -f .tools-install.log
fi

fits() { "$1" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }
find_python() {
    for candidate in python3.12 python3.13 python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python; do
        if fits "$candidate"; then "$candidate" -c 'import sys; print(sys.executable)'; return; fi
    done
    "$uv" python install --quiet 3.12 && "$uv" python find --managed-python 3.12
}
python=$(find_python) || { echo "setup: no Python 3.12 or 3.13 found, and uv could not fetch one." >&2; exit 1; }

export UV_LINK_MODE="${UV_LINK_MODE:-copy}"
"$uv" venv --quiet --clear --python "$python" .venv
"$uv" pip sync --quiet --python .venv/bin/python --compile-bytecode --require-hashes requirements.lock
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
echo "$want" >"$stamp"
# The agent's runtime is an environment of its own. Where it cannot be built now, its first use builds it.
.venv/bin/python -m nightcrew.openhands.runtime >/dev/null || true
echo "setup: .venv is ready ($("$python" --version))"
