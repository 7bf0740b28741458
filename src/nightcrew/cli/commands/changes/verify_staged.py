"""`nightcrew verify-staged`: look at what is about to be committed, as a hook of pre-commit does."""

from pathlib import Path
from typing import Annotated

import typer

from nightcrew.cli.app import AsJson, ExitCode, app
from nightcrew.cli.commands.changes.verify import EXIT_CODES, print_verdict
from nightcrew.cli.output import console, print_json
from nightcrew.cli.task_options import make_task
from nightcrew.errors import BadInput
from nightcrew.settings import load_settings
from nightcrew.task import TaskType
from nightcrew.validation.verdict import GateOutcome, Verdict, VerdictKind


@app.command("verify-staged")
def verify_staged(
    task_type: Annotated[
        TaskType, typer.Option(help="What the change is, which selects the gates.")
    ] = TaskType.CODE_GENERATION,
    target_file: Annotated[str | None, typer.Option(help="The file that it is about.")] = None,
    all_gates: Annotated[
        bool, typer.Option("--all-gates", help="Also run the tests and all else, as verify does.")
    ] = False,
    repo: Annotated[Path, typer.Option(help="The repository.")] = Path(),
    as_json: AsJson = False,
) -> int:
    """Look at what is staged. Only the gates that read are asked, which take seconds and accept nothing.

    Exit codes: 0 no objection, 1 an objection, 4 infrastructure fault; with --all-gates those of verify.
    """
    from nightcrew.execution.checkout.staged import staged_change
    from nightcrew.execution.checkout.workspace import resolve_commit
    from nightcrew.execution.sandbox import settled_sandbox
    from nightcrew.validation.gates import reading_gates
    from nightcrew.validation.result_validator import ResultValidator, verdict_json

    settings = load_settings()
    about = {"repo": str(repo), "task_type": task_type, "description": "a change to be judged"}
    task = make_task(settings, about | ({"target_file": target_file} if target_file else {}))
    try:
        commit = resolve_commit(task.repo, "HEAD")
    except BadInput as error:
        if "no commit yet" not in str(error):
            raise
        return _nothing(as_json, "This is the first commit: there is nothing to compare it with.")
    patch = staged_change(Path(task.repo), commit).decode("utf-8", "surrogateescape")
    if not patch:
        return _nothing(as_json, "No text is staged.")
    validator = ResultValidator(settings, settled_sandbox(settings))
    verdict = validator.judge(task, patch, commit=commit, gates=None if all_gates else reading_gates())
    if all_gates:
        print_json(verdict_json(verdict)) if as_json else print_verdict(verdict, task, commit)
        return EXIT_CODES[verdict.kind]
    return _print_objections(verdict, as_json=as_json)


# ---------------------------------------------------------------------------------------------------------


def _nothing(as_json: bool, why: str) -> int:
    print_json({"objections": [], "asks": []}) if as_json else console.print(why)
    return ExitCode.DONE


def _print_objections(verdict: Verdict, *, as_json: bool) -> int:
    if verdict.kind is VerdictKind.INFRASTRUCTURE_FAULT:
        return _fault(verdict, as_json=as_json)
    objections = [gate for gate in verdict.gates if gate.outcome is GateOutcome.FAIL]
    asks = [gate for gate in verdict.gates if gate.outcome is GateOutcome.ASKS]
    if as_json:
        found = {"objections": objections, "asks": asks}
        print_json({name: {one.name: one.message for one in gates} for name, gates in found.items()})
    else:
        for gate in (*objections, *asks):
            console.print(f"{gate.name}: {gate.message}")
        if not objections:
            console.print("No objection by the gates that read; 'nightcrew verify' also runs the tests.")
    return ExitCode.FAILED if objections else ExitCode.DONE


def _fault(verdict: Verdict, *, as_json: bool) -> int:
    print_json({"fault": verdict.summary}) if as_json else console.print(verdict.summary)
    return ExitCode.INFRASTRUCTURE
