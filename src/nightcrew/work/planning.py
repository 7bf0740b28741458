"""The plan for a task's next attempt, from everything known by now."""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from nightcrew.openrouter.books.availability import availability
from nightcrew.queue.reviews import Answer
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.plan import Plan
from nightcrew.selection.requirements import Requirements, requirements_for
from nightcrew.work.learning import tried
from nightcrew.work.recollection import load_memory
from nightcrew.work.work import Work

MOST_ROTATIONS = 4


def plan_for(work: Work, answer: Answer | None, changed: Mapping[str, Any] | None = None) -> Plan:
    """The plan from the task, its attempts, the crew's means, and a person's answer.

    `changed` replaces fields of the crew's availability, to find out what the plan would then be.
    """
    crew, named = work.crew, answer.model if answer else None
    candidates = crew.catalogue.candidates()
    state = availability(crew.store, crew.settings)
    return crew.selector.plan(
        _requirements(work, named),
        candidates,
        load_memory(crew.settings, candidates),
        replace(state, **(changed or {})),
        tried(work.trials_of_round, but_for={c.slug for c in candidates if c.model == named}),
    )


def models_of(work: Work, plan: Plan) -> list[Candidate]:
    """The first rung's model, then those that may take over in the middle of a conversation."""
    known = {candidate.model: candidate for candidate in work.crew.catalogue.candidates()}
    rungs = (*plan.rungs, *plan.alternatives)
    names = dict.fromkeys(rung.model for rung in rungs if rung.executor is plan.rungs[0].executor)
    return [known[name] for name in names if name in known][: MOST_ROTATIONS + 1]


# ---------------------------------------------------------------------------------------------------------


def _requirements(work: Work, named: str | None) -> Requirements:
    task = work.task
    return requirements_for(
        task.model_copy(update={"models": (named,)}) if named else task,
        work.crew.settings,
        context=work.context,
        spent_usd=sum((trial.attempt.cost_usd for trial in work.trials), Decimal(0)),
        spent_seconds=work.seconds,
        seed=zlib.crc32(task.task_id.encode()),
    )
