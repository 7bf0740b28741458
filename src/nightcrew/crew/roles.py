"""Who may do what in the embedded PostgreSQL: one role of the crew's, with a password; nobody else comes in.

The crew's role owns the two databases and is no superuser. Nobody can connect as the superuser: what only it
may do is done while a cluster is set up, when the server lets it in through its socket, whose folder is
closed to others. A home whose cluster an earlier version made is set up the same way, with all that is in it.
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

from nightcrew.crew.postgres import Server, own
from nightcrew.errors import Transient
from nightcrew.secrets.files import write_private

ROLE = "nightcrew"
RELAXED = sql.SQL("ALTER DATABASE {} SET synchronous_commit = off")
"""A power cut may cost Prefect its last moments of bookkeeping, never its consistency; what must not be lost
is in the state store and the ledger. Halves the first start."""
_SUPERUSER = "postgres"
_RELOAD_SECONDS = 10.0

_RULES = """\
# Written by Nightcrew: its own role comes in with its password, through the socket. Nobody else does.
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
    """True if the cluster in `folder` lets in nobody but our role, and we know its password."""
    try:
        return password_file.is_file() and (folder / "pg_hba.conf").read_text() == _rules()
    except OSError:
        return False


def set_up(server: Server, folder: Path, password_file: Path, databases: Mapping[str, bool]) -> None:
    """Make our role with a new password, give it the databases and all in them, and shut everybody else out.

    The value of a database says whether it is `RELAXED`.

    Raises:
        Transient: the server does not let us in to do so.
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
    """In one step, so that a server never reads half of them."""
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
        except psycopg.OperationalError as error:  # it has not read its new rules yet
            if time.monotonic() > deadline:
                raise Transient(f"PostgreSQL cannot be set up: {error}") from None
            time.sleep(0.05)
    with connection:
        yield connection


def _make_role(connection: psycopg.Connection[Any], password: str) -> None:
    """The server is given the password's verifier, so that no log of its can hold the password."""
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
