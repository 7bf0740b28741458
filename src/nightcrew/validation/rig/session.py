"""One pytest session: collect once, then fork a child per experiment on what was collected."""

import contextlib
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from . import experiment, swap, traces
from .supervise import Reporter, supervise


def run(job: "dict[str, Any]", session: "dict[str, Any]", report: Reporter) -> None:
    """Collect in this process, run the session's experiments, report as they end."""
    os.environ.update(session.get("env") or {})
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(job["workspace"])
    sys.argv = ["pytest"]
    for path in reversed(job["paths"]):
        sys.path.insert(0, path)
    experiment.seed_everything(0)
    if session.get("replace"):
        swap.replace_on_import(session["replace"])
    plugin = Plugin(job, session, report)
    if session.get("imports"):
        plugin.importing = experiment.start_coverage(job)
    said = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - lives as long as the session
    os.dup2(said.fileno(), 1)
    os.dup2(said.fileno(), 2)
    code = pytest.main(session["args"], plugins=[plugin])
    sys.stdout.flush()
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - 1500))
    report({"end": int(code), "said": said.read().decode("utf-8", "replace")})


class Plugin:
    """Takes over the test loop of a pytest session."""

    def __init__(self, job: "dict[str, Any]", session: "dict[str, Any]", report: Reporter) -> None:
        self.job = job
        self.session = session
        self.report = report
        self.errors: list[list[str]] = []
        self.importing: Any = None
        self.network = experiment.watch_network()
        self.files = traces.Files(job["workspace"])

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Note what could not be collected."""
        if report.failed:
            self.errors.append([report.nodeid, str(report.longrepr)[-1500:]])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: "pytest.Session") -> bool:
        """Tell what was collected, then run the experiments instead of the tests."""
        items = list(session.items)
        imported = []
        if self.importing is not None:
            self.importing.stop()
            imported = sorted(self.importing.get_data().lines(self.job["target"]) or ())
        self.report(
            {
                "collected": [[item.nodeid, _path(item, self.job), _function(item)] for item in items],
                "errors": self.errors,
                "network": list(self.network),
                "imported": imported,
                "changed": self.files.settle(),
            }
        )
        gc.collect()
        swap.remember(self.job["target"])
        with contextlib.suppress(AttributeError):
            gc.freeze()
        chance = False
        started = time.monotonic()
        for one in self.session["experiments"]:
            # CPU time, so that a busy machine leaves nothing out; the other is for tests that sleep.
            spent, waited = sum(os.times()[2:4]), time.monotonic() - started
            late = spent > self.session["budget"] or waited > 4 * self.session["budget"]
            if (one.get("if_chance") and not chance) or (one.get("optional") and late):
                continue
            for name, chosen in self._runs(one, items):
                body = partial(experiment.run, self.job, one, chosen, self.network)
                result = supervise(body, one["seconds"])
                told = _told(result)
                chance = chance or bool(told.get("chance"))
                self.report({"experiment": name, **told, "changed": self.files.undo()})
        return True

    def _runs(
        self, one: "dict[str, Any]", items: "list[pytest.Item]"
    ) -> "Iterator[tuple[str, list[pytest.Item]]]":
        chosen = _select(one, items)
        if one.get("order") != "alone":
            yield one["id"], _ordered(one, chosen)
            return
        groups: dict[tuple[str, str], list[pytest.Item]] = {}
        for item in chosen:
            groups.setdefault((_path(item, self.job), _function(item)), []).append(item)
        names = sorted(groups)
        limit = one["limit"]
        if len(names) > limit:
            names = sorted(random.Random(limit).sample(names, limit))  # noqa: S311
        for name in names:
            yield f"{one['id']}:{name[0]}::{name[1]}", groups[name]


def _told(result: "dict[str, Any]") -> "dict[str, Any]":
    """The documents of an experiment as one."""
    told: dict[str, Any] = {"tests": [], "done": False, "timed_out": result["timed_out"]}
    for line in result["reports"]:
        if "test" in line:
            told["tests"].append(line["test"])
        else:
            told.update(line)
    return told


def _select(one: "dict[str, Any]", items: "list[pytest.Item]") -> "list[pytest.Item]":
    if one.get("items") is not None:
        by_id = {item.nodeid: item for item in items}
        return [by_id[nodeid] for nodeid in one["items"] if nodeid in by_id]
    excluded = set(one.get("exclude") or ())
    return [item for item in items if item.nodeid not in excluded]


def _ordered(one: "dict[str, Any]", items: "list[pytest.Item]") -> "list[pytest.Item]":
    order = one.get("order")
    if order == "reversed":
        return items[::-1]
    if isinstance(order, int):
        shuffled = list(items)
        random.Random(order).shuffle(shuffled)  # noqa: S311
        return shuffled
    return items


def _path(item: pytest.Item, job: "dict[str, Any]") -> str:
    with contextlib.suppress(ValueError, AttributeError):
        return os.path.relpath(str(item.path), job["workspace"])
    return item.nodeid.split("::")[0]


def _function(item: pytest.Item) -> str:
    """The item's name without parameters: `TestX::test_y`."""
    name = item.nodeid.split("::", 1)[-1]
    return name.split("[")[0]
