"""`nightcrew offer-tests`: say which staged files have no tests, as a hook of pre-commit does."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, errors, print_json
from nightcrew.cli.task_options import make_task
from nightcrew.errors import NightcrewError
from nightcrew.settings import load_settings
from nightcrew.task import TaskType

_NO_MODULES = frozenset({"__init__.py", "__main__.py", "conftest.py", "setup.py"})


@app.command("offer-tests")
def offer_tests(
    files: Annotated[list[str] | None, typer.Argument(help="Python files, as pre-commit names them.")] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Submit a task for each, from the last commit on.")
    ] = False,
    repo: Annotated[Path, typer.Option(help="The repository.")] = Path(),
    as_json: AsJson = False,
) -> int:
    """Say which of these files have no tests. It never blocks a commit, whatever is missing."""
    try:
        found = list(_without_tests(repo.resolve(), files or []))
    except (NightcrewError, OSError) as error:
        errors.print(f"nothing is offered: {error}")
        found = []
    submitted = {file: _submitted(repo, file) for file in found} if submit else {}
    if as_json:
        print_json({"without_tests": found, "submitted": submitted})
        return ExitCode.DONE
    for file in found:
        command = (
            f"nightcrew submit-task --task-type unit_test --target-file {file} --description 'Test {file}.'"
        )
        console.print(f"{file} has no tests. {submitted.get(file) or f'Have them written: {command}'}")
    return ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _without_tests(repo: Path, files: Sequence[str]) -> Iterator[str]:
    """The modules among the files that no test file is named after, and that none mentions by name."""
    from nightcrew.execution.checkout.admission import root_of
    from nightcrew.execution.checkout.git import GitFailed, git
    from nightcrew.execution.checkout.source import opened

    modules = [
        PurePosixPath(one) for one in files if one.endswith(".py") and not _is_test(PurePosixPath(one))
    ]
    wanted = [one for one in modules if one.name not in _NO_MODULES]
    if not wanted:
        return
    with opened(root_of(repo)) as view:
        try:
            names = git("ls-tree", "-r", "-z", "--name-only", "HEAD", git_dir=view).decode(errors="replace")
        except GitFailed:  # there is no commit yet
            names = ""
        tests = {
            PurePosixPath(one).name for one in [*names.split("\0"), *files] if _is_test(PurePosixPath(one))
        }
        for one in wanted:
            if not tests & {f"test_{one.stem}.py", f"{one.stem}_test.py"} and not _is_named(view, one.stem):
                yield str(one)


def _is_named(view: Path, module: str) -> bool:
    from nightcrew.execution.checkout.git import GitFailed, git

    words = ("grep", "--quiet", "--word-regexp", "--fixed-strings", "-e", module, "HEAD", "--")
    try:
        git(*words, "*test_*.py", "*_test.py", git_dir=view)
    except GitFailed:
        return False
    return True


def _is_test(path: PurePosixPath) -> bool:
    return path.suffix == ".py" and (path.name.startswith("test_") or path.stem.endswith("_test"))


def _submitted(repo: Path, file: str) -> str:
    """What became of the submission; no error of it stops a commit."""
    from nightcrew.crew import dispatch

    fields = {
        "repo": str(repo),
        "task_type": TaskType.UNIT_TEST,
        "target_file": file,
        "description": f"Write unit tests for {file}.",
    }
    try:
        settings = load_settings()
        queued = dispatch.submit(settings, make_task(settings, fields))
    except (NightcrewError, OSError) as error:
        return f"No task was submitted: {error}"
    return f"Task {queued.task_id} writes them."
