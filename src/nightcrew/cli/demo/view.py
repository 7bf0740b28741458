"""The demo's output: progress, results, what each task demonstrates, and what to do next."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from nightcrew.cli.demo.parts import branch_of
from nightcrew.cli.output import console, duration, make_table, mark, money, print_table
from nightcrew.cli.task_view import seconds_of, status_text
from nightcrew.ledger.ledger import Ledger
from nightcrew.queue.task_table import QueuedTask
from nightcrew.testing.demo_tasks import DemoTask

QUERY = """SELECT task_type, model, attempts, accepted, success_rate, calls_per_attempt, cost_usd
FROM model_performance ORDER BY task_type, model"""

RESCUES = """SELECT model, count(*) AS calls FROM rescues
WHERE kind = 'text_call' AND worked GROUP BY model ORDER BY model"""


def progress_table(tasks: Sequence[DemoTask], seen: Mapping[str, QueuedTask]) -> Table:
    """The current status of every task."""
    rows = []
    for demo_task in tasks:
        queued = seen[demo_task.task["task_id"]]
        rows.append((
            queued.task_id,
            queued.task.priority,
            status_text(queued),
            "\n".join(queued.models) or "–",
            duration(seconds_of(queued)),
        ))  # fmt: skip
    return make_table("", ("task", "priority", "status", "models so far", "time"), rows)


def progress_lines(before: Mapping[str, QueuedTask], now: Mapping[str, QueuedTask]) -> Iterator[str]:
    """One line for each task whose status has changed."""
    for task_id, queued in now.items():
        if task_id not in before or before[task_id].status is not queued.status:
            yield f"  {task_id}: {status_text(queued)}"


def print_results(tasks: Sequence[DemoTask], ended: Mapping[str, QueuedTask]) -> None:
    """One row for each task, and where its change is."""
    columns = (
        *("task", "type", "priority", "models tried", "verdict", "score"),
        *("calls", "tokens", "cost", "duration", "the change"),
    )
    rows = []
    for demo_task in tasks:
        queued = ended[demo_task.task["task_id"]]
        rows.append((
            queued.task_id.removeprefix("demo-"),
            queued.task.task_type,
            queued.task.priority,
            "\n".join(model.removeprefix("twin/") for model in queued.models),
            status_text(queued),
            "–" if queued.score is None else f"{queued.score:.2f}",
            queued.calls,
            queued.input_tokens + queued.output_tokens,
            money(queued.cost_usd),
            duration(seconds_of(queued)),
            _lines_changed(queued),
        ))  # fmt: skip
    print_table("", columns, rows)
    console.print("The changes:")
    for queued in ended.values():
        if queued.change_path:
            console.print(f"  {queued.change_path}", soft_wrap=True)
    for queued in ended.values():
        if branch := branch_of(queued):
            console.print(f"A branch in {queued.task.repo}: {branch}", soft_wrap=True)


def print_lessons(tasks: Sequence[DemoTask], problems: Mapping[str, Sequence[str]]) -> None:
    """What each task demonstrates, and what did not work."""
    for demo_task in tasks:
        found = problems[demo_task.task["task_id"]]
        console.print(mark(not found), demo_task.shows)
        for problem in found:
            console.print(f"  {demo_task.task['task_id']} {problem}", style="red")


def print_ledger(ledger: Ledger) -> None:
    """The same results, queried from the ledger in SQL."""
    rows = ledger.query(QUERY)
    console.print("\nThe same results from the ledger, in SQL:")
    console.print(QUERY, style="dim")
    if rows:
        cells = [(*tuple(row.values())[:-1], money(row["cost_usd"])) for row in rows]
        print_table("", tuple(rows[0]), cells)


def print_rescues(ledger: Ledger) -> bool:
    """Which calls came in a wrong form and were repaired; False if none was."""
    rows = ledger.query(RESCUES)
    for row in rows:
        console.print(
            mark(True),
            f"calls that {row['model']} wrote as text: {row['calls']}; the gateway repaired "
            "them, and no attempt was lost",
        )
    if not rows:
        console.print(mark(False), "no answer in a wrong form was repaired")
    return bool(rows)


def print_next_steps(home: Path, *, ui_url: str, keep: bool) -> None:
    """Three things to do next."""
    again = "" if keep else "   (this demo has deleted its home; 'make demo ARGS=--keep' keeps it)"
    console.print(f"\nThree things to do next{again}")
    place = str(home) if keep else "HOME_OF_THE_DEMO"
    console.print(f"1. Look at the runs in the Prefect UI: {ui_url}/runs")
    password = f"NIGHTCREW_HOME={place} .venv/bin/nightcrew ui --password"
    console.print(f"   It asks for a password; print it with: {password}", soft_wrap=True)
    console.print(f"2. Query the ledger: duckdb -init {place}/ledger/ledger.sql")
    console.print("3. Use it on your own repository, with a key and two terminals:")
    console.print("     export OPENROUTER_API_KEY=...; .venv/bin/nightcrew run-engine")
    console.print("     .venv/bin/nightcrew submit-task --repo PATH --task-type unit_test \\")
    console.print("         --target-file src/auth.py --description 'Write unit tests for auth.py' --wait")
    if keep:
        console.print(
            f"Stop the services with: NIGHTCREW_HOME={home} .venv/bin/nightcrew stop-engine",
        )


def _lines_changed(queued: QueuedTask) -> str:
    """Added and removed lines, like `git diff --shortstat`."""
    if queued.change_path is None or not Path(queued.change_path).is_file():
        return "none"
    lines = Path(queued.change_path).read_text(errors="replace").splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return f"+{added} −{removed} lines"
