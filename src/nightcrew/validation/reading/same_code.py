"""Code that differs only in form: names of locals, needless variables, nesting without effect.

Functions that are equal here behave the same on every input; functions that are not may still behave the
same. So a changed function that is equal needs no test to vouch for it.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from nightcrew.validation.reading.source_text import SourceText
from nightcrew.validation.reading.suite import (
    Function,
    all_functions,
    copied,
    read,
    same_tree,
    tree_text,
    walk,
)
from nightcrew.validation.reading.variants import functions, is_delicate, local_names

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_MOST_PAIRS = 32  # of texts whose differences are kept: several gates ask for the same
_RENAMED = 0.6  # share of its text that a definition has in common with its former self
_NAME = re.compile(r"(?<=Name\(id=)'\w+'")
_ALIKE = 0.4  # statements that share less than this are different statements
type Block = list[ast.stmt]


def same_function(old: Function, new: Function) -> bool:
    """True where both behave the same on every input, by rules that hold for all code."""
    return same_tree(old, new) or normal_form(old) == normal_form(new)


@lru_cache(maxsize=_MOST_PAIRS)
def changed_functions(before: str | None, after: str | None) -> Mapping[str, Function]:
    """The functions of the new text that may behave differently than in the old one, by qualified name."""
    old = all_functions(read(before))
    new = all_functions(read(after)).items()
    return {name: node for name, node in new if name not in old or not same_function(old[name], node)}


def simple_statements(body: list[ast.stmt]) -> Counter[str]:
    """The simple statements and conditions of a block and its inner blocks, with names ignored."""
    found: Counter[str] = Counter()
    for node in (part for one in body for part in walk(copied(one))):
        # Of a compound statement only its condition counts, because its inner statements are counted by
        # themselves.
        held = node.test if isinstance(node, ast.If | ast.While) else node
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not is_text and not (held is node and hasattr(node, "body")):
            for one in walk(held):
                if isinstance(one, ast.Name):
                    one.id = "_"
            found[tree_text(held)] += 1
    return found


def in_new_functions(old: ast.Module, new: ast.Module) -> Counter[str]:
    """The statements of functions that base does not have, with names ignored."""
    known = all_functions(old)
    fresh = (node for name, node in all_functions(new).items() if name not in known)
    return simple_statements([part for node in fresh for part in node.body])


def kept_statements(old: Function, new: Function) -> set[str]:
    """Statements, as trees, that the new function has no more often than the old one: at most they moved."""
    before, after = (
        Counter(tree_text(one) for one in walk(node) if isinstance(one, ast.stmt)) for node in (old, new)
    )
    return {one for one, count in after.items() if before[one] >= count}


def paired_statements[T: ast.stmt](old: list[T], new: list[T]) -> list[tuple[T, T]]:
    """Pairs of statements that differ only in details, in order; what both bind belongs together."""
    pairs: list[tuple[T, T]] = []
    # A name that both lists bind must not be paired with another one, however similar the texts are.
    both = {_target(one) for one in old} & {_target(one) for one in new} - {""}
    at = 0
    for node in new:
        text = ast.unparse(node)
        for index in range(at, len(old)):
            names = {_target(old[index]), _target(node)}
            if type(old[index]) is type(node) and (len(names) == 1 or not names & both):
                alike = SequenceMatcher(None, ast.unparse(old[index]), text, autojunk=False)
                # The cheap bounds come first: `ratio` takes quadratic time, and most pairs fail a bound.
                bounds = (alike.real_quick_ratio, alike.quick_ratio, alike.ratio)
                if all(bound() >= _ALIKE for bound in bounds):
                    pairs.append((old[index], node))
                    # Pairs keep their order, so a statement is never paired with one before an earlier pair.
                    at = index + 1
                    break
    return pairs


def former_definition(node: ast.stmt, gone: Sequence[ast.stmt]) -> ast.stmt | None:
    """The definition that this one was under another name; None where it is new."""
    best, found = _RENAMED, None
    for other in gone if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else ():
        alike = SequenceMatcher(None, ast.unparse(other), ast.unparse(node), autojunk=False)
        if type(other) is type(node) and alike.quick_ratio() >= best and alike.ratio() >= best:
            best, found = alike.ratio(), other
    return found


def normal_form(function: Function, *, arguments: bool = False) -> str:
    """A text that is equal for functions that differ only in form.

    `arguments` means that the function's own name and its arguments' names are ignored.
    """
    plain = copied(function)
    plain.body = _block(plain.body)
    if ast.get_docstring(plain, clean=False) is not None:
        plain.body = plain.body[1:] or [ast.Pass()]
    # `locals()`, `eval` and their kind see names, so renaming a local could change what they do.
    if not is_delicate(plain):
        for inner in reversed(functions(plain)):
            inner.body = _without_needless(inner, inner.body)
        _rename(plain, arguments)
    return tree_text(plain)


def with_names_of(before: str, after: str) -> str:
    """`before` with the names that `after` gives to the same locals: only names that nothing outside of their
    function can see, and only such as the function does not use. It does exactly what `before` does."""
    old, new = all_functions(read(before)), all_functions(read(after))
    text, edits = SourceText(before), dict[tuple[int, int], str]()
    for name, function in old.items():
        other = new.get(name)
        renamed = _renamed(function, other) if other is not None else {}
        for node in walk(function) if renamed else ():
            if isinstance(node, ast.Name) and node.id in renamed:
                edits.setdefault(text.span(node), renamed[node.id])
    # From the end on, so that the positions before an edit stay valid.
    for (start, end), name in sorted(edits.items(), reverse=True):
        before = before[:start] + name + before[end:]
    return before


# ---------------------------------------------------------------------------------------------------------


def _block(body: Block) -> Block:
    """A block without needless nesting; inner blocks come first."""
    found: Block = []
    for node in body:
        for name in ("body", "orelse", "finalbody"):
            inner = getattr(node, name, None)
            if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
                setattr(node, name, _block(inner))
        for handler in getattr(node, "handlers", []):
            handler.body = _block(handler.body)
        for case in getattr(node, "cases", []):
            case.body = _block(case.body)
        found += _unnested(node)
    return _joined([node for node in found if not isinstance(node, ast.Pass)] or [ast.Pass()])


def _unnested(node: ast.stmt) -> Block:
    """Joins an `if` inside an `if`, and moves an `else` after a branch that leaves to the outer block."""
    if not isinstance(node, ast.If):
        return [node]
    inner = node.body[0]
    if not node.orelse and len(node.body) == 1 and isinstance(inner, ast.If) and not inner.orelse:
        node = ast.If(ast.BoolOp(ast.And(), [*_parts(node.test), *_parts(inner.test)]), inner.body, [])
    # After `return` or `raise` the `else` and the following block are the same place.
    if node.orelse and isinstance(node.body[-1], _ENDS):
        return [ast.If(node.test, node.body, []), *node.orelse]
    return [node]


def _parts(test: ast.expr) -> list[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]


def _joined(body: Block) -> Block:
    """Joins `if c: return a` and a following `return b` into one conditional expression."""
    while len(body) >= 2:
        last, before = body[-1], body[-2]
        first = before.body[0] if isinstance(before, ast.If) and len(before.body) == 1 else None
        if not (
            isinstance(before, ast.If)
            and not before.orelse
            and isinstance(first, ast.Return)
            and first.value is not None
            and isinstance(last, ast.Return)
            and last.value is not None
        ):
            break
        body = [*body[:-2], ast.Return(ast.IfExp(before.test, first.value, last.value))]
    return body


def _without_needless(function: Function, body: Block) -> Block:
    """Joins `x = value` and a following `return x` into `return value`, where x is a plain local."""
    local = local_names(function)

    def shorten(block: Block) -> Block:
        for node in block:
            for name in ("body", "orelse", "finalbody"):
                inner = getattr(node, name, None)
                if isinstance(inner, list) and not isinstance(node, ast.FunctionDef | ast.ClassDef):
                    setattr(node, name, shorten(inner))
            for handler in getattr(node, "handlers", []):
                handler.body = shorten(handler.body)
        while len(block) >= 2:
            before, last = block[-2], block[-1]
            if not (isinstance(before, ast.Assign) and len(before.targets) == 1):
                break
            target = before.targets[0]
            if not (isinstance(target, ast.Name) and target.id in local and isinstance(last, ast.Return)):
                break
            if not (isinstance(last.value, ast.Name) and last.value.id == target.id):
                break
            block = [*block[:-2], ast.Return(before.value)]
        return block

    # A `finally` can read a local's value while the function returns.
    guarded = any(isinstance(node, ast.Try) and node.finalbody for node in walk(function))
    return body if guarded else _joined(shorten(body))


def _rename(function: Function, arguments: bool) -> None:
    """Renames locals by the order in which they first occur."""
    renamed: dict[str, str] = {}
    local = local_names(function)
    if arguments:
        args = [one for one in walk(function.args) if isinstance(one, ast.arg)]
        for one in args:
            renamed[one.arg] = one.arg = f"<{len(renamed)}>"
            one.annotation = None
        function.returns, function.name, function.decorator_list = None, "", []
    # Not over the whole function: defaults and decorators are evaluated outside of it.
    for part in function.body:
        for node in walk(part):
            if isinstance(node, ast.Name) and (node.id in local or node.id in renamed):
                node.id = renamed.setdefault(node.id, f"<{len(renamed)}>")


def _target(node: ast.stmt) -> str:
    """What a statement binds; empty where it binds nothing."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return ", ".join(ast.unparse(one) for one in targets if one is not None)


def _renamed(old: Function, new: Function) -> dict[str, str]:
    """The new names of base's locals, from statements that differ in nothing but names."""
    if is_delicate(old) or tree_text(old) == tree_text(new):
        return {}
    pairs = _pairs(old, new)
    known, free = _locals(old), _locals(new) - _identifiers(old)
    renamed: dict[str, str] = {}
    for (name, other), count in pairs.most_common():
        # Two locals must not get one name, and a new name must not be one that the function uses already.
        is_free = name in known - renamed.keys() and other in free - {*renamed.values()}
        if is_free and count > pairs[name, name]:
            renamed[name] = other
    return renamed


def _pairs(old: Function, new: Function) -> Counter[tuple[str, str]]:
    """How often each name stands where the new text has another one, or the same."""
    first, second = list(_statement_forms(old)), list(_statement_forms(new))
    alike = SequenceMatcher(None, [shape for shape, _ in first], [shape for shape, _ in second], False)
    blocks = ((i, k, size) for i, k, size in alike.get_matching_blocks())
    both = ((first[i + at][1], second[k + at][1]) for i, k, size in blocks for at in range(size))
    return Counter(pair for names, others in both for pair in zip(names, others, strict=True))


def _statement_forms(function: Function) -> Iterator[tuple[str, list[str]]]:
    """The form of each statement without those inside it, and the names in it."""
    inner = (ast.stmt, ast.excepthandler, ast.match_case)
    for node in sorted((one for one in walk(function) if isinstance(one, ast.stmt)), key=_place):
        parts = [one for one in ast.iter_child_nodes(node) if not isinstance(one, inner)]
        names = [one.id for part in parts for one in walk(part) if isinstance(one, ast.Name)]
        if node is not function:
            yield f"{type(node).__name__} {[_NAME.sub('_', ast.dump(one)) for one in parts]}", names


def _place(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _locals(function: Function) -> set[str]:
    """Names that the function binds by statements, and that mean nothing outside of it."""
    bound = {one.id for one in walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    classes = (one for one in walk(function) if isinstance(one, ast.ClassDef))
    fields = {one.id for node in classes for one in walk(node) if isinstance(one, ast.Name)}
    return bound - fields - _fixed(function)


def _identifiers(function: Function) -> set[str]:
    return {one.id for one in walk(function) if isinstance(one, ast.Name)} | _fixed(function)


def _fixed(function: Function) -> set[str]:
    """Names that are no plain names: of parameters, definitions, imports, handlers, patterns and scopes."""
    found: set[str] = set()
    for node in walk(function):
        words = () if isinstance(node, ast.keyword) else ("arg", "name", "asname", "rest")
        own = (getattr(node, word, None) for word in words)
        found |= {one.partition(".")[0] for one in own if isinstance(one, str)}
        found |= {*node.names} if isinstance(node, ast.Global | ast.Nonlocal) else set()
    return found
