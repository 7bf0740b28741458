"""Evidence for a refactoring: the lines of it that the suite runs, and the faults in them that it notices."""

from typing import NamedTuple

from nightcrew.validation.change.change import Change, changed_lines
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.faults.mutation_trials import rates, survivors, try_mutants
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import body_lines
from nightcrew.validation.reading.variants import executable_lines
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.run_results import Covered

MUTANTS = 30

type Untried = list[tuple[str, list[int]]]
"""Functions with the numbers of their lines."""


class Noticed(NamedTuple):
    """The share of some small faults that the suite notices, and those that it does not."""

    share: float
    survivors: list[str]


def lines_not_run(
    room: CleanRoom, examination: Examination, change: Change, compared: frozenset[int]
) -> Untried:
    """Statements of changed functions that base does not have, by function, without those that tests run or
    that are in `compared`, the lines that compared calls run."""
    run = examination.coverage(examination.patched.run("all"), change.path).lines
    return _not_run(room, change, run | compared, examination.patched.imported_lines)


def lines_gone(
    room: CleanRoom, examination: Examination, change: Change, compared: frozenset[int]
) -> Untried:
    """Statements of base's functions that the change removes or rewrites, and that neither a test nor a
    compared call runs there."""
    if change.before is None or change.after is None:
        return []
    turned = Change(change.path, before=change.after, after=change.before)
    covered = examination.base.run("all").coverage.get(change.path, Covered()).lines
    return _not_run(room, turned, covered | compared, examination.base.imported_lines)


def faults_noticed(room: CleanRoom, examination: Examination, change: Change) -> Noticed | None:
    """How the suite reacts to small faults in the changed functions; None where none could be tried."""
    source, run = change.after or "", examination.patched.run("all")
    covered = examination.coverage(run, change.path)
    changed = changed_functions(change.before, change.after).values()
    lines = {line for node in changed for line in covered.lines & body_lines(node)}
    mutants = tuple(one for one in make_mutants(source) if one.function and lines & {one.line, one.statement})
    chosen = sample(source, mutants, MUTANTS, seed=change.before or change.path)
    if not chosen:
        return None
    tests = tuple(test.nodeid for test in run.tests.values() if not test.failed)
    trials = try_mutants(room, examination, change.path, source, chosen, covered, tests=tests)
    return Noticed(rates(trials).killed, survivors(trials)) if trials else None


# ------------------------------------------------------------------------------------------------------


def _not_run(room: CleanRoom, change: Change, run: frozenset[int], imported: frozenset[int]) -> Untried:
    """Statements of changed functions that the old text does not have and that do not run, by function."""
    statements = executable_lines(change.after or "") & changed_lines(change.before or "", change.after or "")
    statements -= run | (imported if change.path == room.target else frozenset())
    changed = changed_functions(change.before, change.after).items()
    found = ((name, sorted(body_lines(node) & statements)) for name, node in changed)
    return [(name, lines) for name, lines in found if lines]
