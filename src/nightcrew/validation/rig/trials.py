"""Many small faults, tried one after the other in as few processes as can be believed.

A fork for each would cost more than the tests. So one child tries fault after fault, and what it says counts
only where it would hold in a fresh process too: a kill, when the same tests pass right afterwards with the
code put back; a survivor, when it survives again in a child of its own, with no memory of earlier runs.
"""

import contextlib
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import pytest

from . import protocol, swap, world
from .experiment import run_items
from .supervise import Reporter, supervise
from .watch import Relay, Watch


class Trial:
    """A fault, the tests that might notice it, and its code, made ready before any fork."""

    def __init__(self, job: protocol.Job, one: protocol.Experiment, items: "list[pytest.Item]") -> None:
        self.job, self.one, self.items = job, one, items
        self.swaps = swap.try_to_prepare(job.target, one.variant) if one.variant else []
        self.original = [(function, function.__code__) for function, _ in self.swaps]

    def run(self, relay: Relay, kills: "Counter[str]") -> "list[Any]":
        """The failures with the fault in place; tests that noticed most so far are asked first."""
        items = sorted(self.items, key=lambda item: -kills[item.nodeid])
        swap.apply(self.swaps)
        try:
            return _failures(self.job, self.one, items, relay)
        finally:
            swap.apply(self.original)

    def is_clean_after(self, failures: "list[Any]", relay: Relay) -> bool:
        """True where the test that decided passes again, now that the code is what it was."""
        killer = next((failure[0] for failure in failures if failure[2] == "assertion"), failures[0][0])
        return not _failures(
            self.job, self.one, [item for item in self.items if item.nodeid == killer], relay
        )


def run(
    job: protocol.Job, one: protocol.Experiment, items: "Sequence[pytest.Item]", relay: Relay
) -> "dict[str, dict[str, Any]]":
    """What became of each of the faults in `one.trials`, by its id."""
    by_id = {item.nodeid: item for item in items}
    told: dict[str, dict[str, Any]] = {}
    waiting: list[Trial] = []
    for each in one.trials:
        trial = Trial(job, each, [by_id[nodeid] for nodeid in each.items or () if nodeid in by_id])
        if trial.swaps:
            waiting.append(trial)
        else:
            told[each.id] = {"tests": [], "applied": 0, "done": True}
    again: list[Trial] = []
    kills: Counter[str] = Counter()
    while waiting:
        said, ended = _child(waiting, relay, kills, one.seconds)
        for trial, document in zip(waiting, said):  # noqa: B905 - the target's Python may be an old one
            if document["survived"] and trial is not waiting[0]:
                again.append(trial)
            else:
                told[trial.one.id] = document
            _count(document["tests"], kills)
        waiting = _rest(waiting, said, ended, told)
    for trial in again:
        said, ended = _child([trial], relay, kills, one.seconds)
        told[trial.one.id] = said[0] if said else ended
    return told


def _rest(
    waiting: "list[Trial]",
    said: "list[dict[str, Any]]",
    ended: "dict[str, Any]",
    told: "dict[str, dict[str, Any]]",
) -> "list[Trial]":
    """What is left after a child; where it died, the trial it died of is settled."""
    rest = waiting[len(said) :]
    if rest and not ended["done"]:
        told[rest[0].one.id] = ended
        rest = rest[1:]
    return rest


def _child(
    trials: "list[Trial]", relay: Relay, kills: "Counter[str]", seconds: float
) -> "tuple[list[dict[str, Any]], dict[str, Any]]":
    """What a child said of the first of these trials, one after the other, and how it ended."""
    result = supervise(partial(_body, trials, relay, kills), seconds, each=True)
    said = [line for line in result["reports"] if "survived" in line]
    done = any("over" in line for line in result["reports"])
    return said, {"tests": [], "done": done, "timed_out": result["timed_out"]}


def _body(trials: "list[Trial]", relay: Relay, kills: "Counter[str]", report: Reporter) -> None:
    _import_packages_once()
    for index, trial in enumerate(trials):
        failures = trial.run(relay, kills)
        _count(failures, kills)
        clean = not failures or trial.is_clean_after(failures, relay)
        if clean or index == 0:
            report({"tests": failures, "applied": len(trial.swaps), "survived": not failures, "done": True})
        if not clean:
            break
    report({"over": True})


def _import_packages_once() -> None:
    """A package of tests is set up for every run of them, and pytest looks for its file each time."""
    python: Any = sys.modules.get("_pytest.python")
    if hasattr(python, "importtestmodule"):
        python.importtestmodule = lru_cache(maxsize=None)(python.importtestmodule)


def _count(failures: "list[Any]", kills: "Counter[str]") -> None:
    kills.update(failure[0] for failure in failures if failure[2] == "assertion")


def _failures(
    job: protocol.Job, one: protocol.Experiment, items: "list[pytest.Item]", relay: Relay
) -> "list[Any]":
    """Run the items as if they were the first in this process; the failures, until nothing more would be
    learned."""
    failures: list[Any] = []
    world.seed_everything(0)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, one.cpu_seconds)
    relay.watch = Watch(job, one, lambda document: failures.append(document["test"]))
    run_items(items, relay.watch)
    for item in items[:1]:
        with contextlib.suppress(AttributeError):  # pytest's own way of ending a session
            item.session._setupstate.teardown_exact(None)
    return failures
