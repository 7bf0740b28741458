"""Documentation: code stays as it is, more of it is explained, and what is said is about what exists."""

import ast
import re
from collections import Counter

from nightcrew.task import Task, TaskCategory
from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import module_name
from nightcrew.validation.gate import counted, failed, not_measurable, passed
from nightcrew.validation.reading.docstrings import (
    Entry,
    coverage,
    entries,
    false_claims,
    is_vacuous,
    skeleton,
    without_docstrings,
)
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.run_results import TestOutcome
from nightcrew.validation.running.runs import Session, run_sessions
from nightcrew.validation.verdict import GateResult

NAME = "documentation"
MOST_VACUOUS = 0.5
MOST_FALSE = 0.15
EXAMPLE_SECONDS = 300
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{2,}")


class Documentation:
    """Docstrings and documents, and nothing else."""

    name = NAME

    def applies(self, task: Task) -> bool:
        """For documentation tasks."""
        return task.task_type is TaskCategory.DOCUMENTATION

    def run(self, room: CleanRoom) -> GateResult:
        """Code first, then what is said about it."""
        for change in room.changes:
            if change.path.endswith(".py") and not _same_code(change):
                return failed(
                    NAME,
                    f"{change.path}: the change touches code, not only docstrings and comments.",
                    "Change docstrings and comments only; the code must stay exactly as it is.",
                    evidence={"path": change.path},
                )
        target = room.task.target_file or ""
        about = room.change(target)
        if about is None or about.after is None:
            hint = f"Document {target}; it is what the task is about."
            return failed(NAME, f"{target} is not documented by the change.", hint)
        return _judge_python(room, about) if target.endswith(".py") else _judge_document(about)


def _same_code(change: Change) -> bool:
    old, new = parse(change.before or ""), parse(change.after or "")
    if change.before is None or change.after is None or old is None or new is None:
        return False
    return without_docstrings(old) == without_docstrings(new)


def _judge_document(change: Change) -> GateResult:
    old, new = (change.before or "").split(), (change.after or "").split()
    added = sum((Counter(new) - Counter(old)).values())
    if added < 5:
        return failed(NAME, f"{change.path} says hardly anything new.", "Write what a reader needs to know.")
    return passed(NAME, f"{change.path} gains {added} words; no code is touched.", strength=0.8, words=added)


def _judge_python(room: CleanRoom, change: Change) -> GateResult:
    old, new = ast.parse(change.before or ""), ast.parse(change.after or "")
    before, after = entries(old), entries(new)
    lost = [name for name, entry in before.items() if entry.docstring and not after[name].docstring]
    if lost:
        return failed(
            NAME, f"The docstring of {lost[0] or 'the module'} is taken away.", "Keep existing docstrings."
        )
    had, total = coverage(old)
    has, _ = coverage(new)
    fresh = [
        entry
        for name, entry in after.items()
        if entry.docstring and entry.docstring != before[name].docstring
    ]
    if not fresh:
        return failed(NAME, "No docstring is new or changed.", f"Write docstrings in {change.path}.")
    problem = _problem(room, fresh)
    if problem:
        return problem
    grown = sum(len(entry.docstring or "") > len(before[entry.name].docstring or "") for entry in fresh)
    first = [entry.name for entry in fresh if not before[entry.name].docstring]
    if has <= had and not first and not (has == total and grown):
        return failed(
            NAME,
            f"{had} of {total} public things had a docstring, and no more have one now.",
            f"Give docstrings to what has none in {change.path}.",
            evidence={"before": had, "after": has, "of": total},
        )
    untried = _try_examples(room, change, fresh)
    if isinstance(untried, GateResult):
        return untried
    unsaid = (
        f" The examples of {counted(untried, 'docstring')} could not all be tried here." if untried else ""
    )
    return passed(
        NAME,
        f"The code is unchanged; {has} instead of {had} of {total} public things in {change.path} "
        f"have a docstring, "
        f"{len(fresh)} docstrings are new or changed and name what exists.{unsaid}",
        strength=0.7 + 0.3 * has / max(total, 1),
        before=had,
        after=has,
        of=total,
        untried_examples=untried,
    )


def _problem(room: CleanRoom, fresh: list[Entry]) -> GateResult | None:
    texts = Counter((entry.docstring or "").strip() for entry in fresh)
    forms = {id(entry): skeleton(entry) for entry in fresh}
    alike = Counter(forms.values())
    judged = [entry for entry in fresh if entry.is_public] or fresh
    empty = [
        entry
        for entry in judged
        if is_vacuous(entry)
        or texts[(entry.docstring or "").strip()] > 2
        or (forms[id(entry)] and alike[forms[id(entry)]] > 2)
    ]
    if len(empty) / len(judged) > MOST_VACUOUS and (len(empty) > 1 or len(judged) == 1):
        name = empty[0].name or "the module"
        return failed(
            NAME,
            f"{len(empty)} of {len(judged)} docstrings say nothing that the name does not say, the "
            f"first is {name}'s: "
            f"{(empty[0].docstring or '').strip()[:80]!r}.",
            "Say what a caller gets, what goes in, which errors come, and what is surprising.",
            evidence={"vacuous": [entry.name for entry in empty][:20]},
        )
    known = _names_in(room)
    claims = {entry.name: found for entry in fresh if (found := false_claims(entry, known))}
    if len(claims) / len(fresh) > MOST_FALSE:
        name, wrong = next(iter(claims.items()))
        return failed(
            NAME,
            f"The docstring of {name or 'the module'} names {wrong[0]}, which does not exist.",
            "Describe only parameters, names and results that the code has.",
            evidence={"claims": claims},
        )
    return None


def _names_in(room: CleanRoom) -> set[str]:
    """Every word in the code of the repository on base: what a docstring may refer to."""
    found: set[str] = set()
    for path in sorted(room.base.rglob("*.py")):
        if path.is_file() and not path.is_symlink():
            found.update(_IDENTIFIER.findall(path.read_text(errors="replace")))
    return found


def _try_examples(room: CleanRoom, change: Change, fresh: list[Entry]) -> GateResult | int:
    """What is wrong with the examples, or how many docstrings hold some that could not all be tried."""
    if not any(">>>" in (entry.docstring or "") for entry in fresh):
        return 0
    experiment = {"id": "all", "seconds": EXAMPLE_SECONDS, "examples_of": module_name(change.path)}
    session = Session([experiment], paths=(change.path,), doctests=True)
    (before,) = run_sessions(room, room.base, [session])
    (after,) = run_sessions(room, room.patched, [session])
    run = after.run("all")
    if after.problem or after.errors or not run.done:
        return not_measurable(NAME, f"The examples in {change.path} cannot be run.")
    known = {(test.nodeid, test.message) for test in before.run("all").failed}
    there = _names_in(room)
    bad = [test for test in run.failed if (test.nodeid, test.message) not in known and _is_wrong(test, there)]
    if bad:
        return failed(
            NAME,
            f"An example in {bad[0].nodeid} does not give what it says: {_told(bad[0])}",
            "Run every example; write what it really prints.",
            evidence={"doctests": [test.nodeid for test in bad]},
        )
    return sum(test.outcome in {"skipped", "error"} for test in run.tests.values())


def _told(test: TestOutcome) -> str:
    kind, _, told = test.message.partition(": ")
    return f"it calls {told}, which is not there" if kind == "CallsWhatIsNotThere" else told


def _is_wrong(test: TestOutcome, there: set[str]) -> bool:
    """An example that needs a function the reader has to write is none that is wrong; one that calls what
    no file of the repository knows is."""
    kind, _, told = test.message.partition(": ")
    if test.outcome == "error":
        return False
    return kind != "CallsWhatIsNotThere" or any(len(name) > 2 and name not in there for name in told.split())
