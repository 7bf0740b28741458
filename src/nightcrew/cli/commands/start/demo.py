"""`nightcrew demo`: the whole pipeline without a key."""

from typing import Annotated

import typer

from nightcrew.cli.app import app
from nightcrew.errors import BadInput


@app.command("demo")
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave services, ledger and changes in place.")
    ] = False,
    github: Annotated[
        bool,
        typer.Option("--github", help="From labelled issues to merged pull requests, on a twin of GitHub."),
    ] = False,
) -> int:
    """Run a demo without a key. Its models are scripted; everything else is real."""
    if github and keep:
        raise BadInput("the twin of GitHub ends with its demo: leave out --keep")
    if github:
        from nightcrew.cli.demo.on_github import run_github_demo

        return run_github_demo()
    from nightcrew.cli.demo.run import run_demo

    return run_demo(keep=keep)
