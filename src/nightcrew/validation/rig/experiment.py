"""One experiment: some collected tests, in one order and one world, in a child process of its own."""

import os
import signal
import time
from collections.abc import Sequence
from functools import partial

import pytest

from . import examples, protocol, swap, traces, world
from .audit import Audit
from .protocol import ENDS, End, Row
from .supervise import Reporter, Supervised, supervise
from .watch import Relay, Watch


class Prepared:
    """The experiment, prepared before the fork so that the child has little left to do."""

    def __init__(self, job: protocol.Job, one: protocol.Experiment, relay: Relay) -> None:
        self.job, self.one, self.relay = job, one, relay
        self.swaps = swap.try_to_prepare(job.target, one.variant) if one.variant else None

    @property
    def is_void(self) -> bool:
        """True for a variant that cannot be put into live functions."""
        return self.swaps is not None and not self.swaps

    def result(self, items: "Sequence[pytest.Item]", network: "list[str]", audit: "Audit | None") -> End:
        """Runs the items in a child. A test that ends the child's process fails, and with `past_ends` the
        others run again without it: what was measured until then is lost with the process."""
        left, ended = list(items), []  # type: list[pytest.Item], list[Row]
        while True:
            result = joined(supervise(partial(self.run, left, network, audit), self.one.seconds))
            reported = {row.nodeid for row in result["tests"]}
            result["tests"] += ended
            first = next((item for item in left if item.nodeid not in reported), None)
            if result["done"] or result["timed_out"] or first is None or len(ended) >= self.one.past_ends:
                return result
            ended.append(Row(first.nodeid, "failed", "crash", ENDS, 0.0, None, touched=False, line=0))
            left.remove(first)

    def run(
        self, items: "list[pytest.Item]", network: "list[str]", audit: "Audit | None", report: Reporter
    ) -> None:
        """Prepares the world, runs the items, reports each test and a last line with `done`."""
        del network[:]
        one = self.one
        world.seed_everything(one.seed)
        if one.cpu_seconds:
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, one.cpu_seconds)
        end: End = {}
        if one.zone:
            os.environ["TZ"] = one.zone
            time.tzset()
        if self.swaps is not None and one.variant is not None:
            end["applied"] = swap.apply(self.swaps, one.variant.adjusting)
        if one.examples_of:
            for item in items:
                examples.prepare(item, self.job, one.examples_of)
        watch = self.relay.watch = Watch(
            self.job,
            one,
            lambda row: report({"test": row}),
            self.relay.contacts if one.watch_powers else None,
        )
        own = (self.job.workspace, set(self.job.test_files))
        code = traces.code_of(*own) if one.watch_code else None
        before = world.drawn() if one.watch_chance else None
        with world.other_date(one.days, self.job.clock) as end["dated"]:
            started, moment = time.process_time(), time.perf_counter()
            end["ran"] = run_items(items, watch, one.strata)
            end["cpu"], end["wall"] = time.process_time() - started, time.perf_counter() - moment
        measures = watch.end()
        if code is not None:
            end["replaced"] = traces.replaced(code, traces.code_of(*own))
        if before is not None:
            end["chance"] = world.drawn() != before
        powers = audit.found() if audit is not None and one.watch_powers else []
        report({**end, **measures, "network": list(network), "powers": powers, "done": True})


def joined(result: Supervised) -> End:
    """Joins the documents of an experiment into one."""
    found: End = {"tests": [], "done": False, "timed_out": result["timed_out"]}
    for line in result["reports"]:
        if "test" in line:
            found["tests"].append(Row(*line["test"]))
        else:
            found.update(line)  # type: ignore[typeddict-item]
    return found


def run_items(items: "list[pytest.Item]", watch: Watch, stratum: "int | None" = None) -> int:
    """Runs the items one after the other until more would add nothing; returns how many ran."""
    seeds = world.strata() if stratum is not None else []
    for index, item in enumerate(items):
        if watch.enough():
            return index
        if stratum is not None:
            world.seed_everything(seeds[(stratum + index) % len(seeds)])
        watch.start(item)
        following = items[index + 1] if index + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        watch.stop(item)
    return len(items)
