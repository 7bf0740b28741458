"""Hard filters: which models cannot do this task, which filter removes them, and how to relax it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.plan import Filtered
from nightcrew.selection.requirements import Requirements
from nightcrew.settings import DataPolicy
from nightcrew.task import ExecutorName

RELAX = {
    "allowed": "allow more models (--model, NIGHTCREW_MODELS)",
    "denied": "remove it from the denied models (NIGHTCREW_DENIED_MODELS)",
    "provider": "allow its provider",
    "data policy": "accept that free variants may keep prompts, or allow paid models",
    "expired": "refresh the catalogue; the model is gone",
    "context": "give the task less context, or wait for models with larger windows",
    "output": "require shorter answers",
    "tools": "allow the direct executor, which needs no tool calls",
    "tried": "allow other models: a model is not tried twice on the same task",
    "resting": "wait until it is available again",
    "quota": "wait for the next UTC day, or allow paid models with --max-cost-usd",
    "price": "raise --max-cost-usd above 0, because its price is unknown",
    "budget": "raise --max-cost-usd, or the crew's day budget",
    "latency": "allow longer attempts (NIGHTCREW_ATTEMPT_SECONDS)",
    "deadline": "give the task more time",
}


class Filters:
    """The filters that look at one model at a time; `reason` names the first that removes it."""

    def __init__(self, needs: Requirements, availability: Availability) -> None:
        self._needs = needs
        self._resting = availability.resting
        self._free_only = min(needs.budget_usd, availability.budget_left_usd) <= 0
        self._needs_tools = ExecutorName.DIRECT not in needs.executors
        self._window = min(map(needs.window, needs.executors), default=0)

    def reason(self, candidate: Candidate) -> str | None:
        """Why `candidate` is removed, as `filter: explanation`; None if it passes."""
        return self._policy(candidate) or self._ability(candidate) or self._state(candidate)

    def _policy(self, candidate: Candidate) -> str | None:
        needs = self._needs
        if needs.allowed_models and not _matches(candidate, needs.allowed_models):
            return "allowed: not among the allowed models"
        if needs.denied_models and _matches(candidate, needs.denied_models):
            return "denied: one of the denied models"
        if needs.allowed_providers and candidate.provider not in needs.allowed_providers:
            return f"provider: {candidate.provider} is not among the allowed providers"
        if candidate.provider in needs.denied_providers:
            return f"provider: {candidate.provider} is denied"
        if candidate.free and needs.data_policy is DataPolicy.NO_TRAINING:
            return "data policy: providers of free variants may keep prompts"
        return None

    def _ability(self, candidate: Candidate) -> str | None:
        needs = self._needs
        if candidate.expires_on is not None and candidate.expires_on <= needs.today:
            return f"expired: no longer offered since {candidate.expires_on}"
        if 0 < candidate.context_tokens < self._window:
            return f"context: window of {candidate.context_tokens:,} tokens, the task needs {self._window:,}"
        if candidate.max_output_tokens is not None and candidate.max_output_tokens < needs.output_tokens:
            return f"output: at most {candidate.max_output_tokens:,} tokens, needed {needs.output_tokens:,}"
        if self._needs_tools and not candidate.tools:
            return "tools: does not support tool calls"
        return None

    def _state(self, candidate: Candidate) -> str | None:
        if candidate.model in self._resting:
            return f"resting: {self._resting[candidate.model]}"
        if self._free_only and not candidate.free:
            return "budget: no money left, and it is not free"
        return None


def removed_by(filtered: Iterable[Filtered]) -> dict[str, int]:
    """The number of models that each filter removed, in descending order."""
    return dict(Counter(item.reason.partition(":")[0] for item in filtered).most_common())


def what_to_relax(filtered: Sequence[Filtered]) -> str:
    """Sentences for a person: which filters removed all models, and how to relax them."""
    if not filtered:
        return "No model is known: refresh the catalogue, or name models."
    parts = [f"{name} removed {count} ({RELAX[name]})" for name, count in removed_by(filtered).items()]
    return "No model is left: " + "; ".join(parts) + "."


# ------------------------------------------------------------------------------------------------------


def _matches(candidate: Candidate, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(candidate.model, p) or fnmatchcase(candidate.slug, p) for p in patterns)
