"""One pytest session: collect once, then fork a child per experiment on what was collected."""

import contextlib
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from . import protocol, swap, traces, trials, world
from .audit import Audit, Contacts
from .experiment import Prepared, joined
from .lines import lines_of
from .protocol import Collection, End, Row
from .supervise import Reporter, run_job, supervise
from .watch import Relay


def main() -> None:
    """Runs the sessions of a job, each in a child of its own."""
    run_job(_sessions)


def run(job: protocol.Job, session: protocol.Session, report: Reporter) -> None:
    """Collects in this process, runs the session's experiments, and reports each when it ends."""
    os.environ.update(session.env)
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(job.folder)
    sys.argv = ["pytest"]
    for path in reversed(job.paths):
        sys.path.insert(0, path)
    world.seed_everything(0)
    if session.replace:
        swap.replace_on_import(session.replace)
    plugin = Plugin(job, session, report)
    if session.imports:
        plugin.importing = lines_of([*{job.target, *job.measured}])
    output = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - lives as long as the session
    # Programs that tests start write to the descriptors, past `sys.stdout`, and reports go to another one.
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    code = pytest.main(list(session.args), plugins=[plugin])
    sys.stdout.flush()
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 1500))
    report({"end": int(code), "output": output.read().decode("utf-8", "replace")})


class Plugin:
    """Takes over the test loop of a pytest session."""

    def __init__(self, job: protocol.Job, session: protocol.Session, report: Reporter) -> None:
        self.job = job
        self.session = session
        self.report = report
        self.errors: list[list[str]] = []
        self.importing: Any = None
        self.chance = False  # the new tests draw random numbers
        self.work = self.spent = 0  # number of calls: of the new tests once, and of all optional experiments
        self.network = world.watch_network()
        self.switches: dict[str, str] = {}
        self.switched: set[str] = set()
        self.files = traces.Files(job.workspace)
        watches = any(one.watch_powers for one in session.experiments)
        self.audit = Audit(job) if watches else None
        self.contacts = Contacts(job.workspace) if watches else None
        self.relay = Relay(self.contacts)

    def pytest_collectstart(self) -> None:
        """Runs before the first file is imported."""
        self.switches = self.switches or traces.switches()

    def pytest_collectreport(self, report: "pytest.CollectReport") -> None:
        """Notes what could not be collected, and settings that an import changed for every test."""
        now = traces.switches()
        self.switched |= {name for name, old in self.switches.items() if now[name] != old}
        if report.failed:
            self.errors.append([report.nodeid, str(report.longrepr)[-1500:]])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: "pytest.Session") -> None:
        """Runs before collection and before the target's import: experiments with another text of the target
        from its import on, each in a child. One that comes too late is reported as unfit."""
        if self.session.early:
            here = Path(self.job.workspace)
            _rewrite_ahead([here / word for word in self.session.args], session.config)
        for one in self.session.early:
            document: End = {"tests": [], "unfit": True}
            if not _is_imported(one.replace):
                document = joined(supervise(partial(self._early, session, one), one.seconds))
            self.report({"experiment": one.id, **document, "changed": self.files.undo()})

    def _early(self, session: "pytest.Session", one: protocol.Experiment, report: Reporter) -> None:
        swap.replace_on_import(one.replace)
        rewriting = session.config.pluginmanager.getplugin("assertion")
        if hasattr(rewriting, "pytest_collection"):
            rewriting.pytest_collection(session)
        session.perform_collect()
        for nodeid, text in self.errors:
            report({"test": Row(nodeid, "error", "crash", text[-400:], 0.0, None, touched=False, line=0)})
        if self.errors:
            report({"done": True})
            return
        session.config.pluginmanager.register(self.relay)
        items = _select(one, list(session.items))
        Prepared(self.job, one, self.relay).run(items, self.network, self.audit, report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: "pytest.Session") -> bool:
        """Reports what was collected, then runs the experiments instead of the tests."""
        items = list(session.items)
        _call_as_before(items, self.session.experiments)
        imported: dict[str, list[int]] = {}
        if self.importing is not None:
            self.importing.stop()
            for path in {self.job.target, *self.job.measured}:
                imported[path] = sorted(set().union(*self.importing.lines(path).values()))
        if self.contacts is not None:
            self.contacts.settle()
            session.config.pluginmanager.register(self.contacts)
        collection: Collection = {
            "collected": [(item.nodeid, _path(item, self.job), _function(item)) for item in items],
            "errors": self.errors,
            "network": list(self.network),
            "imported": imported.pop(self.job.target, []),
            "imported_beside": imported,
            "changed": [*self.files.settle(), *sorted(self.switched)],
        }
        self.report(collection)
        session.config.pluginmanager.register(self.relay)
        if any(one.variant or one.trials for one in self.session.experiments):
            swap.import_file(self.job.target, self.job.paths)
        gc.collect()
        swap.remember(self.job.target)
        with contextlib.suppress(AttributeError):
            gc.freeze()  # a collection in a child would touch, and so copy, every page that it shares
        for one in self.session.experiments:
            if one.trials:
                for name, result in trials.run(self.job, one, items, self.relay).items():
                    self.report({"experiment": name, **result})
                self.files.undo()
            elif self.chance or not one.if_chance:
                for name, chosen in self._runs(one, items):
                    self._run(one, name, chosen)
        self._end()
        return True

    def _run(self, one: protocol.Experiment, name: str, items: "list[pytest.Item]") -> None:
        # Work is counted in calls, not seconds, so a slow machine leaves out no more than a fast one.
        if one.optional and self.spent + self.work > self.session.work:
            return
        experiment = Prepared(self.job, one, self.relay)
        if experiment.is_void:
            self.report({"experiment": name, "tests": [], "applied": 0, "done": True})
            return
        result = experiment.result(items, self.network, self.audit)
        self.chance = self.chance or bool(result.get("chance"))
        self.work = self.work or int(result.get("work") or 0)
        self.spent += self.work if one.optional else 0
        self.report({"experiment": name, **result, "changed": self.files.undo()})
        if one.decisive and result["timed_out"]:
            self._end()  # the others would take as long and show nothing new

    def _end(self) -> None:
        """Ends the process: everything is reported, and plugins can take long at the end of a session."""
        self.report({"end": 0})
        os._exit(0)

    def _runs(
        self, one: protocol.Experiment, items: "list[pytest.Item]"
    ) -> "Iterator[tuple[str, list[pytest.Item]]]":
        # Other files may inherit tests of the judged files, so the judged files go first.
        own = set(one.own)
        chosen = sorted(_select(one, items), key=lambda item: _path(item, self.job) not in own)
        if one.order != "alone":
            yield one.id, _ordered(one, chosen, sum(_path(item, self.job) in own for item in chosen))
            return
        groups: dict[tuple[str, str], list[pytest.Item]] = {}
        for item in chosen:
            groups.setdefault((_path(item, self.job), _function(item)), []).append(item)
        names, limit = sorted(groups), one.limit
        first = _some([name for name in names if name[0] in own], limit)
        names = first + _some([name for name in names if name[0] not in own], limit - len(first))
        for name in sorted(names):
            yield f"{one.id}:{name[0]}::{name[1]}", groups[name]


def _sessions(asked: "dict[str, Any]", secret: int) -> "dict[str, Any]":
    job = protocol.read_job(asked)
    return {"sessions": [supervise(partial(run, job, one), one.seconds, secret) for one in job.sessions]}


def _is_imported(replaced: "Iterable[str]") -> bool:
    loaded = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return any(path in loaded for path in replaced)


def _call_as_before(items: "list[pytest.Item]", experiments: "Sequence[protocol.Experiment]") -> None:
    """Gives a test whose id differs in every run the id under which it was requested."""
    known: dict[str, None] = {}
    for one in experiments:
        edited = set(one.own)
        known.update((name, None) for name in one.exclude if name.split("::")[0] not in edited)
        known.update((name, None) for each in (one, *one.trials) for name in each.items or ())
    there = {item.nodeid for item in items}
    lost: dict[str, list[str]] = {}
    for name in known:
        if name not in there:
            lost.setdefault(name.split("[")[0], []).append(name)
    for item in items:
        names = lost.get(item.nodeid.split("[")[0])
        if names and item.nodeid not in known:
            kind = type(item)
            make: Any = type(kind)
            item.__class__ = make(kind.__name__, (kind,), {"nodeid": names.pop(0), "__slots__": ()})


def _select(one: protocol.Experiment, items: "list[pytest.Item]") -> "list[pytest.Item]":
    if one.items is not None:
        by_id = {item.nodeid: item for item in items}
        return [by_id[nodeid] for nodeid in one.items if nodeid in by_id]
    excluded = set(one.exclude)
    return [item for item in items if item.nodeid not in excluded]


def _some(names: "list[tuple[str, str]]", most: int) -> "list[tuple[str, str]]":
    return random.Random(most).sample(names, most) if len(names) > most else names  # noqa: S311


def _ordered(one: protocol.Experiment, items: "list[pytest.Item]", own: int) -> "list[pytest.Item]":
    """The items in the requested order; in reverse, the first `own` stay before the others."""
    order = one.order
    if order == "reversed":
        return items[:own][::-1] + items[own:][::-1]
    if isinstance(order, int):
        shuffled = list(items)
        random.Random(order).shuffle(shuffled)  # noqa: S311
        return shuffled
    return items


def _path(item: pytest.Item, job: protocol.Job) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        return os.path.relpath(str(item.path), job.workspace)
    return item.nodeid.split("::")[0]


def _function(item: pytest.Item) -> str:
    """The item's name without parameters: `TestX::test_y`."""
    name = item.nodeid.split("::", 1)[-1]
    return name.split("[")[0]


class _Rewritten:
    """Pytest's rewriting of assertions, done once for all children of a session."""

    def __init__(self, rewrite: Any) -> None:
        self.rewrite = rewrite
        self.known: dict[tuple[str, bytes], Any] = {}

    def __call__(self, path: Path, config: Any) -> Any:
        """The result of `rewrite` for the file's present text."""
        key = (str(path), path.read_bytes())
        if key not in self.known:
            self.known[key] = self.rewrite(path, config)
        return self.known[key]


def _rewrite_ahead(paths: "Iterable[Path]", config: Any) -> None:
    """Rewrites test files for this process and its forks, without running them."""
    module: Any = sys.modules.get("_pytest.assertion.rewrite")
    original = getattr(module, "_rewrite_test", None)
    if original is None:  # an older or a newer pytest: each child rewrites for itself
        return
    module._rewrite_test = rewritten = _Rewritten(original)
    for path in paths:
        compiled = path.parent / "__pycache__" / f"{path.stem}{module.PYC_TAIL}"
        if path.suffix == ".py" and path.is_file() and not compiled.is_file():
            with contextlib.suppress(Exception):  # the file's import reports the error
                rewritten(path, config)
