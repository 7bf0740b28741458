"""The controls once more, blind: plain pytest in fresh sandboxes, without a rig that code could recognise.

The results of the warm process must be the same there, with other hash seeds, and in another folder.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nightcrew.task import TaskType
from nightcrew.validation.faults.target import Target, arguments_of, files_of, judged_tests
from nightcrew.validation.gate import failed
from nightcrew.validation.reading.same_code import changed_functions
from nightcrew.validation.reading.suite import all_functions, body_lines, code_of, read, walk
from nightcrew.validation.reading.variants import neutral, raising
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.examination import Examination, name_of
from nightcrew.validation.running.runs import Blind, run_blind
from nightcrew.validation.verdict import GateResult

HASH_SEED = 1  # the rig's own seed is 0
SET_SEEDS = tuple(range(3, 8))  # where tests use sets, whose order depends on the seed
PRODUCT_SEEDS = SET_SEEDS[:3]  # where only the code that they run uses sets
HASH_CALL_SEEDS = tuple(range(3, 17))  # where a test reads hashes itself
_SETS = {"set", "frozenset"}
_ORDERLESS = {"sorted", "len", "min", "max", "any", "all", "bool"}


class Trial(NamedTuple):
    """One plain run: its name, the files with replaced text, and the hash seed."""

    name: str
    replaced: Mapping[str, str]
    hash_seed: int = HASH_SEED


def judge_blind(
    room: CleanRoom, examination: Examination, target: Target, gate: str, imported: Collection[int]
) -> GateResult | None:
    """The gate's failure where a plain run gives another result; None where all agree.

    `imported`: the target's lines that run while the files of the tests are imported. Functions with such
    lines stay intact, as a file that cannot be imported shows nothing of its tests.
    """
    judged = judged_tests(examination)
    paths, arguments = files_of(judged), arguments_of(judged)
    unfit = {name for name, outcome in examination.base_outcomes.items() if outcome in {"failed", "error"}}
    deselect = [name for name in sorted(unfit - set(judged)) if name.split("::")[0] in paths]

    def run(trial: Trial) -> Blind:
        return run_blind(
            room,
            arguments,
            replaced=trial.replaced,
            hash_seed=trial.hash_seed,
            deselect=deselect,
        )

    trials = _trials(room, examination, target, judged, imported)
    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip([trial.name for trial in trials], pool.map(run, trials), strict=True))
    if outcomes["neutral"] is not Blind.PASSED:  # does the world decide, or the text?
        outcomes["intact"] = run(Trial("intact", {}))
    return _problem(room, target, gate, outcomes)


def holds_sets(code: ast.AST) -> bool:
    """True where code makes a set and its order could matter."""
    orderless = {id(part) for node in walk(code) for part in _asked_without_order(node)}
    return any(
        isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Name) and node.id in _SETS)
        for node in walk(code)
        if id(node) not in orderless
    )


# ---------------------------------------------------------------------------------------------------------


def _trials(
    room: CleanRoom,
    examination: Examination,
    target: Target,
    judged: tuple[str, ...],
    imported: Collection[int],
) -> list[Trial]:
    run = {node.lineno for node in _functions_run(examination, target, judged)}
    unfixed = _unfixed(room)
    others = unfixed.keys() - {target.path}  # the tests may be about one of these
    only_values = not run and (_only_values(room, target) or bool(others))
    spared = _functions_with(imported, target.source)
    # A file of tests that runs itself at import spares all that they run: breaking the rest shows nothing.
    shows_nothing = only_values or (bool(spared) and run <= spared)
    broken = None if shows_nothing else raising(target.source, spared)
    trials = [Trial("neutral", {target.path: neutral(target.source, 2)})]
    if broken is not None:
        trials.append(Trial("raising", {target.path: broken}))
    task_type = room.task.task_type
    needs_product = task_type is TaskType.BUG_FIX or (
        broken is None and task_type is TaskType.CODE_GENERATION
    )
    if only_values or (needs_product and unfixed):
        trials.append(Trial("unfixed", unfixed))
    tests = [*_judged_code(room, judged)]
    seeds: tuple[int, ...] = ()
    if any(_calls_hash(one) for one in tests):
        seeds = HASH_CALL_SEEDS
    elif any(map(holds_sets, tests)):
        seeds = SET_SEEDS
    elif any(map(holds_sets, _functions_run(examination, target, judged))):
        seeds = PRODUCT_SEEDS
    return trials + [Trial(f"intact, seed {seed}", {}, seed) for seed in seeds]


def _only_values(room: CleanRoom, target: Target) -> bool:
    """True where the change to a file of base leaves its functions as they are."""
    change = room.change(target.path)
    return (
        change is not None
        and change.before is not None
        and not changed_functions(change.before, target.source)
    )


def _functions_with(lines: Collection[int], source: str) -> frozenset[int]:
    """First lines of the functions in whose bodies one of `lines` is."""
    return frozenset(
        node.lineno for node in all_functions(read(source)).values() if body_lines(node) & set(lines)
    )


def _judged_code(room: CleanRoom, judged: tuple[str, ...]) -> Iterator[ast.stmt]:
    """The source of the judged tests, and of what they use in their files."""
    names = {name_of(one).split("::")[-1] for one in judged}
    for path in files_of(judged):
        yield from code_of(read(room.source(path)), names)


def _functions_run(
    examination: Examination, target: Target, judged: tuple[str, ...]
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The target's functions that the judged tests run."""
    covered = examination.coverage(examination.patched.run("all"), target.path)
    lines = {line for name in judged for line in covered.by_test.get(name, ())}
    for node in all_functions(read(target.source)).values():
        if lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)):
            yield node


def _problem(room: CleanRoom, target: Target, gate: str, outcomes: Mapping[str, Blind]) -> GateResult | None:
    room.measured.blind = {name: outcome.value for name, outcome in outcomes.items()}
    strength: float | None = None
    if any(outcome is not Blind.PASSED for name, outcome in outcomes.items() if name.startswith("intact")):
        what = "The tests fail in a plain run of pytest with another hash seed, folder and user."
        hint = "Do not depend on the order of sets, on the hash of anything, or on where the tests are run."
    elif outcomes["neutral"] is not Blind.PASSED:
        what = f"The tests fail when the text of {target.path} is reformatted, although it does the same."
        hint = "Test what the code does, not how it is written."
    elif outcomes.get("unfixed") is Blind.PASSED:
        what = "In a plain run the tests pass without the change too: they show nothing of it."
        hint, strength = "Write a test that fails before the change however it is run.", 0.0
    elif outcomes.get("raising") is Blind.PASSED:
        what = (
            f"In a plain run the tests pass although {target.path} raises in every function: they do not "
            f"judge it."
        )
        hint, strength = "Let the tests run to their end and fail when the code is broken.", 0.0
    else:
        return None
    return failed(gate, what, hint, strength=strength, evidence=room.measured.blind)


def _unfixed(room: CleanRoom) -> dict[str, str]:
    """The product as it is on base."""
    changed = (change for change in room.changes if not room.is_test(change.path))
    return {change.path: change.before for change in changed if change.before is not None}


def _calls_hash(code: ast.AST) -> bool:
    """True where code depends on values of `hash` or `id`."""
    for node in walk(code):
        parts = [node.func, *(one.value for one in node.keywords)] if isinstance(node, ast.Call) else []
        if any(isinstance(one, ast.Name) and one.id in {"hash", "id"} for one in parts):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "__hash__":
            return True
    return False


def _asked_without_order(node: ast.AST) -> Iterator[ast.AST]:
    """Sets whose order cannot matter, as in `x in {...}` and `sorted(set(...))`, and the called names."""
    held: list[ast.expr] = []
    if isinstance(node, ast.Compare) and all(isinstance(one, ast.In | ast.NotIn) for one in node.ops):
        held = node.comparators
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ORDERLESS:
        ties = any(word.arg == "key" for word in node.keywords)  # which stay in the order of the set
        held = [] if ties else node.args
    for one in held:
        if isinstance(one, ast.Set | ast.SetComp):
            yield one
        elif isinstance(one, ast.Call) and getattr(one.func, "id", "") in _SETS:
            yield one.func
