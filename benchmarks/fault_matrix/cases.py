"""The cases that cause each fault of the recovery table, with their models and tasks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightcrew.openrouter.wire.recovery import TABLE
from nightcrew.task import Task
from nightcrew.testing.scenario import (
    Account,
    Character,
    Fault,
    FaultKind,
    Price,
    Scenario,
    ScriptedModel,
    shipped_scenario,
)
from nightcrew.testing.solutions import Match, Solution

STEADY = "twin/steady"
WORKS_UNTIL = 2  # the call of a conversation at which its model begins to fail
SLOW_SECONDS = 110.0  # few such answers fit into a hasty attempt, and the gateway still waits for each
QUALITY = 0.9  # of every task: at 0.7, an expensive model may not be worth its price after a failure
CHEAP = Price(prompt="0.0000001", completion="0.0000004")
EXPENSIVE = Price(prompt="0.0000008", completion="0.0000032")  # only used when the cheap one fails
FREE = Price()
REBATE = "def rebate(years: int) -> float:\n    return 0.1 if years >= 5 else 0.0\n"


@dataclass(frozen=True, eq=False)
class Case:
    """One way to cause one fault of the table."""

    fault: str  # the row
    how: str  # description
    kind: FaultKind | None = None  # of the wire
    wire: Mapping[str, Any] = field(default_factory=dict)  # more about the fault
    model: Mapping[str, Any] = field(default_factory=dict)  # about the faulty model
    task: Mapping[str, Any] = field(default_factory=dict)  # about the task
    by: str = ""  # what the machine does, by its name in `machine.py`
    alone: bool = False  # it touches the whole crew
    hasty: bool = False  # its attempts have little time
    only: bool = False  # no other model may take over

    @property
    def name(self) -> str:
        """The name of its model, and of its task."""
        return f"{self.fault}-{self.kind or self.by or 'model'}".replace("_", "-")

    @property
    def faulty(self) -> str:
        return f"twin/{self.name}{':free' if self.model.get('price') == FREE else ''}"


def _wire(fault: str, kind: FaultKind, message: str = "", **wire: Any) -> Case:
    result = {"message": message} if message else {}
    return Case(fault, message or str(kind), kind, {"from_call": WORKS_UNTIL, **result, **wire})


def _poor(fault: str, character: Character, **more: Any) -> Case:
    return Case(fault, f"the model is a {character}", model={"character": character}, **more)


def _machine(fault: str, by: str, how: str, **more: Any) -> Case:
    return Case(fault, how, model={"latency_seconds": 4.0}, by=by, alone=True, **more)


K = FaultKind
CASES: tuple[Case, ...] = (
    # The wire: the model fails in mid-conversation
    _wire("too_expensive", K.PAYMENT_REQUIRED, "You requested up to 16384 tokens, but can only afford 12"),
    _wire("price_rose", K.NO_ENDPOINTS, "No endpoints found that match max_price"),
    _wire("free_period_ended", K.FREE_ENDED),
    _wire("no_tool_use", K.NO_TOOL_USE),
    _wire("data_policy", K.DATA_POLICY),
    _wire("region", K.GUARDRAIL, "This model is not available in your region"),
    _wire("model_gone", K.NO_ENDPOINTS),
    Case("context_overflow", "a window of 64k tokens overflows", K.CONTEXT_LENGTH, {"from_call": WORKS_UNTIL},
         {"context_length": 65_536}),
    _wire("refused_content", K.MODERATION),
    _wire("refused_content", K.REFUSAL),
    _wire("forbidden", K.UNAUTHORIZED, "This key may not use this model", status=403),
    _wire("invalid_request", K.BAD_REQUEST),
    _wire("upstream_rate_limit", K.RATE_LIMIT_UPSTREAM),
    _wire("upstream_timeout", K.GATEWAY_TIMEOUT),
    _wire("provider_failed", K.BAD_GATEWAY),
    _wire("provider_overloaded", K.OVERLOADED),
    _wire("server_error", K.SERVER_ERROR),
    _wire("unknown_status", K.BAD_REQUEST, status=418, code=418),
    _wire("connection_lost", K.DROPPED),
    _wire("not_json", K.HTML_BODY, status=200),
    _wire("error_in_200", K.ERROR_IN_200, code="odd"),
    _wire("mid_stream_error", K.MIDSTREAM_ERROR),
    _wire("mid_stream_error", K.FINISH_ERROR),
    _wire("empty_completion", K.EMPTY),
    _wire("empty_completion", K.NO_CHOICES),
    Case("timeout", "an answer that takes 250 s", K.LATENCY, {"from_call": WORKS_UNTIL, "seconds": 250.0}),
    # The agent's work
    _poor("prose", Character.TALKER),
    _poor("stuck", Character.STUCK),
    _poor("truncated", Character.TRUNCATOR),
    _poor("iteration_limit", Character.WANDERER),
    _poor("rejected", Character.LAZY),
    Case("invalid_output", "every tool call is malformed", K.MALFORMED_TOOL_CALL),
    Case("invalid_output", "every tool is unknown", K.UNKNOWN_TOOL),
    _poor("not_measurable", Character.LAZY, only=True,
          task={"task_type": "code_generation", "target_file": None, "description": "Write a rebate."}),
    Case("model_unfit", "no model of the plan takes tools", K.NO_TOOL_USE, only=True),
    # Our own caps
    Case("budget_reached", "the batch has a twentieth of a cent", only=True,
         task={"batch": "tight", "batch_cost_usd": "0.0005"}),
    Case("price_unknown", "the only model has no price", model={"record": {"pricing": None}}, only=True),
    # The provider is out for all, and comes back
    Case("infrastructure", "the only model's provider is out for three calls", K.BAD_GATEWAY,
         {"per": "model", "times": 3}, only=True),
    # What touches the whole crew
    _machine("connection_failed", "refuse_connections", "the provider's port is shut for a while", only=True),
    Case("quota_minute", "the platform's 429, once", K.RATE_LIMIT_MINUTE, {"per": "model", "times": 1},
         {"price": FREE}, alone=True, only=True),
    Case("quota_day", "the platform's 429 for the day, once", K.RATE_LIMIT_DAY, {"per": "model", "times": 1},
         {"price": FREE}, by="next_day", alone=True, only=True),
    Case("key_limit", "the key's own limit is reached", K.UNAUTHORIZED,
         {"status": 403, "message": "Key limit exceeded (total limit)", "per": "model", "times": 1},
         by="resume", alone=True, only=True),
    Case("unauthorized", "the key is disabled", by="change_the_key", alone=True, only=True),
    Case("payment_required", "the balance is negative", by="spend_the_credits", alone=True, only=True),
    Case("wall_time", "it explores slowly until its time limit",
         model={"character": Character.WANDERER, "latency_seconds": SLOW_SECONDS}, hasty=True),
    Case("abandoned", "the attempt's time limit is reached during a call", K.LATENCY,
         {"from_call": WORKS_UNTIL, "seconds": SLOW_SECONDS}, hasty=True),
    _machine("sandbox_killed", "kill_the_agent", "the agent's process is killed"),
    _machine("infrastructure", "kill_the_sandbox", "the sandbox's supervisor is killed", only=True),
    _machine("cancelled", "cancel", "a person cancels", only=True),
    _machine("disk_full", "fill_the_disk", "the disk of the workspaces fills up", only=True),
    _machine("state_store_down", "shut_the_store", "PostgreSQL refuses connections for 15 s", only=True),
    _machine("state_store_down", "kill_postgres", "PostgreSQL's postmaster is killed", only=True),
    _machine("prefect_api_down", "freeze_prefect", "the Prefect server is frozen for 20 s", only=True),
    _machine("prefect_api_down", "kill_prefect", "the Prefect server and the worker are killed", only=True),
)  # fmt: skip

NOT_MEASURABLE = {
    "sandbox_unavailable": "the kernel would have to refuse namespaces to everybody on this machine",
}


def scenario(cases: Iterable[Case]) -> Scenario:
    """A twin with one faulty model per case, and a more expensive one that does everything well."""
    shipped = shipped_scenario()
    faulty = [_model(case) for case in cases]
    steady = ScriptedModel(id=STEADY, price=EXPENSIVE, coding_index=40.0, provider="steady")
    rebate = Solution(
        match=Match.model_validate({"task_type": "code_generation"}),
        good={"src/stockroom/rebate.py": REBATE},
        vacuous={"src/stockroom/rebate.py": REBATE},
    )
    return shipped.model_copy(
        update={
            "account": Account(credits_usd=100, free_per_minute=1000),
            "models": (*faulty, steady),
            "faults": tuple(_fault(case) for case in cases if case.kind),
            "solutions": (rebate, *shipped.solutions),
        }
    )


def task_of(case: Case, repo: str) -> Task:
    """The case's task: the real agent documents a module, unless the case says otherwise."""
    given = {
        "task_id": case.name,
        "task_type": "documentation",
        "target_file": "src/stockroom/reorder.py",
        "description": f"Document the reorder module, whatever happens: {case.name}.",
        "repo": repo,
        "executor": "openhands",
        "quality_threshold": QUALITY,
        "models": [case.faulty] if case.only else [case.faulty, STEADY],
        **case.task,
    }
    return Task.model_validate(given)


def unlisted() -> set[str]:
    """Faults of the table without a case and without a reason for that."""
    return {row.fault for row in TABLE} - {case.fault for case in CASES} - NOT_MEASURABLE.keys()


# ---------------------------------------------------------------------------------------------------------


def _model(case: Case) -> ScriptedModel:
    given = {"price": CHEAP, "coding_index": 45.0, "provider": case.name, **case.model}
    return ScriptedModel.model_validate({"id": case.faulty, **given})


def _fault(case: Case) -> Fault:
    assert case.kind is not None
    return Fault.model_validate({"kind": case.kind, "models": (case.faulty,), **case.wire})
