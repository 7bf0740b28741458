"""`nightcrew twin`: a local OpenRouter with scripted models, usable by any client."""

from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json


@app.command("twin")
def twin(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Loopback port (0: any free one).")] = 8765,
    scenario: Annotated[Path | None, typer.Option(help="Scenario file (default: the demo's).")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the twin of OpenRouter until Ctrl-C. Its models are scripted; nothing leaves this machine."""
    from nightcrew.testing.scenario import load_scenario, shipped_scenario
    from nightcrew.testing.twin import run_twin

    def ready(url: str) -> None:
        if as_json:
            print_json({"base_url": url})
        else:
            console.print(f"Twin of OpenRouter (scripted models, no outside service): {url}", markup=False)

    run_twin(load_scenario(scenario) if scenario else shipped_scenario(), port, on_ready=ready)
