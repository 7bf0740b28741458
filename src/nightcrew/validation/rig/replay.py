"""Repeats recorded calls and similar ones; gives each result as text.

It runs on base and on the change with the same calls, and only differences between the two count. So a call
that runs none of the functions that the change edits is made once, on base. A result
has the type and content, the error, whether the value is lazy, an argument or the same object each time, the
changed arguments, output and warnings, in two time zones and locales, and how the work grows.
"""

import ast
import contextlib
import copy
import importlib
import io
import itertools
import locale
import os
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from . import protocol, world
from .calls import Entered, Lines
from .growth import TooLong, counted, growth, limited
from .making import found, unkept
from .neighbours import is_equal, near_calls, with_nothing, without_literal
from .protocol import Answers, Made
from .shown import WARNS, NotPlain, bounded, call_text, calmed, described, own_message, plain, shown
from .supervise import Reporter, run_job, supervise

SECONDS_OF_WAITING, MOST_WAITS, MOST_DEATHS = 240.0, 3, 8
MOST_WORK = 2_000_000  # lines that one call and those like it may run
MOST_MADE = 12
MOST_MEMORY = 3 << 29  # bytes; below the limit of the sandbox, which would end the other calls too
OFTEN, FEW = 4, 6  # after this many calls of a function, each gets only this many similar calls
MOST_GROWN = 3  # calls of a function of which it is measured how the work grows
ENDLESS_GROWTH = 1000.0
MOST_ENDLESS = 2  # calls of a function that have no end, or no network, after which nothing similar is tried
DAY = 20_454.52  # days since 1970: an afternoon in winter
WORLDS = (("UTC", "C.UTF-8"), ("Asia/Kathmandu", "C"))
NOT_CALLED, ENDLESS, DEAD = "cannot be called", "!what does not end", "!the end of the process"
NETWORK, WAITING = "!what needs the network", "!what waits until the time limit"
UNSTEADY = "something else each time"
NOT_WANTED = Made("", "")


def main() -> None:
    """Reports the results of a job's calls in order, its modules' values, and its files' lines that ran."""
    run_job(_replayed)


def _replayed(asked: "dict[str, Any]", secret: int) -> Answers:
    job = protocol.read_replay(asked)
    os.chdir(job.workspace)
    sys.path[:0] = job.paths
    results: Answers = {"answers": [], "lines": {}, "values": {}, "deaths": 0}
    limits: dict[str, int] = {}
    for module in job.modules:
        result = supervise(partial(_values, module), SECONDS_OF_WAITING, secret)
        results["values"][module] = next(
            (line["values"] for line in result["reports"] if "values" in line), None
        )
    waits = 0
    while len(results["answers"]) < len(job.calls) and results["deaths"] < MOST_DEATHS and waits < MOST_WAITS:
        waits += _go_on(job, results, limits, secret)
    results["answers"] += [[] for _ in job.calls[len(results["answers"]) :]]
    return results


def _go_on(job: protocol.Replay, results: Answers, limits: "dict[str, int]", secret: int) -> bool:
    """Adds the results of one child process, which has repeated all calls that are left, or has ended too
    early; returns whether it waited until the time limit. `limits` holds how many similar calls of a function
    a process survives."""
    rest = job.calls[len(results["answers"]) :]
    result = supervise(partial(_replay, job, rest, limits), SECONDS_OF_WAITING, secret, each=True)
    answers: list[Any] = []
    for line in result["reports"]:
        if "answer" in line:
            answers.append(line["answer"])
        elif "lines" in line:
            results["answers"].append(answers)
            answers = []
            for path, held in line["lines"].items():
                results["lines"][path] = sorted({*results["lines"].get(path, ()), *held})
    if len(results["answers"]) < len(job.calls):
        name = job.calls[len(results["answers"])].name
        results["deaths"] += 1
        results["answers"].append([*answers, Made(name, WAITING if result["timed_out"] else DEAD)])
        limits[name] = max(len(answers), 1)
    return bool(result["timed_out"])


def _values(module: str, report: Reporter) -> None:
    _quiet()
    held = vars(importlib.import_module(module))
    found: dict[str, str] = {}
    for name, value in list(held.items()):
        inside = vars(value) if issubclass(type(value), type) and value.__module__ == module else {}
        for place, one in [(name, value), *((f"{name}.{key}", one) for key, one in inside.items())]:
            if not place.rpartition(".")[2].startswith("__"):
                with contextlib.suppress(NotPlain):
                    found[place] = plain(one)
    report({"values": found})


def _replay(
    job: protocol.Replay,
    calls: "Sequence[protocol.Recorded]",
    limits: "dict[str, int]",
    report: Reporter,
) -> None:
    _quiet()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    literals, values = ([*map(ast.literal_eval, some)] for some in (job.literals, job.constants))
    often: Counter[str] = Counter()
    endless: Counter[str] = Counter()
    network, left = world.watch_network(), world.Left()
    entered = Entered(job.functions, job.workspace + os.sep)
    with world.still_clock(DAY, job.clock):
        for call in calls:
            often[call.name] += 1
            lines = Lines(job.measured)
            try:
                grows = often[call.name] <= MOST_GROWN
                caller = Caller(call, job, lines, entered, network, left, grows=grows)
                most = FEW if often[call.name] > OFTEN else max(MOST_WORK // caller.work(), FEW)
                most = min(most, limits.get(call.name, most), 1 + max(call.wanted or [most]))
                for answer in itertools.islice(caller.answers(literals, values), most):
                    report({"answer": answer})
                    endless[call.name] += answer.result in (ENDLESS, NETWORK)
                    if endless[call.name] >= MOST_ENDLESS:
                        break
            except Exception as error:
                report({"answer": Made("", f"{NOT_CALLED}: {type(error).__name__}")})
            report({"lines": {path: sorted(held) for path, held in lines.held.items()}})


def _quiet() -> None:
    """Code that writes a lot when it is called a thousand times would reach the limit on output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class Caller:
    """Repeats one recorded call, unchanged and with slightly different arguments."""

    def __init__(
        self, call: protocol.Recorded, job: protocol.Replay, lines: Lines, entered: Entered,
        network: "list[str]", left: world.Left, *, grows: bool,
    ) -> None:  # fmt: skip
        self.name, self.kept, self.marks, self.grows = call.name, call.kept, call.marks, grows
        self.lines, self.entered, self.network, self.left = lines, entered, network, left
        self.wanted = range(MOST_WORK) if call.wanted is None else {*call.wanted}
        self.seconds, self.measures = job.seconds_of_a_call, bool(job.measured)
        self.root = job.workspace + os.sep
        entered.start()
        self.function = found(call.module, call.name)
        entered.start()
        self.given_back: Any = None
        self.untouched = ""

    def work(self) -> int:
        """How much the unchanged call and the making of its arguments do, in lines: the same on every
        machine."""

        def once() -> Any:
            given, words = copy.deepcopy(unkept(self.kept, found))
            shown([given, words])
            return self.function(*given, **words)

        try:
            with (
                self.left, limited(self.seconds), contextlib.redirect_stdout(io.StringIO()),
                warnings.catch_warnings(),
            ):  # fmt: skip
                warnings.simplefilter("ignore")
                return max(counted(once, [], {})[0], 1)
        except TooLong:
            return MOST_WORK

    def answers(self, literals: "list[Any]", values: "list[Any]") -> "Iterator[Made]":
        """The call as it was recorded, and similar ones."""
        self.entered.start()
        given, words = unkept(self.kept, found)
        others = [
            *(with_nothing(given, words) if self.measures else ()),
            *near_calls(given, words, values, self.marks),
        ]
        calls = [((given, words), ""), *((call, "") for call in others)]
        for literal in literals:
            calls += [(call, repr(literal)) for call in without_literal(given, words, literal)]
        made, first = self.entered.end(), call_text(self.name, given, words)
        for index, ((some, named), without) in enumerate(calls):
            if index not in self.wanted:
                yield NOT_WANTED
                continue
            self.entered.start()
            answer = self._steady(some, named, made)
            grown = self._growth(some, named) if index == 0 and self.grows else 0.0
            twin = index > 0 and is_equal([some, named], [given, words])
            text = call_text(self.name, some, named)
            if text == first and index and not twin:
                text += ", with other values in it"  # objects without a text of their own look alike
            yield Made(text, answer, without, grown, twin, made or self.entered.end())
        yield from self._of_others(values, len(calls))

    def _of_others(self, values: "list[Any]", before: int) -> "Iterator[Made]":
        """The same call on an object that was made with other arguments."""
        for index in range(MOST_MADE):
            if before + index not in self.wanted:
                yield NOT_WANTED
                continue
            self.entered.start()
            chosen: list[Any] = []
            twins: list[bool] = []

            def other(
                given: "list[Any]", words: "dict[str, Any]", index: int = index, chosen: Any = chosen,
                twins: Any = twins,
            ) -> Any:  # fmt: skip
                chosen.extend(near_calls(given, words, values)[index : index + 1])
                twins.extend(is_equal([*one], [given, words]) for one in chosen)
                return chosen[0] if chosen else (given, words)

            try:
                given, words = unkept(self.kept, found, other)
                answer = self._steady(given, words, made=self.entered.end())
            except Exception as error:
                answer = f"!{type(error).__name__} when the object is made"
            if not chosen:
                return
            how = f"{self.name} of an object made with ({call_text('', *chosen[0])[1:-1]})"
            yield Made(how, answer, twin=twins[0], entered=self.entered.end())

    def _steady(self, given: "list[Any]", words: "dict[str, Any]", made: bool) -> str:
        """The result in each world; where they differ, a third time tells whether the world decides. One is
        enough for a call that neither enters the job's functions nor was `made` by them."""
        try:
            self.untouched = shown([given, words])
        except Exception:
            return ""
        first, back = self._in_world(0, given, words)
        if first in (ENDLESS, NETWORK) or not (made or self.entered.now):
            return first
        second, other = self._in_world(1, given, words)
        kept = isinstance(back, (list, dict, set, bytearray)) and back is other
        first, second = calmed(first, second)
        if first != second and self._in_world(0, given, words)[0] != first:
            return UNSTEADY
        self.lines.count()
        if first != second:
            return f"{first}, elsewhere {second}"
        return f"{first}, the same object each time" if kept else first

    def _in_world(self, index: int, given: "list[Any]", words: "dict[str, Any]") -> "tuple[str, Any]":
        """The result in one world, as text and as the object itself."""
        zone, place = WORLDS[index]
        os.environ["TZ"] = zone
        time.tzset()
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, place)
        world.seed_everything(0)
        del self.network[:]
        with self.left, self.lines if index == 0 else contextlib.nullcontext():
            answer = self._answer(given, words)
        return NETWORK if self.network else answer, self.given_back

    def _growth(self, given: "list[Any]", words: "dict[str, Any]") -> float:
        try:
            with self.left, limited(self.seconds), contextlib.redirect_stdout(io.StringIO()):
                return growth(self.function, copy.deepcopy(given), copy.deepcopy(words))
        except TooLong:
            return ENDLESS_GROWTH
        except BaseException:
            return 0.0

    def _answer(self, given: "list[Any]", words: "dict[str, Any]") -> str:
        """What a call returns, or raises after an `!`, and what else a caller can notice."""
        self.given_back = None
        try:
            given, words = copy.deepcopy((given, words))
        except Exception:
            return ""
        printed = io.StringIO()
        try:
            with (
                limited(self.seconds),
                contextlib.redirect_stdout(printed),
                warnings.catch_warnings(record=True) as warned,
            ):
                warnings.simplefilter("always")
                self.given_back = self.function(*given, **words)
                # The hash of a type or function is its address, another in each process.
                hashed = self.name.endswith(".__hash__") and isinstance(self.given_back, int)
                text = "a hash" if hashed else described(self.given_back, [*given, *words.values()])
                left = shown([given, words])
        except TooLong:
            return ENDLESS
        except MemoryError:
            return ""
        except BaseException as error:
            message = own_message(error, self.root)
            return bounded(f"!{type(error).__name__}{message and ': '}{message}")
        text += "" if left == self.untouched else f", and leaves {left}"
        text += f", and prints {printed.getvalue()!r}" if printed.getvalue() else ""
        text += "".join(sorted({f"{WARNS}{one.category.__name__}: {one.message}" for one in warned}))
        return bounded(text)
