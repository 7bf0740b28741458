"""Names in an expression."""

import ast
import re

ELSEWHERE = re.compile(
    r"\bsys\.(version_info|hexversion|platform|implementation|maxsize|flags)\b|\bos\.name\b|\bplatform\.\w+\("
    r"|\bversion_info\b|\bpython_version\b"
)
"""In the text of a condition: it asks for the Python version or the platform."""


def own_name(node: ast.AST | None) -> str:
    """A plain name, or the last part of a dotted one; empty for any other expression."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def called(call: ast.Call) -> str:
    """The last part of the called function's name."""
    return own_name(call.func)


def names_of(tree: ast.AST) -> set[str]:
    """Every plain name in the expression, and the last part of every dotted one."""
    return {own_name(node) for node in ast.walk(tree)} - {""}


def dotted(node: ast.AST) -> str:
    """`a.b.c` for an expression that is a dotted name; for a call or a subscript, the name before it."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            break
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def last_part(node: ast.AST) -> str:
    """The last part of a dotted name: `c` of `a.b.c`."""
    return dotted(node).rsplit(".", 1)[-1]


def parameters_of(node: ast.arguments) -> list[ast.arg]:
    """Every parameter, `*args` and `**kwargs` last."""
    extra = [one for one in (node.vararg, node.kwarg) if one is not None]
    return [*node.posonlyargs, *node.args, *node.kwonlyargs, *extra]


def defaults_of(node: ast.arguments) -> list[tuple[ast.arg, ast.expr]]:
    """The parameters that have a default, with it."""
    plain = [*node.posonlyargs, *node.args]
    late = plain[len(plain) - len(node.defaults) :]
    pairs = zip([*late, *node.kwonlyargs], [*node.defaults, *node.kw_defaults], strict=True)
    return [(one, value) for one, value in pairs if value is not None]


def is_text(node: ast.AST) -> bool:
    """True for a statement that is only a string, such as a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
