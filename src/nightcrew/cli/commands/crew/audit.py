"""`nightcrew audit`: who asked for what and what was done, and whether the log of it is whole."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.moment import moment
from nightcrew.cli.output import console, counted, errors, print_json, print_table
from nightcrew.errors import BadInput
from nightcrew.queue.audit.line import Act
from nightcrew.settings import Settings, load_settings

if TYPE_CHECKING:
    from nightcrew.queue.state_store import StateStore

COLUMNS = ("line", "at (UTC)", "act", "about", "by", "via", "what")
_WHAT = 90  # characters
_MOST_BYTES = 2**30


class Action(StrEnum):
    """What to do with the log."""

    LIST = "list"
    VERIFY = "verify"


@app.command("audit")
def audit(
    action: Annotated[Action, typer.Argument(help="Print lines, or check all of them.")] = Action.LIST,
    act: Annotated[Act | None, typer.Option(help="Only this act.")] = None,
    about: Annotated[str, typer.Option(help="Only about this: a task's id, a schedule's name, crew.")] = "",
    since: Annotated[str, typer.Option(help="Only since then: today, yesterday, 12h, 3d, a date.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="The most lines.")] = 50,
    copy: Annotated[
        Path | None, typer.Option(help="With verify: earlier output of 'audit --json', kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """List who asked for what and what was done. With verify: find lines that were changed or are missing."""
    from nightcrew.queue.audit.log import entries

    settings = load_settings()
    if action is Action.VERIFY:
        return _verify(settings, copy, as_json=as_json)
    if copy is not None:
        raise BadInput("--copy goes with verify")
    with _opened(settings) as store, store.engine.connect() as connection:
        start = moment(since) if since else None
        found = entries(connection, act=act, about=about, since=start, limit=limit)
    lines = [json.loads(one.line) for one in found]
    if as_json:
        print_json([line | {"hash": one.hash} for line, one in zip(lines, found, strict=True)])
    elif lines:
        print_table("", COLUMNS, map(_row, lines))
    else:
        console.print("There are no such lines.")
    return ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _opened(settings: Settings) -> "StateStore":
    from nightcrew.crew.storage.database import ensure_database
    from nightcrew.queue.state_store import StateStore, create_schema

    store = StateStore(ensure_database(settings))
    create_schema(store)
    return store


def _verify(settings: Settings, copy: Path | None, *, as_json: bool) -> int:
    from nightcrew.queue.audit.verification import verify

    known = {} if copy is None else _read(copy)
    with _opened(settings) as store:
        found = verify(store, known)
    if as_json:
        print_json(found)
    else:
        for fault in found.faults:
            errors.print(fault, style="red")
        removed = f" after {counted(found.removed, 'removed line')}" if found.removed else ""
        compared = f", {found.compared} of them compared with {copy}" if copy else ""
        state = "damaged" if found.faults else "whole"
        console.print(f"The log is {state}: {counted(found.lines, 'line')}{removed}{compared}.")
        console.print(f"Hash of the last line: {found.hash}", soft_wrap=True)
    return ExitCode.FAILED if found.faults else ExitCode.DONE


def _read(copy: Path) -> dict[int, str]:
    """The hashes of a copy by their numbers."""
    try:
        if copy.stat().st_size > _MOST_BYTES:
            raise BadInput(f"{copy} is larger than 1 GiB: it is no copy of the audit log")
        lines = json.loads(copy.read_bytes())
        return {int(line["number"]): str(line["hash"]) for line in lines}
    except OSError as error:
        raise BadInput(f"{copy} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(f"{copy} is no output of 'nightcrew audit --json'") from None


def _row(line: dict[str, Any]) -> Sequence[object]:
    what = ", ".join(
        f"{name} {value}" for name, value in line["details"].items() if value not in (None, "", [])
    )
    by = f"{line['by']}@{line['host']}"
    return (
        line["number"],
        line["at"][:19].replace("T", " "),
        line["act"],
        line["about"],
        by if line["login"] in (None, line["by"]) else f"{by} ({line['login']})",
        line["via"],
        what if len(what) <= _WHAT else f"{what[:_WHAT]}…",
    )
