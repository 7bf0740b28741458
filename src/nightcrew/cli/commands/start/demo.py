"""`nightcrew demo`: the whole pipeline without a key."""

from typing import Annotated

import typer

from nightcrew.cli.app import app


@app.command("demo")
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave services, ledger and changes in place.")
    ] = False,
) -> int:
    """Run a demo without a key. Its models are scripted; everything else is real."""
    from nightcrew.cli.demo.run import run_demo

    return run_demo(keep=keep)
