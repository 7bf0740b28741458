"""An upper bound for plans of a few attempts on a table: ladders chosen with knowledge of the outcomes."""

from collections.abc import Sequence

from nightcrew.selection.replay.outcomes import Outcome, Problem
from nightcrew.selection.replay.scenario import Scenario, tables_of

RUNGS = 4


def most_gained(outcomes: Sequence[Outcome], scenario: Scenario) -> float:
    """The share of the judged tasks that the best ladders of four solve, one for each category, at any cost.

    Each rung is the model that solves most of what is left, which is within a few tasks of the best choice.
    """
    problems = tables_of(outcomes, None, scenario).judged.problems
    categories = {problem.category for problem in problems}
    solved = sum(_covered([p for p in problems if p.category == category]) for category in categories)
    return solved / len(problems)


def _covered(problems: Sequence[Problem]) -> int:
    left = list(problems)
    for _ in range(RUNGS):
        models = {model for problem in left for model in problem.cells}
        if not models:
            break
        best = max(sorted(models), key=lambda model: sum(_solves(model, problem) for problem in left))
        left = [problem for problem in left if not _solves(best, problem)]
    return len(problems) - len(left)


def _solves(model: str, problem: Problem) -> bool:
    cell = problem.cells.get(model)
    return cell is not None and cell.success
