"""Evidence for a refactoring: the lines of it that the suite runs, and the faults in them that it notices."""

from typing import NamedTuple

from nightcrew.validation.change.change import Change, changed_lines
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.faults.mutation_trials import rates, survivors, try_mutants
from nightcrew.validation.reading.same_code import same_function
from nightcrew.validation.reading.suite import all_functions, read, tree_of
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


def changed_functions(change: Change) -> dict[str, set[int]]:
    """Functions that may behave differently than on base, with the lines of their bodies."""
    before, new = all_functions(read(change.before)), tree_of(change.after or "")
    return {
        name: set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
        for name, node in all_functions(new).items()
        if name not in before or not same_function(before[name], node)
    }


def lines_not_run(
    room: CleanRoom, examination: Examination, change: Change, compared: frozenset[int]
) -> Untried:
    """Statements of changed functions that base does not have, by function, without those that tests run or
    that are in `compared`, the lines that compared calls run."""
    run = examination.coverage(examination.patched.run("all"), change.path).lines
    imported = examination.patched.imported_lines if change.path == room.target else frozenset()
    return _not_run(
        change.before or "", change.after or "", changed_functions(change), run | imported | compared
    )


def lines_gone(
    room: CleanRoom, examination: Examination, change: Change, compared: frozenset[int]
) -> Untried:
    """Statements of base's functions that the change removes or rewrites, and that neither a test nor a
    compared call runs there."""
    if change.before is None or change.after is None:
        return []
    functions = changed_functions(Change(change.path, before=change.after, after=change.before))
    covered = examination.base.run("all").coverage.get(change.path, Covered()).lines
    imported = examination.base.imported_lines if change.path == room.target else frozenset()
    return _not_run(change.after, change.before, functions, covered | imported | compared)


def faults_noticed(room: CleanRoom, examination: Examination, change: Change) -> Noticed | None:
    """How the suite reacts to small faults in the changed functions; None where none could be tried."""
    source, run = change.after or "", examination.patched.run("all")
    covered = examination.coverage(run, change.path)
    lines = covered.lines & {line for span in changed_functions(change).values() for line in span}
    mutants = tuple(one for one in make_mutants(source) if one.function and lines & {one.line, one.statement})
    chosen = sample(source, mutants, MUTANTS, seed=change.before or change.path)
    if not chosen:
        return None
    tests = tuple(test.nodeid for test in run.tests.values() if not test.failed)
    trials = try_mutants(room, examination, change.path, source, chosen, covered, tests=tests)
    return Noticed(rates(trials).killed, survivors(trials)) if trials else None


# ------------------------------------------------------------------------------------------------------


def _not_run(before: str, after: str, functions: dict[str, set[int]], run: frozenset[int]) -> Untried:
    """Statements of changed functions that `before` does not have and no test runs, by function."""
    statements = executable_lines(after) & changed_lines(before, after)
    found = ((name, sorted(span & statements - run)) for name, span in functions.items())
    return [(name, lines) for name, lines in found if lines]
