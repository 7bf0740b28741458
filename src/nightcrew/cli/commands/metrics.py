"""`nightcrew metrics`: what came of the work and what it cost, the same numbers as the ledger's views."""

from nightcrew.cli.app import AsJson, app
from nightcrew.cli.output import console, money, print_json, print_table
from nightcrew.settings import load_settings


@app.command("metrics")
def metrics(as_json: AsJson = False) -> None:
    """Cost and quality by model and task type, from the ledger."""
    from nightcrew.ledger.ledger import Ledger

    settings = load_settings()
    with Ledger(settings.ledger_dir) as ledger:
        summary = ledger.summary()
        ledger.write_ledger_file()
    if as_json:
        print_json(summary)
        return
    statuses = (
        ", ".join(f"{count} {status}" for status, count in summary.tasks_by_status.items()) or "none yet"
    )
    console.print(f"Tasks: {statuses}")
    console.print(
        f"Attempts: {summary.attempts}, accepted: {summary.accepted}, requests: {summary.requests}, "
        f"tokens: {summary.input_tokens} in, {summary.output_tokens} out"
    )
    console.print(
        f"Cost: {money(summary.cost_usd)}, per accepted change: {money(summary.cost_per_accepted_usd)}"
    )
    if summary.model_performance:
        columns = tuple(summary.model_performance[0])
        print_table(
            "By model and task type", columns, [tuple(row.values()) for row in summary.model_performance]
        )
    console.print(f"Ask more: duckdb -init {settings.ledger_dir / 'ledger.sql'}", markup=False)
