"""What a function asks of its inputs, and whether a refactoring asks something else: two rewritings that look
like nothing and are not (`x is None` as `not x`; `isinstance(x, T)` as `type(x) is T`)."""

import ast

from nightcrew.validation.reading.suite import Function


def asks_otherwise(old: Function, new: Function) -> str:
    """How the new version asks for something else, in words for a person; empty where it does not."""
    truths = _asked_for_truth(new) - _asked_for_truth(old)
    for text in sorted(_compared_with_none(old) - _compared_with_none(new)):
        if text in truths:
            return f"was compared with None ({text}) and now counts as missing when it is empty or zero"
    if _count(new, "isinstance") < _count(old, "isinstance") and _exact_types(new) > _exact_types(old):
        return "asked isinstance() and now asks for the exact type, which refuses what is derived from it"
    return ""


def _compared_with_none(function: Function) -> set[str]:
    """Arguments and attributes that are compared with None: names that a rewriting does not change."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Is | ast.IsNot | ast.Eq | ast.NotEq):
            last = node.comparators[0]
            if (
                isinstance(last, ast.Constant)
                and last.value is None
                and _has_lasting_name(node.left, function)
            ):
                found.add(ast.unparse(node.left))
    return found


def _has_lasting_name(node: ast.expr, function: Function) -> bool:
    arguments = {one.arg for one in ast.walk(function.args) if isinstance(one, ast.arg)}
    return isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id in arguments)


def _asked_for_truth(function: Function) -> set[str]:
    """What is taken for true or false by itself."""
    asked: list[ast.expr] = []
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            asked.append(node.test)
        elif isinstance(node, ast.BoolOp):
            asked += node.values
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            asked.append(node.operand)
        elif isinstance(node, ast.comprehension):
            asked += node.ifs
    return {ast.unparse(one) for one in asked if isinstance(one, ast.Name | ast.Attribute)}


def _count(function: Function, name: str) -> int:
    return sum(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(function)
    )


def _exact_types(function: Function) -> int:
    """Comparisons of `type(x)`, and of `x.__class__`."""
    return sum(
        isinstance(node, ast.Compare)
        and any(
            (isinstance(one, ast.Call) and getattr(one.func, "id", "") == "type")
            or (isinstance(one, ast.Attribute) and one.attr == "__class__")
            for one in (node.left, *node.comparators)
        )
        for node in ast.walk(function)
    )
