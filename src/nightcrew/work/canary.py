"""A small call to a model before a long task begins with it: does it answer, and does it call tools?

It is made once for each model and UTC day, and not at all if the model has called a tool on that day. So a
model that is gone, or only talks, costs one call instead of an attempt; the plan is then made again.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from nightcrew.errors import AccountStopped, NightcrewError
from nightcrew.execution.attempt import ModelCall
from nightcrew.openrouter.books.attempt_books import AttemptBooks
from nightcrew.openrouter.books.availability import account_of, budgets_of, limits_of
from nightcrew.openrouter.books.breakers import Fault, model_key, record_fault
from nightcrew.openrouter.books.offline import go_offline
from nightcrew.openrouter.serving.dispatcher import Dispatcher
from nightcrew.openrouter.serving.model_calls import CallRules
from nightcrew.openrouter.wire.recovery import FaultClass, Next, row_of
from nightcrew.queue.state_store import utc_now
from nightcrew.selection.candidates import Candidate
from nightcrew.selection.plan import Plan
from nightcrew.task import ExecutorName
from nightcrew.work.work import Work

log = logging.getLogger(__name__)

MOST_CANARIES = 4  # before one attempt
CALLS = 2  # a call that cannot be read is asked for once more
OUTPUT_TOKENS = 1_024  # some models think first
SECONDS = 60.0
REST_SECONDS = 3600.0  # of a model that refuses the first call; the longest rest that a breaker gives
_NOT_THE_MODELS = frozenset({FaultClass.QUOTA, FaultClass.BUDGET, FaultClass.OURS})
REQUEST = {
    "messages": [
        {"role": "user", "content": "Call the tool `report` with the word ready. Answer with the call only."}
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "report",
                "description": "Report a word.",
                "parameters": {
                    "type": "object",
                    "properties": {"word": {"type": "string"}},
                    "required": ["word"],
                },
            },
        }
    ],
    "max_tokens": OUTPUT_TOKENS,
}


class Found(Enum):
    """What a first call shows of a model."""

    WORKS = "it called the tool"
    UNFIT = "it is gone, refuses, does not answer, or calls no tools"
    NOTHING = "the call failed for another reason, such as the account's quota or our network"


def tried_plan(work: Work, plan: Plan, plan_anew: Callable[[], Plan]) -> Plan:
    """`plan`, or a new one if its first model does not call the tool.

    A model that refuses or does not answer rests: neither this attempt nor the next tasks begin with it. What
    stopped the call and says nothing about the model is left to the attempt, or to a plan without it.

    Raises:
        AccountStopped: the crew is stopped.
    """
    tried: set[str] = set()
    while work.crew.settings.try_models and len(tried) < MOST_CANARIES:
        candidate = _untried(work, plan)
        if candidate is None or candidate.model in tried:
            break
        found = _try(work, candidate)
        if found is Found.WORKS:
            break
        tried.add(candidate.model)
        log.info("%s: %s; the plan is made again", candidate.model, found.value)
        plan = plan_anew()
        if found is Found.UNFIT and _begins_with(plan, candidate.model):  # it is not known for good
            _give_rest(work, candidate.model)
            plan = plan_anew()
    return plan


# ---------------------------------------------------------------------------------------------------------


def _untried(work: Work, plan: Plan) -> Candidate | None:
    """The model of a long first attempt of which nothing is known today."""
    if not _is_long(plan):
        return None
    catalogue, model = work.crew.catalogue, plan.rungs[0].model
    if catalogue.form_of(model).is_tried(utc_now()):
        return None
    return next((known for known in catalogue.candidates() if known.model == model), None)


def _is_long(plan: Plan) -> bool:
    return bool(plan.rungs) and plan.rungs[0].executor is ExecutorName.OPENHANDS


def _begins_with(plan: Plan, model: str) -> bool:
    return _is_long(plan) and plan.rungs[0].model == model


def _give_rest(work: Work, model: str) -> None:
    fault = Fault("it refused or did not answer a first small call", REST_SECONDS, at_once=True)
    with work.crew.store.engine.begin() as connection:
        record_fault(connection, account_of(work.crew.settings), model_key(model), fault, now=utc_now())


def _try(work: Work, candidate: Candidate) -> Found:
    crew, attempt_id = work.crew, f"{work.task.task_id}:{len(work.trials) + 1}"
    calls: list[ModelCall] = []

    def record(call: ModelCall) -> OSError | None:
        # The calls of the attempt itself are numbered from 1.
        call = replace(call, call_id=f"{attempt_id}:canary:{candidate.model}:{call.sequence}", sequence=0)
        calls.append(call)
        return crew.collector.model_call(call)

    budgets = replace(budgets_of(crew.settings, work.task), calls=CALLS)
    books = AttemptBooks(
        crew.store, crew.api.account, work.task.task_id, attempt_id, budgets, limits_of(crew.settings)
    )
    rules = CallRules(crew.settings.data_policy, seconds=SECONDS)
    dispatcher = Dispatcher(crew.api, [candidate], books, record=record, rules=rules)
    try:
        answer = dispatcher.complete(REQUEST)
    except AccountStopped:
        raise
    except NightcrewError as error:
        log.info("%s did not answer a first call: %s", candidate.model, error)
        if any(call.fault == "no_tool_use" for call in calls):
            crew.catalogue.note_no_tools(candidate.model)
        if calls and calls[-1].fault == "connection_failed":
            go_offline(crew.store, crew.api.account, "a first small call found no connection")
        return _of_failed(calls)
    finally:
        dispatcher.close()
        crew.catalogue.note_calls(calls)
        crew.queue.add_calls(work.task.task_id, calls)
    message = (answer.get("choices") or [{}])[0].get("message") or {}
    if message.get("tool_calls"):
        return Found.WORKS
    crew.catalogue.note_no_tools(candidate.model)
    return Found.UNFIT


def _of_failed(calls: list[ModelCall]) -> Found:
    """Whether the last call failed because of the model or its provider."""
    row = row_of(calls[-1].fault) if calls and calls[-1].fault else None
    # Without a network (the only fault that is retried in place), each model would fail in the same way.
    is_ours = row is None or row.fault_class in _NOT_THE_MODELS or row.next is Next.RETRY
    return Found.NOTHING if is_ours else Found.UNFIT
