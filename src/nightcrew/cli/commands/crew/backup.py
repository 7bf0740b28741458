"""`nightcrew backup` and `nightcrew restore`: the crew's data in one file, also while it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, counted, print_json
from nightcrew.settings import load_settings

if TYPE_CHECKING:
    from nightcrew.crew.storage.backup import Backup

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, a .tar.gz file.")]


@app.command("backup")
def backup(file: BackupFile, as_json: AsJson = False) -> None:
    """Write tasks, ledger and results to one file. The crew may run; secrets are not in it."""
    from nightcrew.crew.storage.backup import write_backup

    _report(write_backup(load_settings(), file), "are in", as_json)
    if not as_json:
        console.print("The API key is not: after a restore, store it again with 'nightcrew set-account'.")


@app.command("restore")
def restore(file: BackupFile, as_json: AsJson = False) -> None:
    """Restore a backup into an empty home. Unfinished tasks run again with the next start of the crew."""
    from nightcrew.crew.storage.backup import restore_backup

    _report(restore_backup(load_settings(), file), "were restored from", as_json)


# ---------------------------------------------------------------------------------------------------------


def _report(backup: "Backup", what: str, as_json: bool) -> None:
    if as_json:
        print_json(backup)
        return
    tasks, files = counted(backup.tasks, "task"), counted(backup.files, "file")
    console.print(f"{tasks} and {files} {what} {backup.file}.")
