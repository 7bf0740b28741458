"""Access rights in the embedded PostgreSQL: only the crew's own role can log in, with a password.

The crew's role owns the two databases and is not a superuser. The superuser cannot log in; its tasks are done
while a cluster is set up, when the server accepts it on its socket, whose folder is closed to others. A
cluster of an earlier version is set up in the same way and keeps its data.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from nightcrew.crew.storage.postgres import Server, own
from nightcrew.errors import Transient
from nightcrew.secrets.files import write_private

ROLE = "nightcrew"
RELAXED = sql.SQL("ALTER DATABASE {} SET synchronous_commit = off")
"""A power failure may lose Prefect's last transactions, never its consistency; data that must not be lost is
in the state store and the ledger. Halves the time of the first start."""
_SUPERUSER = "postgres"
_RELOAD_SECONDS = 10.0

_RULES = """\
# Written by Nightcrew: only its own role can log in, with its password, through the socket.
local all {role} scram-sha-256
local all all reject
host all all all reject
"""
_RULES_OF_SETTING_UP = "local all {superuser} trust\n"
_FOREIGN_OBJECTS = """
SELECT format('ALTER %s %s OWNER TO {role}', kind, name) FROM (
    SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.oid, c.relowner AS owner FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text, t.oid, t.typowner FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, p.oid, p.proowner FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace
) AS found
WHERE owner <> '{role}'::regrole
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = found.oid AND d.deptype IN ('a', 'e', 'i'))
"""


def is_set_up(folder: Path, password_file: Path) -> bool:
    """True if only our role can log in to the cluster in `folder`, and its password is known."""
    try:
        return password_file.is_file() and (folder / "pg_hba.conf").read_text() == _rules()
    except OSError:
        return False


def set_up(server: Server, folder: Path, password_file: Path, databases: Mapping[str, bool]) -> None:
    """Create our role with a new password, make it the owner of the databases, and exclude all others.

    The value of a database tells whether it is `RELAXED`.

    Raises:
        Transient: the server refused the set-up.
    """
    _put_rules(folder, server, _RULES_OF_SETTING_UP.format(superuser=_SUPERUSER))
    password = secrets.token_urlsafe(32)
    with _superuser(server, "postgres") as connection:
        _make_role(connection, password)
        for name, relaxed in databases.items():
            _own_database(connection, name)
            if relaxed:
                connection.execute(RELAXED.format(sql.Identifier(name)))
    for name in databases:
        with _superuser(server, name) as connection:
            statement = _FOREIGN_OBJECTS.replace("{role}", ROLE)
            for (change,) in connection.execute(statement).fetchall():
                connection.execute(change)
    write_private(password_file, f"*:*:*:{ROLE}:{password}\n")
    _put_rules(folder, server, _rules())


# ---------------------------------------------------------------------------------------------------------


def _rules() -> str:
    return _RULES.format(role=ROLE)


def _put_rules(folder: Path, server: Server, rules: str) -> None:
    """Write the rules atomically, so that a server never reads half of them."""
    draft = folder / "pg_hba.conf.new"
    write_private(draft, rules)
    own(draft)
    draft.rename(folder / "pg_hba.conf")
    os.kill(server.pid, signal.SIGHUP)


@contextmanager
def _superuser(server: Server, database: str) -> Iterator[psycopg.Connection[Any]]:
    deadline = time.monotonic() + _RELOAD_SECONDS
    while True:
        try:
            connection = psycopg.connect(
                host=str(server.sockets), user=_SUPERUSER, dbname=database, autocommit=True
            )
            break
        except psycopg.OperationalError as error:  # the server has not read its new rules yet
            if time.monotonic() > deadline:
                raise Transient(f"PostgreSQL cannot be set up: {error}") from None
            time.sleep(0.05)
    with connection:
        yield connection


def _make_role(connection: psycopg.Connection[Any], password: str) -> None:
    """Create the role with the password's verifier, so that no server log can contain the password."""
    role = sql.Identifier(ROLE)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    verifier = connection.pgconn.encrypt_password(password.encode(), ROLE.encode(), b"scram-sha-256").decode()
    rights = "LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD {}"
    connection.execute(sql.SQL(f"ALTER ROLE {{}} {rights}").format(role, verifier))


def _own_database(connection: psycopg.Connection[Any], name: str) -> None:
    database, role = sql.Identifier(name), sql.Identifier(ROLE)
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
    else:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
