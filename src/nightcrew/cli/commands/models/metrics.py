"""`nightcrew metrics` and `nightcrew export`: outcomes and cost, with the numbers of the ledger's views."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, counted, errors, money, print_json, print_table
from nightcrew.ledger.export import ExportFormat
from nightcrew.ledger.export import export as write_views
from nightcrew.settings import load_settings

EXECUTOR_COLUMNS = ("executor", "attempts", "accepted", "calls", "tokens", "cost", "seconds")
VERDICT_COLUMNS = (
    "task type", "judged", "accepted", "rejected", "one more test", "asked a person", "not measurable",
    "for a person",
)  # fmt: skip
COLUMNS = (
    "model", "task type", "attempts", "accepted", "rate", "95 % interval", "score", "calls", "saved", "cost",
)  # fmt: skip


@app.command("metrics")
def metrics(as_json: AsJson = False) -> None:
    """Print cost and quality by model and task type."""
    from nightcrew.ledger.ledger import open_ledger

    settings = load_settings()
    with open_ledger(settings) as ledger:
        summary, damaged = ledger.summary(), ledger.damaged()
        ledger.write_ledger_file()
    for path in damaged:
        errors.print(f"Not counted, because it cannot be read: {path}", style="yellow")
    if as_json:
        print_json(summary)
        return
    statuses = (
        ", ".join(f"{count} {status}" for status, count in summary.tasks_by_status.items()) or "none yet"
    )
    console.print(f"Tasks: {statuses}")
    console.print(
        f"Attempts: {summary.attempts}, accepted: {summary.accepted}, calls: {summary.calls}, "
        f"tokens: {summary.input_tokens} in, {summary.output_tokens} out"
    )
    console.print(
        f"Cost: {money(summary.cost_usd)}, per accepted change: {money(summary.cost_per_accepted_usd)}"
    )
    if summary.executors:
        print_table("Per accepted change", EXECUTOR_COLUMNS, map(_executor_row, summary.executors))
    if summary.verdicts:
        print_table("Verdicts", VERDICT_COLUMNS, map(_verdict_row, summary.verdicts))
    if summary.model_performance:
        print_table("By model and task type", COLUMNS, map(_row, summary.model_performance))
    console.print(f"Query it in SQL: duckdb -init {settings.ledger_dir / 'ledger.sql'}")


@app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where the files are written; created if missing.")],
    form: Annotated[ExportFormat, typer.Option("--format", help="The form of the files.")] = ExportFormat.CSV,
    view: Annotated[list[str] | None, typer.Option(help="Only this view; can be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the ledger's views to files. Writes CSV, Parquet or JSON lines, and schema.json."""
    from nightcrew.ledger.ledger import open_ledger

    with open_ledger(load_settings()) as ledger:
        files = write_views(ledger, folder, form, view or ())
    if as_json:
        print_json({"files": files})
        return
    console.print(f"{counted(len(files), 'file')} in {folder}")


# ---------------------------------------------------------------------------------------------------------


def _executor_row(measured: Mapping[str, Any]) -> Sequence[object]:
    """One executor's figures per accepted change, failed attempts included."""
    return (
        measured["executor"],
        measured["attempts"],
        measured["accepted"],
        _number(measured["calls_per_accepted"], ".1f"),
        _number(measured["tokens_per_accepted"], ",.0f"),
        money(measured["cost_per_accepted_usd"]) if measured["accepted"] else "–",
        _number(measured["seconds_per_accepted"], ".1f"),
    )


def _verdict_row(measured: Mapping[str, Any]) -> Sequence[object]:
    """How often each verdict was given, and the share that needs a person."""
    counts = ("accepted", "rejected", "asked_for_test", "asked_person", "not_measurable")
    figures = (measured[name] for name in ("task_type", "judged", *counts))
    return (*figures, f"{measured['person_share']:.0%}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _row(measured: Mapping[str, Any]) -> Sequence[object]:
    """The columns of the view `model_performance` that fit a terminal; --json prints all of them."""
    rate, score = measured["success_rate"], measured["mean_score"]
    low, high = measured["success_rate_low"], measured["success_rate_high"]
    return (
        measured["model"],
        measured["task_type"],
        measured["attempts"],
        measured["accepted"],
        "–" if rate is None else f"{rate:.0%}",
        "–" if rate is None else f"{low:.0%} to {high:.0%}",
        "–" if score is None else f"{score:.2f}",
        f"{measured['calls_per_attempt']:.1f}",
        measured["calls_saved"],
        money(measured["cost_usd"]),
    )
