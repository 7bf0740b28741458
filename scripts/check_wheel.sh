#!/bin/sh
# Builds the wheel, installs it in an empty folder onto what the lock file has for the product alone, without the
# tools of developers and of notebooks, and runs the product from there.
# Usage: scripts/check_wheel.sh [--no-demo]
set -eu
cd "$(dirname "$0")/.."
scripts/setup.sh
source=$PWD
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT INT TERM
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
nightcrew=$room/env/bin/nightcrew
"$nightcrew" --version
"$room/env/bin/python" -I "$source/analytics/notebooks/cost_and_quality.py" 2>"$room/notebook.txt" || true
[ "$(wc -l <"$room/notebook.txt")" = 1 ] || { cat "$room/notebook.txt"; exit 1; } >&2
# Nobody has an API key here, so a missing one is the only problem that doctor may find.
"$nightcrew" doctor --json >"$room/doctor.json" || true
"$room/env/bin/python" -I - "$room/doctor.json" <<'PYTHON'
import json, sys
problems = [row for row in json.load(open(sys.argv[1])) if row["level"] == "problem" and row["name"] != "key"]
sys.exit("\n".join(f"doctor: {row['name']}: {row['finding']}" for row in problems) or 0)
PYTHON
[ "${1:-}" = --no-demo ] || "$nightcrew" demo
[ -z "$(ls -A "$room/empty")" ] || { echo "the product left files in the current folder:"; ls -A; exit 1; } >&2
echo "the wheel works without the repository"
