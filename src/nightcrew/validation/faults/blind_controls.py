"""The controls once more, blind: plain pytest in fresh sandboxes, with nothing of the rig to recognise.

What was seen in the warm process has to be true there too, with other hash seeds, and in another place.
"""

import ast
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nightcrew.task import TaskCategory
from nightcrew.validation.faults.target import Target, arguments_of, files_of, judged_tests
from nightcrew.validation.gate import failed
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.reading.variants import neutral, raising
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination
from nightcrew.validation.running.runs import Blind, run_blind
from nightcrew.validation.verdict import GateResult

HASH_SEEDS = (1, 2)
SET_SEEDS = tuple(range(3, 8))  # where tests or target hold sets, whose order depends on the seed
HASH_CALL_SEEDS = tuple(range(3, 17))  # where a test asks for hashes itself
_SETS = {"set", "frozenset"}


class Trial(NamedTuple):
    """One plain run: its name, files with another text, and the hash seed."""

    name: str
    replaced: Mapping[str, str]
    hash_seed: int


def judge_blind(room: CleanRoom, examination: Examination, target: Target, gate: str) -> GateResult | None:
    """The gate's failure where a plain run does not tell the same; None where all do."""
    judged = judged_tests(examination)
    paths, arguments = files_of(judged), arguments_of(judged)
    unfit = {name for name, outcome in examination.base_outcomes.items() if outcome in {"failed", "error"}}
    deselect = [name for name in sorted(unfit - set(judged)) if name.split("::")[0] in paths]

    def run(trial: Trial) -> Blind:
        return run_blind(
            room,
            room.patched,
            arguments,
            replaced=trial.replaced,
            hash_seed=trial.hash_seed,
            deselect=deselect,
            # What has to pass here and what has to fail has to do so in another place too.
            elsewhere=trial.name in {"intact", "raising"},
        )

    trials = _trials(room, examination, target, paths)
    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip([trial.name for trial in trials], pool.map(run, trials), strict=True))
    return _problem(room, target, gate, outcomes)


def _trials(room: CleanRoom, examination: Examination, target: Target, paths: tuple[str, ...]) -> list[Trial]:
    broken = raising(target.source, examination.import_time_functions)
    trials = [
        Trial("neutral", {target.path: neutral(target.source, 2)}, HASH_SEEDS[0]),
        Trial("intact", {}, HASH_SEEDS[1]),
    ]
    if broken is not None:
        trials.append(Trial("raising", {target.path: broken}, HASH_SEEDS[1]))
    if room.task.task_type is TaskCategory.BUG_FIX:
        trials.append(Trial("unfixed", _unfixed(room, examination), HASH_SEEDS[0]))
    told = [room.source(path) or "" for path in paths]
    seeds: tuple[int, ...] = ()
    if _mentions(told, {"hash", "id"}):
        seeds = HASH_CALL_SEEDS
    elif _mentions([target.source, *told], _SETS):
        seeds = SET_SEEDS
    return trials + [Trial(f"intact, seed {seed}", {}, seed) for seed in seeds]


def _problem(room: CleanRoom, target: Target, gate: str, outcomes: Mapping[str, Blind]) -> GateResult | None:
    room.measured.blind = {name: outcome.value for name, outcome in outcomes.items()}
    if any(outcome is not Blind.PASSED for name, outcome in outcomes.items() if name.startswith("intact")):
        return failed(
            gate,
            "The tests fail in a plain run of pytest with another hash seed, folder and user.",
            "Do not depend on the order of sets, on the hash of anything, or on where the tests are run.",
            evidence=room.measured.blind,
        )
    if outcomes["neutral"] is not Blind.PASSED:
        return failed(
            gate,
            f"The tests fail when the text of {target.path} is reformatted, although it does the same.",
            "Test what the code does, not how it is written.",
            evidence=room.measured.blind,
        )
    if outcomes.get("unfixed") is Blind.PASSED:
        return failed(
            gate,
            "In a plain run the tests pass without the fix too: they do not show the bug.",
            "Write a test that fails before the fix however it is run.",
            strength=0.0,
            evidence=room.measured.blind,
        )
    if outcomes.get("raising") is Blind.PASSED:
        return failed(
            gate,
            f"In a plain run the tests pass although {target.path} raises in every function: they do not "
            f"judge it.",
            "Let the tests run to their end and fail when the code is broken.",
            strength=0.0,
            evidence=room.measured.blind,
        )
    return None


def _unfixed(room: CleanRoom, examination: Examination) -> dict[str, str]:
    """The product as it is on base."""
    changed = (change for change in room.changes if change.path in examination.product_files)
    return {change.path: change.before for change in changed if change.before is not None}


def _mentions(texts: list[str], names: set[str]) -> bool:
    """True where code uses one of these built-ins (or, among them sets, writes a set down)."""
    for text in texts:
        tree = parse(text)
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.Name) and node.id in names:
                return True
            if isinstance(node, ast.Attribute) and node.attr == "__hash__" and "hash" in names:
                return True
            if isinstance(node, ast.Set | ast.SetComp) and "set" in names:
                return True
    return False
