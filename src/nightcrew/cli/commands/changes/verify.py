"""`nightcrew verify`: judge a given change exactly as an attempt's change is judged."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.output import console, errors, print_json, print_table, styled
from nightcrew.cli.task_options import make_task, with_task_options
from nightcrew.cli.verdict_page import verdict_page
from nightcrew.errors import BadInput, NightcrewError
from nightcrew.settings import load_settings
from nightcrew.task import Task
from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

EXIT_CODES = {
    VerdictKind.ACCEPTED: ExitCode.DONE,
    VerdictKind.REJECTED: ExitCode.FAILED,
    VerdictKind.NOT_MEASURABLE: ExitCode.NOT_MEASURABLE,
    VerdictKind.INFRASTRUCTURE_FAULT: ExitCode.INFRASTRUCTURE,
}


JUDGED_BY = ("task_type", "repo", "base", "target_file", "description", "quality_threshold", "acceptance")


@app.command("verify")
@with_task_options(JUDGED_BY, optional=frozenset({"description"}))
def verify(
    fields: dict[str, Any],
    patch: Annotated[
        str, typer.Option(help="The change: a file with a git diff, '-' for standard input, or a branch.")
    ],
    evidence: Annotated[Path | None, typer.Option(help="Folder for the evidence.")] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the verdict as a comment on a pull request.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Judge a change. Exit codes: 0 accepted, 1 rejected, 3 not measurable, 4 infrastructure fault."""
    from nightcrew.execution.checkout.credentials import Credentials
    from nightcrew.execution.checkout.workspace import is_uncommitted, resolve_commit
    from nightcrew.execution.sandbox import settled_sandbox
    from nightcrew.validation.result_validator import ResultValidator, keep_verdict, verdict_json
    from nightcrew.validation.scoring import fault

    settings = load_settings()
    task = make_task(settings, {"description": "a change to be judged", **fields})
    commit = change = ""
    try:
        credentials = Credentials(settings.credentials_dir)
        commit = resolve_commit(task.repo, task.base, credentials=credentials)
        if is_uncommitted(task.repo, commit, "nightcrew.toml"):
            where = f"{task.repo} differs from {task.base}"
            errors.print(f"nightcrew.toml in {where} and is not used: commit it.")

        change = _read_patch(patch, task.repo, commit)
        validator = ResultValidator(settings, settled_sandbox(settings))
        verdict = validator.judge(task, change, commit=commit, evidence=evidence)
    except BadInput:
        raise
    except NightcrewError as error:
        verdict = fault(str(error), (), settings.sandbox.value)
    if evidence is not None:
        keep_verdict(evidence, change, verdict)
    if markdown:
        console.print(verdict_page(verdict, task, commit), soft_wrap=True, end="")
    else:
        print_json(verdict_json(verdict)) if as_json else print_verdict(verdict, task, commit)
    return EXIT_CODES[verdict.kind]


def print_verdict(verdict: Verdict, task: Task, commit: str) -> None:
    """A verdict for a person: each gate that ran with its message, the result, and what to do about it."""
    if verdict.gates:
        rows = [
            (gate.name, styled(gate.outcome.value), " ".join(gate.message.split())) for gate in verdict.gates
        ]
        rows += [(name, styled("not reached"), "") for name in verdict.not_reached]
        print_table("", ("gate", "outcome", "finding"), rows)
    needed = f"score {verdict.score:.2f} ({task.quality_threshold:.2f} needed)"
    about = f"{needed}, on {task.base} {commit[:12]}, in sandbox: {verdict.sandbox}"
    console.print(styled(verdict.kind.value), about, sep=", ")
    if verdict.built:
        console.print(f"The test environment was built from {', '.join(verdict.built)}")
    hints = [gate.hint for gate in sorted(verdict.gates, key=_weight) if gate.outcome is not GateOutcome.PASS]
    if verdict.kind is VerdictKind.INFRASTRUCTURE_FAULT:
        console.print(verdict.summary)
    elif hints and hints[0]:
        console.print(f"What to do: {hints[0]}")
    elif verdict.kind is not VerdictKind.ACCEPTED:
        console.print(verdict.feedback)


def _weight(gate: GateResult) -> bool:
    """The sort key of a gate: failures come first, because they decide."""
    return gate.outcome is not GateOutcome.FAIL


def _read_patch(source: str, repo: str, commit: str) -> str:
    from nightcrew.execution.checkout.workspace import change_of
    from nightcrew.validation.change.parser import MAX_BYTES

    try:  # one byte more than what is judged: the verdict says that it is too large
        with nullcontext(sys.stdin.buffer) if source == "-" else Path(source).open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        change = change_of(repo, commit, source) if isinstance(error, FileNotFoundError) else None
        if change is None:
            problem = f"cannot read the patch {source}: {error.strerror}"
            raise BadInput(f"{problem}, and {repo} has no branch of that name") from None
        raw = change
    return raw.decode("utf-8", errors="surrogateescape")
