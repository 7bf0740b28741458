"""Evidence for a refactoring: the lines of it that the suite runs, and the faults in them that it notices."""

from collections.abc import Iterator
from typing import NamedTuple

from nightcrew.validation.change.change import Change, changed_lines
from nightcrew.validation.faults.comparison import Comparison
from nightcrew.validation.faults.mutants import make_mutants, sample
from nightcrew.validation.faults.mutation_trials import rates, survivors, try_mutants
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import body_lines
from nightcrew.validation.reading.variants import executable_lines
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.run_results import Covered

MUTANTS = 30


class Untried(NamedTuple):
    """Lines of a function that nothing runs: lines of base that the change takes away, or its own."""

    function: str
    lines: list[int]
    is_gone: bool


class Noticed(NamedTuple):
    """The share of some small faults that the suite notices, and those that it does not."""

    share: float
    survivors: list[str]


def untried(
    room: CleanRoom, examination: Examination, change: Change, compared: Comparison
) -> Iterator[Untried]:
    """Statements of changed functions that neither a test nor a compared call runs: those of base that the
    change removes or rewrites, then those that base does not have."""
    path, base, patched = change.path, examination.base, examination.patched
    if change.before is not None and change.after is not None:
        turned = Change(path, before=change.after, after=change.before)
        run = base.run("all").coverage.get(path, Covered()).lines | compared.base.lines.get(path, frozenset())
        yield from _not_run(room, turned, run, base.imported_lines, is_gone=True)
    run = examination.coverage(patched.run("all"), path).lines
    run |= compared.changed.lines.get(path, frozenset())
    yield from _not_run(room, change, run, patched.imported_lines, is_gone=False)


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


def _not_run(
    room: CleanRoom, change: Change, run: frozenset[int], imported: frozenset[int], *, is_gone: bool
) -> Iterator[Untried]:
    statements = executable_lines(change.after or "") & changed_lines(change.before or "", change.after or "")
    statements -= run | (imported if change.path == room.target else frozenset())
    for name, node in changed_functions(change.before, change.after).items():
        lines = sorted(body_lines(node) & statements)
        if lines:
            yield Untried(name, lines, is_gone)
