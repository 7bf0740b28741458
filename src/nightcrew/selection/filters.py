"""Hard filters: which models cannot do this task, which filter removes them, and how to relax it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from nightcrew.selection.candidates import Availability, Candidate
from nightcrew.selection.plan import Filtered, FilterName, Removal
from nightcrew.selection.requirements import Requirements
from nightcrew.settings import DataPolicy
from nightcrew.task import ExecutorName

RELAX = {
    FilterName.ALLOWED: "allow more models (--model, NIGHTCREW_MODELS)",
    FilterName.DENIED: "remove it from the denied models (NIGHTCREW_DENIED_MODELS)",
    FilterName.PROVIDER: "allow its provider",
    FilterName.DATA_POLICY: "accept that free variants may keep prompts, or allow paid models",
    FilterName.EXPIRED: "refresh the catalogue; the model is gone",
    FilterName.CONTEXT: "give the task less context, or wait for models with larger windows",
    FilterName.OUTPUT: "require shorter answers",
    FilterName.TOOLS: "allow the direct executor, which needs no tool calls",
    FilterName.TRIED: "allow other models, or a higher --max-cost-usd for another try of these",
    FilterName.RESTING: "wait until it is available again",
    FilterName.QUOTA: "wait for the next UTC day, or allow paid models with --max-cost-usd",
    FilterName.BUDGET: "raise --max-cost-usd, or the crew's day budget",
    FilterName.LATENCY: "allow longer attempts (NIGHTCREW_ATTEMPT_SECONDS)",
    FilterName.DEADLINE: "give the task more time",
}

_LEFT_OUT = {
    FilterName.ALLOWED: "not among the allowed models",
    FilterName.DENIED: "on the list of denied models",
    FilterName.PROVIDER: "of a provider that is not allowed",
    FilterName.DATA_POLICY: "free, whose providers may keep prompts",
    FilterName.EXPIRED: "no longer offered",
    FilterName.CONTEXT: "with a window that is too small for the task",
    FilterName.OUTPUT: "with answers that are too short",
    FilterName.TOOLS: "without tool calls",
    FilterName.TRIED: "tried on this task before, and not tried again",
    FilterName.RESTING: "resting after faults",
    FilterName.QUOTA: "free, for which no free calls are left today",
    FilterName.BUDGET: "too expensive for the money that is left",
    FilterName.LATENCY: "too slow for one attempt",
    FilterName.DEADLINE: "too slow for the time that is left",
}


class Filters:
    """The filters that look at one model at a time; `removal` names the first that removes it."""

    def __init__(self, needs: Requirements, availability: Availability) -> None:
        self._needs = needs
        self._resting = availability.resting
        self._free_only = min(needs.budget_usd, availability.budget_left_usd) <= 0
        self._needs_tools = ExecutorName.DIRECT not in needs.executors
        self._window = min(map(needs.window, needs.executors), default=0)

    def removal(self, candidate: Candidate) -> Removal | None:
        """Why `candidate` is removed, None if it passes."""
        return self._policy(candidate) or self._ability(candidate) or self._state(candidate)

    def _policy(self, candidate: Candidate) -> Removal | None:
        needs = self._needs
        if needs.allowed_models and not _matches(candidate, needs.allowed_models):
            return Removal(FilterName.ALLOWED, "not among the allowed models")
        if needs.denied_models and _matches(candidate, needs.denied_models):
            return Removal(FilterName.DENIED, "one of the denied models")
        if needs.allowed_providers and candidate.provider not in needs.allowed_providers:
            return Removal(FilterName.PROVIDER, f"{candidate.provider} is not among the allowed providers")
        if candidate.provider in needs.denied_providers:
            return Removal(FilterName.PROVIDER, f"{candidate.provider} is denied")
        if candidate.free and needs.data_policy is DataPolicy.NO_TRAINING:
            return Removal(FilterName.DATA_POLICY, "providers of free variants may keep prompts")
        return None

    def _ability(self, candidate: Candidate) -> Removal | None:
        needs = self._needs
        if candidate.expires_on is not None and candidate.expires_on <= needs.today:
            return Removal(FilterName.EXPIRED, f"no longer offered since {candidate.expires_on}")
        if 0 < candidate.context_tokens < self._window:
            return Removal(
                FilterName.CONTEXT,
                f"window of {candidate.context_tokens:,} tokens, the task needs {self._window:,}",
            )
        if candidate.max_output_tokens is not None and candidate.max_output_tokens < needs.output_tokens:
            return Removal(
                FilterName.OUTPUT,
                f"at most {candidate.max_output_tokens:,} tokens, needed {needs.output_tokens:,}",
            )
        if self._needs_tools and not candidate.tools:
            return Removal(FilterName.TOOLS, "does not support tool calls")
        return None

    def _state(self, candidate: Candidate) -> Removal | None:
        if candidate.model in self._resting:
            return Removal(FilterName.RESTING, f"{self._resting[candidate.model]}")
        if self._free_only and not candidate.free:
            return Removal(FilterName.BUDGET, "no money left, and it is not free")
        return None


def removed_by(filtered: Iterable[Filtered]) -> dict[FilterName, int]:
    """The number of models that each filter removed, in descending order."""
    return dict(Counter(item.removal.by for item in filtered).most_common())


def what_to_relax(filtered: Sequence[Filtered]) -> str:
    """Sentences for a person: why each known model is left out, and what would bring some back."""
    if not filtered:
        return (
            "No model is known: fetch the list with 'nightcrew refresh-models', or name what the endpoint "
            "serves in NIGHTCREW_MODELS."
        )
    removed = removed_by(filtered)
    reasons = "; ".join(f"{count} {_LEFT_OUT[name]}" for name, count in removed.items())
    ways = "; or ".join(RELAX[name] for name in removed)
    return f"No model is left for this task. Left out: {reasons}. To go on, {ways}."


# ------------------------------------------------------------------------------------------------------


def _matches(candidate: Candidate, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(candidate.model, p) or fnmatchcase(candidate.slug, p) for p in patterns)
