"""Many small faults, tried one after the other in as few processes as still give reliable results.

A fork for each would cost more than the tests. So one child tries fault after fault, and its results count
only where they would be the same in a fresh process: a noticed fault, when the same tests pass right
afterwards with the code restored; a survivor, when it survives again in a child of its own.
"""

import contextlib
import copy
import dataclasses
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import pytest

from . import protocol, swap, world
from .experiment import run_items
from .protocol import End, Row
from .supervise import Reporter, supervise
from .watch import Relay, Watch

LONGER = 10  # times its limit of CPU, for a test that reaches it without a fault too


class Trial:
    """A fault, the tests that might notice it, and its code, prepared before any fork."""

    def __init__(self, job: protocol.Job, one: protocol.Experiment, items: "list[pytest.Item]") -> None:
        self.job, self.one, self.items = job, one, items
        self.swaps = swap.try_to_prepare(job.target, one.variant) if one.variant else []
        self.original = [(function, function.__code__) for function, _ in self.swaps]

    def run(self, relay: Relay, kills: "Counter[str]") -> "list[Row]":
        """The failures with the fault in place; the tests that noticed most faults so far run first."""
        items = sorted(self.items, key=lambda item: -kills[item.nodeid])
        swap.apply(self.swaps)
        try:
            return _failures(self.job, self.one, items, relay)
        finally:
            swap.apply(self.original)

    def is_clean_after(self, failures: "list[Row]", relay: Relay) -> bool:
        """True where the deciding test passes again, now that the code is restored."""
        killer = next((one.nodeid for one in failures if one.kind == "assertion"), failures[0].nodeid)
        return not _failures(
            self.job, self.one, [item for item in self.items if item.nodeid == killer], relay
        )


def run(
    job: protocol.Job, one: protocol.Experiment, items: "Sequence[pytest.Item]", relay: Relay
) -> "dict[str, End]":
    """The result of each fault in `one.trials`, by its id."""
    by_id = {item.nodeid: item for item in items}
    results: dict[str, End] = {}
    waiting: list[Trial] = []
    for each in one.trials:
        trial = Trial(job, each, [by_id[nodeid] for nodeid in each.items or () if nodeid in by_id])
        if trial.swaps:
            waiting.append(trial)
        else:
            results[each.id] = {"tests": [], "applied": 0, "done": True}
    again: list[Trial] = []
    kills: Counter[str] = Counter()
    while waiting:
        documents, ended = _child(waiting, relay, kills, one.seconds)
        for trial, document in zip(waiting, documents):  # noqa: B905 - the target's Python may be an old one
            if document["survived"] and trial is not waiting[0]:
                again.append(trial)
            else:
                results[trial.one.id] = document
            _count(document["tests"], kills)
        rest = waiting[len(documents) :]
        if rest and not ended["done"]:
            # The trial that ended the child has its result.
            results[rest[0].one.id] = _alone(rest[0], ended, relay, kills, one.seconds)
            rest = rest[1:]
        waiting = rest
    for trial in again:
        documents, ended = _child([trial], relay, kills, one.seconds)
        results[trial.one.id] = documents[0] if documents else ended
    return results


def _alone(trial: Trial, ended: End, relay: Relay, kills: "Counter[str]", seconds: float) -> End:
    """The result of a trial that ended its child: `ended`, unless the code as it is ends one too. Then its
    tests need more time, and where that does not help either, nothing is known."""
    control, longer = copy.copy(trial), copy.copy(trial)
    control.swaps = control.original
    documents, _ = _child([control], relay, kills, seconds)
    if documents and documents[0]["survived"]:
        return ended
    longer.one = dataclasses.replace(trial.one, cpu_seconds=LONGER * trial.one.cpu_seconds)
    documents, _ = _child([longer], relay, kills, seconds)
    return documents[0] if documents else {"tests": [], "applied": 0, "done": True}


def _child(
    trials: "list[Trial]", relay: Relay, kills: "Counter[str]", seconds: float
) -> "tuple[list[End], End]":
    """A child's results for the first of these trials, in order, and how it ended."""
    result = supervise(partial(_body, trials, relay, kills), seconds, each=True)
    documents = [_read(line) for line in result["reports"] if "survived" in line]
    done = any("over" in line for line in result["reports"])
    return documents, {"tests": [], "done": done, "timed_out": result["timed_out"]}


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


def _read(line: "dict[str, Any]") -> End:
    return {
        "tests": [Row(*one) for one in line["tests"]],
        "applied": line["applied"],
        "survived": line["survived"],
        "done": line["done"],
    }


def _import_packages_once() -> None:
    """Caches the lookup of test packages, whose file pytest otherwise searches in every run."""
    python: Any = sys.modules.get("_pytest.python")
    if hasattr(python, "importtestmodule"):
        python.importtestmodule = lru_cache(maxsize=None)(python.importtestmodule)


def _count(failures: "list[Row]", kills: "Counter[str]") -> None:
    kills.update(failure.nodeid for failure in failures if failure.kind == "assertion")


def _failures(
    job: protocol.Job, one: protocol.Experiment, items: "list[pytest.Item]", relay: Relay
) -> "list[Row]":
    """Runs the items as if they were the first in this process; returns the failures up to the point where
    more would add nothing."""
    failures: list[Row] = []
    world.seed_everything(0)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, one.cpu_seconds)
    relay.watch = Watch(job, one, failures.append)
    run_items(items, relay.watch)
    for item in items[:1]:
        with contextlib.suppress(AttributeError):  # pytest's own way of ending a session
            item.session._setupstate.teardown_exact(None)
    return failures
