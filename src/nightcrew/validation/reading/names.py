"""Names that an expression is made of."""

import ast


def own_name(node: ast.AST | None) -> str:
    """The name itself, or the last part of a dotted one; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def called(call: ast.Call) -> str:
    """The last part of what is called."""
    return own_name(call.func)


def names_of(tree: ast.AST) -> set[str]:
    """Every name in it, and every last part of a dotted one."""
    return {own_name(node) for node in ast.walk(tree)} - {""}


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression that is no more than that; of a call or a subscript what stands before it."""
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
    """`c` of `a.b.c`."""
    return dotted(node).rsplit(".", 1)[-1]


def is_text(node: ast.AST) -> bool:
    """True for a statement that is nothing but a text, as a docstring is."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
