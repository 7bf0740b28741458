"""The dashboard's tables in their groups: the query behind each, and what an empty one would show."""

from collections.abc import Mapping, Sequence

from nightcrew.ledger.report import SECTIONS, Section

_OF_REPORT = {section.title: section for section in SECTIONS}
_COST = "facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))"
_ACCEPTED = "nullif(count(*) FILTER (verdict = 'accepted'), 0)"
_PER_ACCEPTED = (
    f"({_COST}::DOUBLE / {_ACCEPTED})::DECIMAL(18, 9) AS cost_per_accepted_usd, "
    f"sum(calls)::DOUBLE / {_ACCEPTED} AS calls_per_accepted"
)
_FIGURES = {
    "calls": "Calls",
    "cost_usd": "Cost",
    "calls_per_accepted": "Calls per accepted change",
    "cost_per_accepted_usd": "Cost per accepted change",
}


def _tasks_by(title: str, column: str, heading: str) -> Section:
    """What came of the tasks with each value of a column, and what it cost, failures included."""
    return Section(
        title,
        f"SELECT {column}, count(*) AS tasks, count(*) FILTER (status = 'completed') AS completed, "  # noqa: S608
        "count(*) FILTER (status = 'needs_review') AS for_a_person, "
        f"count(*) FILTER (status = 'failed') AS failed, sum(calls)::BIGINT AS calls, {_COST} AS cost_usd, "
        f"{_PER_ACCEPTED} FROM tasks GROUP BY {column} ORDER BY tasks DESC, {column} LIMIT 50",
        {
            column: heading,
            "tasks": "Tasks",
            "completed": "Completed",
            "for_a_person": "For a person",
            "failed": "Failed",
            **_FIGURES,
        },
        f"No task is recorded yet: this shows what each {heading.lower()} cost, and what came of it.",
    )


_BY_MODEL = Section(
    "By model",
    "SELECT model, count(*) AS attempts, count(*) FILTER (verdict = 'accepted') AS accepted, "  # noqa: S608
    "count(*) FILTER (verdict = 'rejected') AS rejected, "
    "count(*) FILTER (verdict = 'not_measurable') AS for_a_person, "
    f"sum(calls)::BIGINT AS calls, {_COST} AS cost_usd, {_PER_ACCEPTED} "
    "FROM attempts GROUP BY model ORDER BY attempts DESC, model LIMIT 50",
    {
        "model": "Model",
        "attempts": "Attempts",
        "accepted": "Accepted",
        "rejected": "Rejected",
        "for_a_person": "For a person",
        **_FIGURES,
    },
    "No attempt is recorded yet: this shows how good and how expensive each model is.",
)
_REASONS = Section(
    "Reasons of verdicts that did not accept",
    "SELECT gate, outcome, count(*) AS changes, arg_max(message, found_at) AS latest, "
    "arg_max(task_id, found_at) AS task_id FROM findings WHERE outcome <> 'pass' "
    "GROUP BY gate, outcome ORDER BY changes DESC, gate LIMIT 15",
    {
        "gate": "Gate",
        "outcome": "Outcome",
        "changes": "Changes",
        "latest": "Latest finding",
        "task_id": "In task",
    },
    "No gate has refused a change or asked about one: this shows which do, and why.",
)
_FAILED = Section(
    "Reasons of failed tasks",
    "SELECT coalesce(failure_reason, 'unknown') AS failure_reason, count(*) AS tasks, max(ended_at) AS last "
    "FROM tasks WHERE status = 'failed' GROUP BY 1 ORDER BY tasks DESC",
    {"failure_reason": "Reason", "tasks": "Tasks", "last": "Last (UTC)"},
    "No task has failed.",
)
_DELIVERED = Section(
    "Delivered changes",
    "SELECT status, count(*) AS tasks, max(delivered_at) AS last FROM deliveries GROUP BY 1 ORDER BY 1",
    {"status": "Delivery", "tasks": "Tasks", "last": "Last (UTC)"},
    "No change was to be delivered as a branch: changes are kept as patches.",
)
_MERGED = Section(
    "Merged by people",
    "SELECT * FROM merged_changes ORDER BY pull_requests DESC, model, task_type LIMIT 30",
    {
        "model": "Model",
        "task_type": "Type",
        "pull_requests": "Pull requests",
        "open": "Open",
        "merged": "Merged",
        "closed": "Closed",
        "reverted": "Reverted",
        "merged_share": "Merged share",
    },
    "No change became a pull request: this shows how many of them people merged.",
)
_RESCUES = Section(
    "Answers in a wrong form, and their repair",
    "SELECT model, replace(kind, '_', ' ') AS kind, count(*) AS answers, "
    "count(*) FILTER (worked) AS repaired FROM rescues "
    "GROUP BY ALL ORDER BY answers DESC, model, kind LIMIT 20",
    {
        "model": "Model",
        "kind": "What was wrong",
        "answers": "Answers",
        "repaired": "Repaired",
    },
    "Every answer came in the right form.",
)
_EXPENSIVE = Section(
    "Most expensive tasks",
    "SELECT task_id, task_type, status, attempts, calls, cost_usd FROM tasks WHERE calls > 0 "
    "ORDER BY cost_usd DESC NULLS LAST, calls DESC, task_id LIMIT 10",
    {
        "task_id": "Task",
        "task_type": "Type",
        "status": "Status",
        "attempts": "Attempts",
        "calls": "Calls",
        "cost_usd": "Cost",
    },
    "No task has made a call yet.",
)
_SLOWEST = Section(
    "Slowest tasks",
    "SELECT task_id, task_type, status, attempts, round(queue_seconds)::BIGINT AS queue_seconds, "
    "round(seconds)::BIGINT AS seconds FROM tasks WHERE seconds IS NOT NULL "
    "ORDER BY tasks.seconds DESC, task_id LIMIT 10",
    {
        "task_id": "Task",
        "task_type": "Type",
        "status": "Status",
        "attempts": "Attempts",
        "queue_seconds": "Queue, s",
        "seconds": "Seconds",
    },
    "No task has ended yet.",
)

GROUPS: Mapping[str, Sequence[Section]] = {
    "Outcomes": (
        _tasks_by("By repository", "repo", "Repository"),
        _tasks_by("By task type", "task_type", "Type"),
        _BY_MODEL,
        _OF_REPORT["Verdicts"],
        _REASONS,
        _OF_REPORT["Gates that rejected changes or asked"],
        _FAILED,
        _DELIVERED,
        _MERGED,
    ),
    "Cost": (
        _EXPENSIVE,
        _SLOWEST,
        _OF_REPORT["Last days (UTC)"],
        _OF_REPORT["Per accepted change, by executor"],
        _OF_REPORT["Spent on work that was not accepted"],
    ),
    "Models": (_OF_REPORT["Cost and quality by model and task type"], _RESCUES),
}
ALL_SECTIONS = tuple(section for group in GROUPS.values() for section in group)
"""All tables; those of the cost report are among them."""
