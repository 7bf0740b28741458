"""`nightcrew backup` and `nightcrew restore`: the crew's data in one file, also while it runs."""

from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json
from nightcrew.settings import load_settings

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, a .tar.gz file.")]


@app.command("backup")
def backup(file: BackupFile, as_json: AsJson = False) -> None:
    """Write tasks, ledger and results to one file. The crew may run; secrets are not in it."""
    from nightcrew.crew.storage.backup import write_backup

    written = write_backup(load_settings(), file)
    if as_json:
        print_json(written)
        return
    console.print(f"{written.tasks} tasks and {written.files} files are in {written.file}.", markup=False)
    console.print("The API key is not: after a restore, store it again with 'nightcrew set-account'.")


@app.command("restore")
def restore(file: BackupFile, as_json: AsJson = False) -> None:
    """Restore a backup into an empty home. Unfinished tasks run again with the next start of the crew."""
    from nightcrew.crew.storage.backup import restore_backup

    restored = restore_backup(load_settings(), file)
    if as_json:
        print_json(restored)
        return
    console.print(f"{restored.tasks} tasks and {restored.files} files were restored.", markup=False)
