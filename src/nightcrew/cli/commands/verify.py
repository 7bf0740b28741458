"""`nightcrew verify`: judge a given patch, exactly as an attempt's patch is judged."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, print_json, print_table, styled
from nightcrew.cli.task_options import make_task
from nightcrew.errors import BadInput
from nightcrew.settings import load_settings
from nightcrew.task import TaskCategory
from nightcrew.validation.verdict import Verdict, VerdictKind

EXIT_CODES = {
    VerdictKind.ACCEPTED: ExitCode.DONE,
    VerdictKind.REJECTED: ExitCode.FAILED,
    VerdictKind.NOT_MEASURABLE: ExitCode.NOT_MEASURABLE,
    VerdictKind.INFRASTRUCTURE_FAULT: ExitCode.INFRASTRUCTURE,
}


@app.command("verify")
def verify(
    patch: Annotated[str, typer.Option(help="File with the change as a git diff; '-' reads standard input.")],
    task_type: Annotated[TaskCategory, typer.Option(help="What kind of work the change claims to be.")],
    repo: Annotated[str, typer.Option(help="Path or URL of the git repository.")] = ".",
    base: Annotated[str, typer.Option(help="Commit, tag or branch that the change applies to.")] = "HEAD",
    target_file: Annotated[str | None, typer.Option(help="The file the change is about.")] = None,
    description: Annotated[str, typer.Option(help="What was asked for.")] = "a change to be judged",
    quality_threshold: Annotated[float, typer.Option(help="Score from 0 to 1 that it must reach.")] = 0.7,
    acceptance: Annotated[
        str | None, typer.Option(help="A command that must succeed with the change.")
    ] = None,
    evidence: Annotated[Path | None, typer.Option(help="Folder to keep the evidence in.")] = None,
    as_json: AsJson = False,
) -> int:
    """Judge a patch. Exit: 0 accepted, 1 rejected, 3 not measurable, 4 infrastructure fault."""
    from nightcrew.execution.sandbox import open_sandbox
    from nightcrew.execution.workspace import resolve_commit
    from nightcrew.validation.result_validator import ResultValidator, verdict_json

    task = make_task(
        repo=repo,
        base=base,
        task_type=task_type,
        target_file=target_file,
        description=description,
        quality_threshold=quality_threshold,
        acceptance=acceptance,
    )
    settings = load_settings()
    validator = ResultValidator(settings, open_sandbox(settings.sandbox))
    commit = resolve_commit(task.repo, task.base)
    verdict = validator.judge(task, _read_patch(patch), commit=commit, evidence=evidence)
    print_json(verdict_json(verdict)) if as_json else print_verdict(verdict)
    return EXIT_CODES[verdict.kind]


def print_verdict(verdict: Verdict) -> None:
    """A verdict for a person: the word, every gate with its sentence, the paragraph."""
    rows = [(gate.name, styled(gate.outcome.value), gate.message) for gate in verdict.gates]
    print_table("", ("gate", "outcome", "finding"), rows)
    console.print(
        styled(verdict.kind.value), f"score {verdict.score:.2f}, judged in sandbox: {verdict.sandbox}"
    )
    console.print(verdict.summary, markup=False)


def _read_patch(source: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read the patch {source}: {error.strerror}") from None
    return raw.decode("utf-8", errors="surrogateescape")
