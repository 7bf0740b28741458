"""The examples in docstrings, run in the sandbox on base and with the change."""

from collections.abc import Sequence
from typing import NamedTuple

from nightcrew.validation.change.paths import module_name
from nightcrew.validation.rig.protocol import Experiment
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.run_results import TestOutcome
from nightcrew.validation.running.runs import Session, run_sessions

_SECONDS = 300
_SKIPPED = "SkippedIsWrong"


class Tried(NamedTuple):
    """What is wrong with the examples, and how many docstrings have examples that could not be run."""

    problem: str = ""
    untried: int = 0
    doubt: str = ""  # an example that test runners skip or that was wrong before, with what it gives here


def try_examples(room: CleanRoom, path: str, docstrings: Sequence[str], words: set[str]) -> Tried:
    """Runs every example of a file; `words` are all words of the repository's files."""
    if not any(">>>" in text for text in docstrings):
        return Tried()
    experiment = Experiment("all", _SECONDS, examples_of=module_name(path))
    session = Session([experiment], paths=(path,), doctests=True)
    (before,) = run_sessions(room, room.base, [session])
    (after,) = run_sessions(room, room.patched, [session])
    run = after.run("all")
    if after.problem or after.errors or not run.done:
        return Tried(untried=len(docstrings))
    known = {(test.nodeid, test.message) for test in before.run("all").failed}
    bad = [one for one in run.failed if (one.nodeid, one.message) not in known and _is_wrong(one, words)]
    wrong_before = {test.nodeid for test in before.run("all").failed}
    doubts = [one for one in bad if one.message.startswith(_SKIPPED) or one.nodeid in wrong_before]
    bad = [one for one in bad if one not in doubts]
    if bad:
        return Tried(f"an example in {bad[0].nodeid} does not give what it says: {_explained(bad[0])}")
    untried = sum(test.outcome in {"skipped", "error"} for test in run.tests.values())
    return Tried("", untried, _explained(doubts[0]) if doubts else "")


# ------------------------------------------------------------------------------------------------------


def _explained(test: TestOutcome) -> str:
    kind, _, detail = test.message.partition(": ")
    return f"it calls {detail}, which is not there" if kind == "CallsWhatIsNotThere" else detail


def _is_wrong(test: TestOutcome, there: set[str]) -> bool:
    """True for a false example, or one that calls what no file of the repository mentions; an example that
    only needs a function written by the reader is not wrong."""
    kind, _, names = test.message.partition(": ")
    if test.outcome == "error":
        return False
    return kind != "CallsWhatIsNotThere" or any(len(name) > 2 and name not in there for name in names.split())
