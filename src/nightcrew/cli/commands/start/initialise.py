"""`nightcrew init`: write the configuration file of a target repository."""

from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, print_json
from nightcrew.errors import BadInput
from nightcrew.secrets.files import usual_modes

TEMPLATE = """\
# Nightcrew's configuration for this repository. Every line is optional.

# Command that creates the environment for your tests in the folder $NIGHTCREW_ENV.
# Without it, uv creates one from the declared dependencies, plus pytest.
# setup = "uv venv $NIGHTCREW_ENV && uv pip install --python $NIGHTCREW_ENV -r requirements-dev.txt"

# Command that runs the test suite.
test = "{test}"

# Path globs that a change may touch. Without them, the task type decides.
# allow = ["src/**", "tests/**"]

# Path globs that no change may touch.
protect = [{protect}]

# An accepted change is a "patch" in the crew's home, or a "branch" of this repository.
# deliver = "branch"

# Gates of your own: "module:function" (gets the clean room) or a shell command that must exit 0.
# rules = ["ruff check ."]

# New prose that no check can judge: "person" lets a person read all of it; "accept" takes what only adds.
# documentation = "person"
# analysis = "person"
"""

USUALLY_PROTECTED = (".github/**", ".gitlab-ci.yml", "LICENSE*", "uv.lock", "poetry.lock", "migrations/**")


@app.command("init")
def init(
    repo: Annotated[Path, typer.Argument(help="The repository to set up.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing nightcrew.toml.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write nightcrew.toml for a target repository."""
    if not (repo / ".git").exists():
        raise BadInput(
            f"{repo} is not the root of a git repository: run 'git init' there, or name another folder"
        )
    path = repo / "nightcrew.toml"
    if path.exists() and not force:
        raise BadInput(f"{path} exists already: edit it, or overwrite it with --force")
    protect = ", ".join(f'"{glob}"' for glob in USUALLY_PROTECTED if any(repo.glob(glob)))
    with usual_modes():
        path.write_text(TEMPLATE.format(test="python -m pytest", protect=protect))
    if as_json:
        print_json({"path": path.resolve()})
    else:
        console.print(
            f"Wrote {path}. Read it and commit it, because only what is committed counts. "
            f"Then: nightcrew submit-task --repo {repo} ...",
        )
