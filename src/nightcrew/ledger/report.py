"""The cost report: cost and outcomes as Markdown, for the terminal and Prefect's UI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nightcrew.ledger.ledger import BY_EXECUTOR, Ledger, Row
from nightcrew.plain_text import markdown_text

NOT_KNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Section:
    """A table of figures: the query behind it, and the columns that are shown with their headings."""

    title: str
    sql: str
    headings: Mapping[str, str]
    empty: str = "None."  # shown if there are no rows


def cost_report_markdown(ledger: Ledger) -> str:
    """Cost and quality of the whole ledger: totals, last days, models, waste and failure reasons."""
    return "\n\n".join((_totals(ledger), *(_written(ledger, section) for section in SECTIONS))) + "\n"


def markdown_table(rows: Sequence[Row], headings: Mapping[str, str]) -> str:
    """`rows` as a Markdown table; `headings` maps the columns to show to their titles."""
    lines = [list(headings.values()), ["---"] * len(headings)]
    lines += [[cell(column, row[column]) for column in headings] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(column: str, value: Any) -> str:
    """One value in Markdown; the column's name gives its unit."""
    return markdown_text(value) if isinstance(value, str) else shown(column, value)


def shown(column: str, value: Any) -> str:
    """One value as plain text; the column's name gives its unit."""
    if value is None:
        return NOT_KNOWN if column == "cost_usd" else "–"
    if column.endswith(("_share", "share_of_all_cost", "_rate")):
        return f"{value:.0%}"
    match value:
        case Decimal():
            return usd(value)
        case float():
            return f"{value:,.2f}"
        case int():
            return f"{value:,}"
    return str(value)


def usd(amount: Decimal | None) -> str:
    """An amount in dollars with two decimals, or two significant digits if it is small."""
    if amount is None:
        return NOT_KNOWN
    small = 0 < abs(amount) < Decimal("0.1")
    return f"${amount:,.{1 - amount.adjusted()}f}" if small else f"${amount:,.2f}"


SECTIONS = (
    Section(
        "Last days (UTC)",
        "SELECT * FROM budget_burn_down ORDER BY day DESC LIMIT 7",
        {
            "day": "Day",
            "calls": "Calls",
            "cost_usd": "Cost",
            "month_to_date_usd": "Month to date",
            "month_forecast_usd": "Forecast of the month",
        },
    ),
    Section(
        "Per accepted change, by executor",
        BY_EXECUTOR,
        {
            "executor": "Executor",
            "attempts": "Attempts",
            "accepted": "Accepted",
            "calls_per_accepted": "Calls",
            "tokens_per_accepted": "Tokens",
            "cost_per_accepted_usd": "Cost",
            "seconds_per_accepted": "Seconds",
        },
    ),
    Section(
        "Cost and quality by model and task type",
        "SELECT c.*, p.success_rate, p.mean_score FROM cost_per_accepted_change AS c "
        "JOIN model_performance AS p ON c.model IS NOT DISTINCT FROM p.model "
        "AND c.task_type IS NOT DISTINCT FROM p.task_type ORDER BY c.model, c.task_type",
        {
            "model": "Model",
            "task_type": "Type",
            "attempts": "Attempts",
            "accepted": "Accepted",
            "success_rate": "Success",
            "mean_score": "Score",
            "calls": "Calls",
            "cost_usd": "Cost",
            "cost_per_accepted_usd": "Cost per accepted change",
            "calls_per_accepted": "Calls per accepted change",
        },
    ),
    Section(
        "Spent on work that was not accepted",
        "SELECT * FROM retries_wasted ORDER BY cost_usd DESC NULLS LAST, calls DESC, model LIMIT 10",
        {
            "model": "Model",
            "task_type": "Type",
            "outcome": "Outcome",
            "attempts": "Attempts",
            "calls": "Calls",
            "cost_usd": "Cost",
            "share_of_all_cost": "Of all cost",
        },
    ),
    Section(
        "Verdicts",
        "SELECT * FROM verdict_shares ORDER BY judged DESC, task_type",
        {
            "task_type": "Type",
            "judged": "Judged",
            "accepted": "Accepted",
            "rejected": "Rejected",
            "asked_for_test": "Asked for one more test",
            "asked_person": "Asked a person",
            "not_measurable": "Not measurable",
            "person_share": "For a person",
        },
    ),
    Section(
        "Gates that rejected changes or asked",
        "SELECT * FROM gate_outcomes WHERE passed < judged ORDER BY failed DESC, gate, task_type",
        {
            "gate": "Gate",
            "task_type": "Type",
            "judged": "Judged",
            "failed": "Failed",
            "unproven": "One more test",
            "asks": "Asked a person",
            "not_measurable": "Not measurable",
        },
    ),
)
"""The tables of the report, in their order."""


# --- private ----------------------------------------------------------------------------------------------


def _totals(ledger: Ledger) -> str:
    total = ledger.summary()
    if not total.tasks:
        return "# Cost report\n\nNothing is recorded yet."
    statuses = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in total.tasks_by_status.items())
    lines = [
        "# Cost report",
        "",
        f"- **{total.tasks} tasks**: {statuses}",
        f"- **{usd(total.cost_usd)}** in {total.attempts} attempts with {total.calls:,} calls, "
        f"{total.input_tokens:,} tokens sent and {total.output_tokens:,} received",
    ]
    if total.accepted:
        lines.append(
            f"- **{usd(total.cost_per_accepted_usd)}** and {total.calls_per_accepted:,.1f} calls "
            f"for each of {total.accepted} accepted changes, failures included"
        )
    if total.calls_of_unknown_cost:
        lines.append(f"- calls whose cost is unknown and not in these sums: {total.calls_of_unknown_cost:,}")
    return "\n".join(lines)


def _written(ledger: Ledger, section: Section) -> str:
    rows = ledger.query(section.sql)
    return f"## {section.title}\n\n{markdown_table(rows, section.headings) if rows else section.empty}"
