"""`nightcrew twin`: a local OpenRouter with scripted models, or a local GitHub, usable by any client."""

import re
from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json
from nightcrew.errors import BadInput

_FULL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


@app.command("twin")
def twin(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Loopback port (0: any free one).")] = 8765,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file (default: the demo's).")] = None,
    github: Annotated[
        str, typer.Option(metavar="OWNER/NAME", help="Serve a GitHub with this empty repository instead.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Serve the twin of OpenRouter, or of GitHub, until Ctrl-C. Nothing leaves this machine."""
    if github:
        _serve_github(github, port, with_scenario=scenario is not None, as_json=as_json)
        return
    from nightcrew.testing.scenario import load_scenario, shipped_scenario
    from nightcrew.testing.twin import run_twin

    def ready(url: str) -> None:
        if as_json:
            print_json({"base_url": url})
        else:
            console.print(f"Twin of OpenRouter (scripted models, no outside service): {url}")

    run_twin(load_scenario(scenario) if scenario else shipped_scenario(), port, on_ready=ready)


# ---------------------------------------------------------------------------------------------------------


def _serve_github(full_name: str, port: int, *, with_scenario: bool, as_json: bool) -> None:
    from nightcrew.testing.github.twin import run_github_twin

    if with_scenario or not _FULL_NAME.fullmatch(full_name):
        raise BadInput("--github takes the repository as OWNER/NAME, such as octo/shop, and no scenario")

    def ready(url: str, address: str) -> None:
        if as_json:
            print_json({"base_url": url, "repository": address})
        else:
            console.print(f"Twin of GitHub (no outside service): {url}")
            console.print(f"Push to it with this address, which has a token in it: {address}")

    run_github_twin(full_name, port, on_ready=ready)
