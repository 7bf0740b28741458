"""Parts of a change that may stay although no test misses them: they are reported, and need no decision.

A part needs a test where it may do something new. Parts that only select from what tests notice, or guard
against impossible states, do not, unless a value in them decides. Parts that run on another Python or
platform cannot have a test here: a person decides about them.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from functools import cached_property

from nightcrew.validation.faults.edits import edit_of, tree_in
from nightcrew.validation.faults.mutant import Mutant
from nightcrew.validation.faults.notes import (
    ALTERNATIVE,
    BACK,
    CONDITION,
    GONE,
    OPERAND,
    RETURNED,
    TOGETHER,
    UNHANDLED,
)
from nightcrew.validation.formalities.conjunctions import Conjunctions, is_conjunction
from nightcrew.validation.formalities.excuses import Elsewhere, Formalities, Span, guards
from nightcrew.validation.formalities.held_back import holds_back
from nightcrew.validation.formalities.plain_form import Values, is_same, is_set_inside
from nightcrew.validation.reading.constants import is_value, sizes_in, values_in
from nightcrew.validation.reading.form import plain_statements
from nightcrew.validation.reading.names import only_guards, own_name
from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import all_functions, read, tree_text, walk


class Fate(StrEnum):
    """What happened when a part was taken away."""

    NOTICED = "noticed"
    UNNOTICED = "unnoticed"
    UNREACHED = "unreached"  # no test runs it
    UNTRIED = "untried"
    INSIDE = "inside"  # of a part that is noticed, not tried alone
    WORDING = "wording"  # text for a reader, which has no effect on the program


class Details:
    """The details among the parts of one file: `before` and `after` are its texts; the functions in `same`
    give base's result for every call that was compared; a feature may do less than it could; `values` gives
    the value of a constant of the repository by its name in this file."""

    def __init__(
        self,
        before: str,
        after: str,
        fates: Mapping[Mutant, Fate],
        same: Collection[str] = (),
        *,
        is_feature: bool = False,
        values: Values = lambda name: None,
    ) -> None:
        self.same, self.is_feature, self.values = same, is_feature, values
        self.before, self.text, self.fates = before, SourceText(after), fates
        self.tree = read(after)

    def holds(self, part: Mutant) -> bool:
        """True for a part that no test has to miss."""
        fate = self.fates[part]
        if fate not in (Fate.UNREACHED, Fate.UNNOTICED):
            return False
        if part.operator == TOGETHER:
            inner = [one for one in self.fates if _within(one, (part.start, part.end)) and one is not part]
            return any(self.fates[one] is not Fate.NOTICED for one in inner)  # these speak for themselves
        if (
            self._is_repeated(part)
            or self._is_safeguard(part)
            or self._asks_where_it_runs(part)
            or self._replaces_an_import(part)
            or self._is_formality(part)
            or is_same(part, self.tree, self.values)
            or is_set_inside(part, self.tree, self.text)
        ):
            return True
        return fate is Fate.UNNOTICED and self._only_chooses(part)

    def runs_elsewhere(self, part: Mutant) -> bool:
        """True for a part that only another Python, another platform, or a run as a program would reach."""
        if any(_within(part, span) for span in self._elsewhere.conditions):
            return True
        unrun = self.fates[part] is Fate.UNREACHED or not part.function
        return unrun and any(
            _within(part, span)
            for span in (self._elsewhere.branches if part.function else self._elsewhere.fallbacks)
        )

    # -- kinds of details --

    def _only_chooses(self, part: Mutant) -> bool:
        """True for a part that only narrows, widens or orders what tests notice, unless a value decides."""
        if part.operator in (BACK, RETURNED) and part.function in self.same and not self._fresh(part):
            # The function of the fix is written in another way. In any other function nobody asked for it.
            return any(one.function == part.function for one in self._noticed)
        if part.operator == RETURNED:
            return self._is_left_over(part)
        if self._conjunctions.fits_an_index(part):
            return True
        known = self.is_feature and part.function in all_functions(read(self.before))
        if known and self._conjunctions.only_narrows(part, self._noticed):
            return not self._fresh(part) - self._known_texts
        if part.operator == OPERAND and not only_guards(
            part.before, part.text, self._rest_of_statement(part)
        ):
            return False
        if part.operator == CONDITION or (part.operator == OPERAND and is_conjunction(part.before)):
            return not (self._fresh(part) - self._known_texts or holds_back(part, self.before, self.text))
        if part.operator == OPERAND:
            return not self._fresh(part)
        if part.operator == BACK:
            return self._is_beside_noticed(part)
        return part.operator == GONE and self._is_branch_of_noticed(part)

    def _is_beside_noticed(self, part: Mutant) -> bool:
        """True for a piece without new values of a statement in which tests notice another piece; which
        errors are caught is no such piece."""
        if any(_within(part, span) for span in self._caught):
            return False
        others = (one for one in self.fates if one.statement == part.statement and one is not part)
        seen = any(self.fates[one] is Fate.NOTICED for one in others)
        return seen and not (self._is_statement(part) or self._fresh(part) or is_value(part.before))

    def _is_repeated(self, part: Mutant) -> bool:
        """True for an edit of names that the change makes in several places which tests run, and that they
        notice in one of them, whatever values of base it keeps. A value alone means another thing in another
        place."""
        named = any(isinstance(one, ast.Name | ast.Attribute) for one in walk(tree_in(part.before)))
        run = self.fates[part] is not Fate.UNREACHED
        return (run and named and part.operator not in (ALTERNATIVE, UNHANDLED)) and any(
            one.operator == part.operator and edit_of(one) == edit_of(part) for one in self._noticed
        )

    def _is_left_over(self, part: Mutant) -> bool:
        """True for removed assignments to what nothing uses any more, or to what the change assigns anew, and
        for those that the function has in another place."""
        removed = [*_simple(tree_in(part.text).body)]
        if not removed or not all(isinstance(one, ast.Assign | ast.AnnAssign) for one in removed):
            return False
        place = all_functions(self.tree).get(part.function, self.tree)
        known = plain_statements(self.before)
        fresh = (one for one in walk(place) if isinstance(one, ast.stmt) and tree_text(one) not in known)
        anew = {ast.unparse(one) for node in fresh for one in _bound(node)}
        used = {one.id for one in walk(place) if isinstance(one, ast.Name)}
        used |= {one.attr for one in walk(self.tree) if isinstance(one, ast.Attribute)}
        kept = {tree_text(one) for one in walk(place) if isinstance(one, ast.stmt)}
        return all(
            ast.unparse(one) in anew or own_name(one) not in used
            for node in removed
            if tree_text(node) not in kept
            for one in _bound(node)
        )

    def _is_branch_of_noticed(self, part: Mutant) -> bool:
        """True for a condition whose branch is noticed: without it, the code after it does the same."""
        body = self._bodies.get((part.start, part.end))
        if body is None:
            return False
        inner = [one for one in self.fates if body[0] <= one.start and one.end <= body[1]]
        seen = any(self.fates[one] is Fate.NOTICED for one in inner)
        open_ones = (one for one in inner if self.fates[one] in (Fate.UNREACHED, Fate.UNNOTICED))
        return seen and all(map(self.holds, open_ones))

    def _is_safeguard(self, part: Mutant) -> bool:
        """True for an assertion, new or gone, the end of a finished loop, and an error for what cannot be."""
        body = tree_in({GONE: part.before, RETURNED: part.text}.get(part.operator, "")).body
        if part.operator == RETURNED and not all(isinstance(one, ast.Assert) for one in body):
            return False
        is_conditional = any(_within(part, span) for span in self._bodies.values())
        if part.operator == CONDITION and part.before.strip().startswith("__name__ =="):
            return True  # what runs as a program can be imported, too
        if part.before.strip() == "break" and not is_conditional:
            return False  # a statement that ends a loop in its first round
        if part.function.endswith("__") and part.before.strip() == "return NotImplemented":
            return True  # an operator and an unknown type: Python's own protocol
        if "NotImplementedError" in part.before and not self._is_abstract(part.function):
            return False  # a case that is left out
        return bool(body) and all(map(guards, body))

    def _is_abstract(self, name: str) -> bool:
        """True for a function that only raises."""
        body = getattr(all_functions(self.tree).get(name), "body", [])
        return 0 < len(body) <= 2 and isinstance(body[-1], ast.Raise)

    def _is_formality(self, part: Mutant) -> bool:
        is_run, decides = self.fates[part] is Fate.UNNOTICED, bool(self._fresh(part) - self._known_texts)
        return self._formalities.holds(part, is_run=is_run, noticed=self._noticed, decides=decides)

    def _asks_where_it_runs(self, part: Mutant) -> bool:
        """True for a new condition on the Python version or platform: its branches count for themselves."""
        fresh = part.operator in (CONDITION, GONE)
        return fresh and any(_within(part, span) for span in self._elsewhere.conditions)

    def _replaces_an_import(self, part: Mutant) -> bool:
        """True for another import, or no value, in place of a module that is missing."""
        statements = tree_in(part.before).body
        plain = all(isinstance(one, ast.Import | ast.ImportFrom) or _is_nothing(one) for one in statements)
        return plain and bool(statements) and any(_within(part, span) for span in self._elsewhere.fallbacks)

    # -- the text --

    @cached_property
    def _noticed(self) -> list[Mutant]:
        return [one for one, fate in self.fates.items() if fate is Fate.NOTICED]

    @cached_property
    def _elsewhere(self) -> Elsewhere:
        return Elsewhere(self.tree, self.text)

    @cached_property
    def _formalities(self) -> Formalities:
        return Formalities(self.before, self.text, self.tree)

    @cached_property
    def _conjunctions(self) -> Conjunctions:
        return Conjunctions(self.tree, self.text)

    def _fresh(self, part: Mutant) -> set[str]:
        """What decides in the part: values, also through names that the change binds to them, and sizes."""
        return self._decisive(part.before) - self._decisive(part.text)

    def _decisive(self, text: str) -> set[str]:
        own, nodes = values_in(text) | sizes_in(text), walk(read(text.strip()))
        named = {getattr(one, "id", getattr(one, "attr", "")) for one in nodes}
        return own.union(*(self._brought[one] for one in named & self._brought.keys()))

    @cached_property
    def _brought(self) -> dict[str, set[str]]:
        """Names that base does not have, with the values that they are bound to or compared with."""
        old = {getattr(one, "id", getattr(one, "name", "")) for one in walk(read(self.before))}
        found: dict[str, set[str]] = {}
        for one in walk(self.tree):
            if isinstance(one, ast.Assign):
                names = {target.id for target in one.targets if isinstance(target, ast.Name)}
                found |= {name: values_in(ast.unparse(one.value)) for name in names - old}
            elif isinstance(one, ast.FunctionDef) and one.name not in old:
                comparisons = (ast.unparse(inner) for inner in walk(one) if isinstance(inner, ast.Compare))
                found[one.name] = set().union(*map(values_in, comparisons))
        return found

    def _rest_of_statement(self, part: Mutant) -> str:
        ends = (end for start, end in self._statements if start <= part.start and part.end <= end)
        return self.text.text[part.end : min(ends, default=part.end)]

    def _is_statement(self, part: Mutant) -> bool:
        return (part.start, part.end) in self._statements

    @cached_property
    def _known_texts(self) -> set[str]:
        """Strings that base's file uses as a name of its own and not as a key."""
        nodes = walk(read(self.before))
        return {
            repr(one.value) for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)
        }

    @cached_property
    def _statements(self) -> set[Span]:
        return {self.text.span(one) for one in walk(self.tree) if isinstance(one, ast.stmt)}

    @cached_property
    def _caught(self) -> list[Span]:
        handlers = (one for one in walk(self.tree) if isinstance(one, ast.ExceptHandler))
        return [self.text.span(one.type) for one in handlers if one.type is not None]

    @cached_property
    def _bodies(self) -> dict[Span, Span]:
        """The statements under each condition."""
        found = (one for one in walk(self.tree) if isinstance(one, ast.If))
        return {self.text.span(one.test): self.text.run(one.body) for one in found}


# ---------------------------------------------------------------------------------------------------------


def _simple(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those under a condition that calls nothing in its place."""
    for node in body:
        if isinstance(node, ast.If) and not any(isinstance(one, ast.Call) for one in walk(node.test)):
            yield from _simple([*node.body, *node.orelse])
        else:
            yield node


def _bound(node: ast.stmt) -> Iterator[ast.expr]:
    """The names and attributes that a statement itself binds, without those of statements inside it."""
    heads = [getattr(node, "target", None), *getattr(node, "targets", ())]
    heads += [one.optional_vars for one in getattr(node, "items", ())]
    for head in filter(None, heads):
        stored = (one for one in walk(head) if isinstance(one, ast.Name | ast.Attribute | ast.Subscript))
        yield from (one for one in stored if isinstance(one.ctx, ast.Store))


def _is_nothing(node: ast.stmt) -> bool:
    """True for `name = None`, `name = False` and `pass`."""
    value = node.value if isinstance(node, ast.Assign) else None
    return isinstance(node, ast.Pass) or (isinstance(value, ast.Constant) and not value.value)


def _within(part: Mutant, span: Span) -> bool:
    return span[0] <= part.start and part.end <= span[1]
