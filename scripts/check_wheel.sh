#!/bin/sh
# Builds the wheel, installs it in an empty folder onto what the lock file has for the product alone, without the
# tools of developers and of notebooks, and runs the product from there. After the demo no secret of it may lie
# anywhere but in its own file.
# Usage: scripts/check_wheel.sh [--no-demo]
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
source=$PWD
room=$(mktemp -d)
nightcrew=$room/env/bin/nightcrew
clean_up() {
    for demo in "$room"/nightcrew-demo-*; do
        [ ! -d "$demo" ] || NIGHTCREW_HOME=$demo "$nightcrew" stop-engine || true
    done
    rm -rf "$room"
}
trap clean_up EXIT
trap 'exit 1' INT TERM
uv=$source/.venv/bin/uv

"$uv" build --quiet --wheel --no-build-isolation --python .venv/bin/python --out-dir "$room/dist" .
"$uv" venv --quiet --python .venv/bin/python "$room/env"
"$uv" pip compile --quiet --universal --generate-hashes --no-annotate --python-version 3.12 \
    --constraint requirements.lock --output-file "$room/product.lock" pyproject.toml
"$uv" pip sync --quiet --python "$room/env/bin/python" --compile-bytecode --require-hashes "$room/product.lock"
"$uv" pip install --quiet --python "$room/env/bin/python" --no-deps --compile-bytecode "$room"/dist/nightcrew-*.whl

mkdir "$room/empty" "$room/home"
cd "$room/empty"
export HOME="$room/home"
"$nightcrew" --version
"$room/env/bin/python" -I "$source/analytics/notebooks/cost_and_quality.py" 2>"$room/notebook.txt" || true
grep -qF "pip install 'nightcrew[analytics]'" "$room/notebook.txt" || { cat "$room/notebook.txt"; exit 1; } >&2
# Nobody has an API key here, so a missing one is the only problem that doctor may find.
"$nightcrew" doctor --json >"$room/doctor.json" || true
"$room/env/bin/python" -I - "$room/doctor.json" <<'PYTHON'
import json, sys
problems = [row for row in json.load(open(sys.argv[1])) if row["level"] == "problem" and row["name"] != "key"]
sys.exit("\n".join(f"doctor: {row['name']}: {row['finding']}" for row in problems) or 0)
PYTHON
if [ "${1:-}" != --no-demo ]; then
    export TMPDIR="$room" OPENROUTER_API_KEY=canary-of-a-key-0123456789 AWS_SECRET_ACCESS_KEY=canary-of-a-shell-0123456789
    "$nightcrew" demo --keep
    (cd "$source" && .venv/bin/python -m tests.flows.canaries "$room"/nightcrew-demo-* "$nightcrew")
fi
[ -z "$(ls -A "$room/empty")" ] || { echo "the product left files in the current folder:"; ls -A; exit 1; } >&2
echo "the wheel works without the repository"
