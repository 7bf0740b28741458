"""Remembers, as a comment on Prefect's database, for which deployments it was bootstrapped.

It lives and dies with the database it speaks of, so a new or emptied one is never taken for ready.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from nightcrew.worker.database import psycopg_arguments

SOURCES = ("prefect.yaml", "flows/*.py", "blocks/*.py", "deployments/*.py")


def is_stale(prefect_url: str, project: Path) -> bool:
    """True if `project` has other deployments than the database was bootstrapped with."""
    with _connect(prefect_url) as connection:
        query = (
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
        )
        row = connection.execute(query).fetchone()
    return row is None or row[0] != fingerprint(project)


def renew(prefect_url: str, project: Path) -> None:
    """The database now has the deployments of `project`."""
    name = sql.Identifier(make_url(prefect_url).database or "")
    with _connect(prefect_url) as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, fingerprint(project)))


def fingerprint(project: Path) -> str:
    """Changes whenever something changes that deployments are made from."""
    digest = hashlib.sha256(f"{project} {version('prefect')} {version('nightcrew')}".encode())
    library = Path(__file__).resolve().parents[1]
    files = [path for pattern in SOURCES for path in sorted(project.glob(pattern))]
    for path in (*files, library / "task.py", library / "settings.py"):
        digest.update(path.read_bytes())
    return f"nightcrew {digest.hexdigest()[:32]}"


def _connect(prefect_url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(**psycopg_arguments(make_url(prefect_url)), autocommit=True)
