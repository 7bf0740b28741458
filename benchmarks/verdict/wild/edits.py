"""Changes Python text at one place and leaves everything else as it is."""

import ast
import difflib
import textwrap
from collections.abc import Iterator

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(text: str | None) -> ast.Module | None:
    """The tree; None where the text is not Python."""
    try:
        return ast.parse(text) if text is not None else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def functions(text: str | None) -> Iterator[Function]:
    """Functions and methods in the order of the text, those inside functions left out."""
    tree = parsed(text)
    yield from _functions(tree.body) if tree is not None else ()


def changed_lines(before: str | None, after: str) -> set[int]:
    """Lines of `after` that `before` does not have."""
    matcher = difflib.SequenceMatcher(None, (before or "").splitlines(), after.splitlines(), autojunk=False)
    return {
        line + 1
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag != "equal"
        for line in range(start, end)
    }


def changed(before: str | None, after: str) -> list[Function]:
    """The functions of `after` that differ from `before`'s of the same name."""
    old = {node.name: ast.dump(node) for node in functions(before)}
    return [node for node in functions(after) if old.get(node.name) != ast.dump(node)]


def untouched(before: str | None, after: str) -> list[Function]:
    """The public functions of `after` that are as they were, with a body of some lines."""
    touched = {node.name for node in changed(before, after)}
    return [node for node in functions(after) if node.name not in touched and len(node.body) >= 2]


def parameters(node: Function) -> list[str]:
    """Names of its parameters, without self and cls."""
    return [one.arg for one in (*node.args.posonlyargs, *node.args.args) if one.arg not in {"self", "cls"}]


def first_in(text: str, node: Function, statements: str) -> str | None:
    """Puts `statements` at the start of a function's body, after its docstring."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body or body[0].lineno == node.lineno:
        return None
    lines = text.splitlines(keepends=True)
    at = _first_line(body[0]) - 1
    indent = " " * body[0].col_offset
    lines.insert(at, textwrap.indent(textwrap.dedent(statements).strip("\n"), indent) + "\n")
    return _if_python("".join(lines))


def with_body(text: str, node: Function, statements: str) -> str | None:
    """Replaces a function's body and keeps the docstring."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body or body[0].lineno == node.lineno:
        return None
    lines = text.splitlines(keepends=True)
    indent = " " * body[0].col_offset
    indented = textwrap.indent(textwrap.dedent(statements).strip("\n"), indent) + "\n"
    lines[_first_line(body[0]) - 1 : node.end_lineno] = [indented]
    return _if_python("".join(lines))


def body_of(text: str, node: Function) -> str:
    """The text of a function's body without its docstring, not indented."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body:
        return ""
    return textwrap.dedent(
        "".join(text.splitlines(keepends=True)[_first_line(body[0]) - 1 : node.end_lineno])
    )


def replaced(text: str, node: ast.expr | ast.stmt, new: str) -> str | None:
    """One node's text replaced."""
    lines = text.encode("utf-8", "surrogateescape").splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: (node.end_lineno or node.lineno) - 1])) + (node.end_col_offset or 0)
    whole = b"".join(lines)
    return _if_python((whole[:start] + new.encode() + whole[end:]).decode("utf-8", "surrogateescape"))


def without(text: str, node: ast.stmt, instead: str = "") -> str | None:
    """Removes a whole statement's lines, including decorators."""
    lines = text.splitlines(keepends=True)
    lines[_first_line(node) - 1 : node.end_lineno] = [instead] if instead else []
    return _if_python("".join(lines))


def everywhere[T: ast.AST](text: str, kind: type[T]) -> Iterator[T]:
    """Nodes of a kind in a file."""
    tree = parsed(text)
    yield from (node for node in ast.walk(tree) if isinstance(node, kind)) if tree else ()


def inside[T: ast.AST](text: str, *, outside_of: set[int], kind: type[T]) -> Iterator[T]:
    """Nodes of a kind in functions, none on the lines `outside_of`."""
    for function in functions(text):
        for node in ast.walk(function):
            if isinstance(node, kind) and getattr(node, "lineno", 0) not in outside_of:
                yield node


# ---------------------------------------------------------------------------------------------------------


def _functions(body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body)


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _if_python(text: str) -> str | None:
    return text if parsed(text) is not None else None
