"""Collects what the checks compare, judges a sample of completed tasks again, and looks for leftovers."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from benchmarks.chaos.campaign import Campaign
from benchmarks.chaos.checks import ENDED, Found, provider_calls
from benchmarks.chaos.look import Row, look_at
from benchmarks.chaos.stage import Stage
from nightcrew.crew.dispatch import FLOW
from nightcrew.execution.sandbox import settled_sandbox
from nightcrew.ledger.ledger import Ledger
from nightcrew.ledger.quarantine import quarantined
from nightcrew.task import Task, TaskStatus
from nightcrew.validation.result_validator import ResultValidator
from nightcrew.validation.verdict import VerdictKind

SETTLE_SECONDS = 330.0  # until the last killed call has to be settled
_SPENT = "select coalesce(max(spent_usd), 0) as spent from budgets where scope like 'month%'"
_RUNS = f"""
select cast(run.id as text) as id, run.name, run.state_type
from flow_run run join flow on flow.id = run.flow_id where flow.name = '{FLOW}'"""
_ENDS = "select task_id, count(distinct recorded_at) as ends from facts.task_finished group by task_id"


def collect(stage: Stage, campaign: Campaign) -> Found:
    """Wait until the last calls are settled, facts delivered and runs ended, and read everything."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and _is_unsettled(stage):
        time.sleep(5.0)
    look = look_at(stage)
    runs = stage.prefect_rows(_RUNS)
    with Ledger(stage.settings.ledger_dir) as ledger:
        return Found(
            wanted=campaign.tasks,
            tasks=look.tasks or (),
            acts=stage.acts,
            ledger_tasks=ledger.query("select * from tasks"),
            ledger_attempts=ledger.query("select * from attempts"),
            ledger_calls=ledger.query("select * from model_calls"),
            ledger_ends={str(row["task_id"]): int(str(row["ends"])) for row in ledger.query(_ENDS)},
            spent_usd=Decimal(stage.query(_SPENT)[0]["spent"]),
            reservations=stage.query("select * from budget_reservations"),
            runs={row["id"]: row["state_type"] for row in runs},
            names={row["id"]: row["name"] for row in runs},
            provider=provider_calls(stage.twin_url),
            outbox=stage.query("select count(*) as facts from outbox")[0]["facts"],
        )


def judged_again(stage: Stage, tasks: list[Row], count: int) -> list[str]:
    """Judge so many completed tasks' changes once more; what is not accepted this time."""
    completed = [task for task in tasks if task.status is TaskStatus.COMPLETED]
    validator = ResultValidator(stage.settings, settled_sandbox(stage.settings))
    wrong = []
    for task in stage.dice.sample(completed, min(count, len(completed))):
        row = stage.query('select body, "commit", change_path from tasks where task_id = %s', task.task_id)[0]
        change = Path(row["change_path"]).read_text() if row["change_path"] else ""
        verdict = validator.judge(Task.model_validate(row["body"]), change, commit=row["commit"])
        if verdict.kind is not VerdictKind.ACCEPTED:
            wrong.append(f"{task.task_id} is completed, and judged again {verdict.kind}: {verdict.summary}")
    return wrong


def poisoned_files(stage: Stage, campaign: Campaign) -> list[str]:
    """Files that were spoilt and are neither set aside nor reported."""
    spoilt = {made.strike.about for made in campaign.made if made.kind.name.startswith("spoilt")}
    with Ledger(stage.settings.ledger_dir) as ledger:
        ledger.summary()
        named = " ".join(str(path) for path in (*ledger.damaged(), *quarantined(stage.settings.ledger_dir)))
    return [f"{name} is not set aside" for name in sorted(spoilt) if name not in named]


def leftovers(stage: Stage) -> list[str]:
    """What the crew has left after its clean stop: processes, mounts, sockets, folders."""
    left = [f"process {process.pid}: {_command(process)}" for process in stage.processes()]
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    left += [f"mount {place}" for place in mounts if place.startswith(f"{stage.folder}/")]
    work = stage.settings.work_dir
    left += [f"folder {path}" for path in (sorted(work.iterdir()) if work.is_dir() else ())]
    left += [f"temporary {path}" for path in sorted((stage.folder / "tmp").iterdir())]
    return left + [f"socket {path}" for path in stage.folder.rglob("*") if path.is_socket()]


# ---------------------------------------------------------------------------------------------------------


def _is_unsettled(stage: Stage) -> bool:
    calls = stage.query("select count(*) as open from budget_reservations")[0]["open"]
    facts = stage.query("select count(*) as open from outbox")[0]["open"]
    runs = stage.prefect_rows(_RUNS)  # a task ends a moment before the run that worked on it
    return bool(calls or facts or any(row["state_type"] not in ENDED for row in runs))


def _command(process: psutil.Process) -> Any:
    try:
        return " ".join(process.cmdline())[:200]
    except psutil.Error:
        return "?"
