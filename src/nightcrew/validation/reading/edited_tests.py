"""How the text of existing tests changes: what is removed or disabled, and what checks less or otherwise.

It reads text alone; running the old test on the new code shows whether it still passes.
"""

import ast
import builtins
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

from nightcrew.validation.change.change import Change
from nightcrew.validation.reading.checks import CHECKING, Check, Strictness, checks_of
from nightcrew.validation.reading.names import ELSEWHERE, is_text, own_name
from nightcrew.validation.reading.suite import Function, all_functions, parse, tree_text, walk

SKIPPING = {"skip", "skipif", "xfail", "skipIf", "skipUnless", "expectedFailure", "importorskip", "skipTest"}
MOCKS = {"patch", "setattr", "Mock", "MagicMock", "AsyncMock", "create_autospec", "mocker", "patch_object"}
_SKIPS = re.compile(r"\b(continue|skip|xfail)\b")
_CONDITIONAL = {"skipif", "skipIf", "skipUnless"}
_LEAST_ALIKE = 0.6  # likeness of two tests' texts from which one is the other under a new name

type Key = tuple[str, bool, bool]
"""Equal for two checks that require the same."""


class EditKind(Enum):
    """What the change did to an existing test's text."""

    CHANGED = auto()  # it may check more, less, or something else: only a run can decide
    WEAKER = auto()  # it checks less by its form
    BLINDED = auto()  # it can no longer fail, whatever the product does
    GONE = auto()  # no test of the change is similar to it, or to one of its cases


@dataclass(frozen=True, slots=True)
class TestEdit:
    """One existing test whose text the change edits; `name` is qualified by its class."""

    __test__ = False
    path: str
    name: str
    kind: EditKind
    why: str
    before: str
    after: str


def edited_tests(changes: Sequence[Change]) -> tuple[TestEdit, ...]:
    """Every existing test in these files whose text is edited, also where it moves to another of the files.

    A test that is only moved, renamed or reformatted does not count.
    """
    old = [one for change in changes for one in _written(change.path, change.before)]
    new = [one for change in changes for one in _written(change.path, change.after)]
    places = {(one.path, one.name) for one in old}
    spare = [one for one in new if (one.path, one.name) not in places]
    elsewhere = Counter(check.key for one in spare for check in one.checks)  # a check may move to a new test
    by_place = {(one.path, one.name): one for one in new}
    called = set[str]().union(*(one.calls for one in new))
    edits: list[TestEdit] = []
    for one in old:
        if not one.is_test:
            edits += _weakened_helper(one, by_place.get((one.path, one.name)), elsewhere)
            continue
        other = by_place.get((one.path, one.name)) or _counterpart(one, spare)
        if other is None:
            edits.append(TestEdit(one.path, one.name, EditKind.GONE, "it is gone", one.text, ""))
        elif one.form != other.form:
            kind, why = _compared(one, other, elsewhere, called)
            edits.append(TestEdit(one.path, one.name, kind, why, one.text, other.text))
    return tuple(edits + [edit for change in changes for edit in _edited_tables(change)])


# ------------------------------------------------------------------------------------------------------


def _weakened_helper(one: "_Written", other: "_Written | None", elsewhere: Counter[Key]) -> list[TestEdit]:
    """A function with checks that tests share: what it no longer requires, none of them does."""
    if other is None or not one.checks or one.form == other.form:
        return []
    kind, why = _compared(one, other, elsewhere)
    edit = TestEdit(one.path, one.name, kind, why, one.text, other.text)
    return [] if kind is EditKind.CHANGED else [edit]


@dataclass(frozen=True)
class _Written:
    """A function of a test file, as source."""

    path: str
    name: str
    node: Function
    helpers: Mapping[str, Function]
    marks: str  # decorators of its classes, and the module's `pytestmark`

    @property
    def is_test(self) -> bool:
        return self.node.name.startswith("test")

    @cached_property
    def text(self) -> str:
        return ast.unparse(self.node)

    @cached_property
    def form(self) -> str:
        """The text without docstring and name; equal for tests only moved, renamed or reformatted."""
        body = [one for one in self.node.body if not is_text(one)] or [ast.Pass()]
        parts = [*self.node.decorator_list, self.node.args, *body]
        return "\n".join(map(tree_text, parts)) + self.marks

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        return checks_of(self.node, self.helpers)

    @property
    def can_fail(self) -> bool:
        return any(one.strictness is not Strictness.NOTHING for one in self.checks)

    @cached_property
    def words(self) -> Counter[str]:
        nodes = walk(self.node)
        return Counter(
            getattr(one, "attr", getattr(one, "id", getattr(one, "arg", ""))) or "" for one in nodes
        )

    @cached_property
    def calls(self) -> set[str]:
        """Names of what it calls, without builtins."""
        nodes = [one for part in self.node.body for one in walk(part)]
        return {own_name(one.func) for one in nodes if isinstance(one, ast.Call)} - set(dir(builtins)) - {""}


def _written(path: str, text: str | None) -> Iterator[_Written]:
    tree = parse(text or "") if path.endswith(".py") else None
    if tree is None:
        return
    functions = all_functions(tree)
    helpers = {name.split(".")[-1]: node for name, node in functions.items()}
    for name, node in functions.items():
        yield _Written(path, name, node, helpers, _marks(tree, name))


def _marks(tree: ast.Module, name: str) -> str:
    """Marks that skip or mark a test from outside: those of its module and its classes."""
    found: list[str] = []
    body: list[ast.stmt] = tree.body
    for part in ["", *name.split(".")[:-1]]:
        holder = next((one for one in body if isinstance(one, ast.ClassDef) and one.name == part), None)
        if holder is not None:
            found += map(tree_text, holder.decorator_list)
            body = holder.body
        found += [tree_text(one) for one in body if _assigns(one, "pytestmark") or _assigns(one, "__test__")]
    return "".join(found)


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


def _counterpart(old: _Written, spare: list[_Written]) -> _Written | None:
    """The new function that is most similar to a test whose name is gone and that keeps one of its checks; a
    function of the same name in another place comes first, then one with a longer name and the same calls."""
    longer = [
        one for one in spare if one.node.name.startswith(f"{old.node.name}_") and old.calls <= one.calls
    ]
    named = [one for one in spare if one.node.name == old.node.name] or longer
    if named:
        return named[0]
    keys = {one.key for one in old.checks}  # similar texts without a common check test different things
    kept = [one for one in spare if not keys or keys & {check.key for check in one.checks}]
    words = [((old.words & one.words).total(), one) for one in kept if one.is_test]
    alike = [(both / max(old.words.total(), one.words.total(), 1), one) for both, one in words]
    best = max(alike, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= _LEAST_ALIKE else None


def _compared(
    old: _Written, new: _Written, elsewhere: Counter[Key], called: Collection[str] = ()
) -> tuple[EditKind, str]:
    """How the new text compares with the old one by its form, and what shows it; `called` by tests now."""
    if _skips(new) > _skips(old):
        return EditKind.BLINDED, "it is skipped or expected to fail"
    if old.can_fail and not new.can_fail:
        return EditKind.BLINDED, "none of its checks can fail any more"
    if sum(new.words[one] for one in MOCKS) > sum(old.words[one] for one in MOCKS):
        return EditKind.WEAKER, "it replaces by a stand-in what it used before"  # a mock accepts any call
    if old.calls and not old.calls & new.calls:
        gone = {one for one in old.calls if not CHECKING.match(one)} or old.calls
        kind = EditKind.GONE if gone <= {*called} else EditKind.WEAKER
        return kind, f"it no longer calls {min(gone)}"
    looser, thinned = _looser(old, new, elsewhere), _thinned(old, new, elsewhere)
    kind = EditKind.WEAKER if looser else EditKind.GONE if thinned else EditKind.CHANGED
    return kind, looser or thinned


def _looser(old: _Written, new: _Written, elsewhere: Counter[Key]) -> str:
    """The first check that is gone or less strict; a check that is now in another new function has moved."""
    before, after = Counter(one.key for one in old.checks), Counter(one.key for one in new.checks)
    lost = _those(old.checks, before - after - elsewhere)
    gained = _those(new.checks, after - before)
    for one in lost:
        other = _pair(one, gained)
        if other is None:
            return _fewer(old, new, lost)
        gained.remove(other)
        if looser := other.looser_than(one):
            return f"{looser}: `{one.text[:80]}` became `{other.text[:80]}`"
    return ""


def _skips(one: _Written) -> int:
    """Marks that skip a test, but for those of other Pythons and platforms: a run shows that it runs here."""
    marks = [node for node in one.node.decorator_list if isinstance(node, ast.Call)]
    elsewhere = [node for node in marks if own_name(node.func) in _CONDITIONAL]
    of_others = sum(ELSEWHERE.search(ast.unparse(node)) is not None for node in elsewhere)
    return (
        -of_others
        + sum(one.words[word] for word in SKIPPING)
        + sum(one.marks.count(f"'{word}'") for word in SKIPPING)
    )


def _those(checks: tuple[Check, ...], wanted: Counter[Key]) -> list[Check]:
    left = Counter(wanted)
    found: list[Check] = []
    for one in checks:
        if left[one.key] > 0:
            left[one.key] -= 1
            found.append(one)
    return found


def _pair(lost: Check, gained: list[Check]) -> Check | None:
    """The new check that most likely replaces a lost one: it is about the same thing."""
    return max(gained, key=lambda one: (len(one.subject & lost.subject), -gained.index(one)), default=None)


def _fewer(old: _Written, new: _Written, lost: list[Check]) -> str:
    """A lost check that no new one replaces: the test checks less, unless it has more cases instead."""
    cases = [max(1, len(_literal_cases(one.node))) for one in (old, new)]
    if len(new.checks) * cases[1] >= len(old.checks) * cases[0]:
        return ""
    return f"it has {len(new.checks)} checks instead of {len(old.checks)}, `{lost[-1].text[:80]}` is gone"


def _thinned(old: _Written, new: _Written, elsewhere: Counter[Key]) -> str:
    before, after = Counter(_literal_cases(old.node)), Counter(_literal_cases(new.node))
    if after.total() < before.total() and not elsewhere:  # cases may become tests of their own
        lost = next(iter(before - after))[:60]
        return f"it has {after.total()} cases instead of {before.total()}, `{lost}` is gone"
    return ""


def _literal_cases(node: Function) -> list[str]:
    """Literal cases: those of `parametrize`, and those of loops over a list."""
    found: list[str] = []
    for one in walk(node):
        cases: ast.AST | None = one.iter if isinstance(one, ast.For) else None
        if isinstance(one, ast.Call) and getattr(one.func, "attr", "") in {"parametrize", "expand"}:
            lists = [part for part in one.args if isinstance(part, ast.List | ast.Tuple)]
            cases = lists[-1] if lists else None
        if isinstance(cases, ast.List | ast.Tuple | ast.Set):
            found += map(ast.unparse, cases.elts)
    return found


def _edited_tables(change: Change) -> Iterator[TestEdit]:
    """Module-level tables of cases: none may become shorter. A table of cases to skip may."""
    old, new = parse(change.before or ""), parse(change.after or "")
    if old is None or new is None or change.after is None:
        return
    after = {name: node for name, node in _tables(new).items() if not _only_excuses(new, name)}
    for name, node in _tables(old).items():
        most, left = len(_elements(node)), len(_elements(after.get(name, node)))
        if left < most:
            why = f"it has {left} entries instead of {most}"
            before = ast.unparse(node)
            yield TestEdit(change.path, name, EditKind.WEAKER, why, before, ast.unparse(after[name]))


def _only_excuses(tree: ast.Module, name: str) -> bool:
    """True where all that the table decides is which cases are skipped, or expected to fail."""
    nodes = list(walk(tree))
    uses = sum(
        isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load) for one in nodes
    )
    excuses = [one for one in nodes if isinstance(one, ast.If) and _SKIPS.search(ast.unparse(one.body[-1]))]
    asked = [re.findall(rf"(?<!not )in {name}\b", ast.unparse(one.test)) for one in excuses]
    return 0 < uses == sum(map(len, asked))


def _tables(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and _elements(node.value)
    }


def _elements(node: ast.expr) -> Sequence[ast.expr | None]:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    return node.keys if isinstance(node, ast.Dict) else ()
