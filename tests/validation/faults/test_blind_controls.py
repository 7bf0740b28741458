"""When tests are run with many hash seeds: only where the order or the hash of something could decide."""

import ast

import pytest

from nightcrew.validation.faults.blind_controls import _calls_hash, holds_sets

ORDERED = ["x in {1, 2}", "sorted(set(x))", "len({a for a in x})", "x = [1]", "id = 3", "f(id=4)"]
BY_CHANCE = [
    "list(set(x))",
    "sorted(set(x), key=f)",
    "for a in {1, 2}:\n    f(a)",
    "f(frozenset(x))",
    "defaultdict(set)",
    "','.join({a for a in x})",
]


@pytest.mark.parametrize(
    ("code", "holds"), [*((one, False) for one in ORDERED), *((one, True) for one in BY_CHANCE)]
)
def test_a_set_counts_where_its_order_may_show(code: str, holds: bool) -> None:
    assert holds_sets(ast.parse(code)) is holds


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ("hash(x) % 8", True),
        ("sorted(x, key=id)", True),
        ("x.__hash__()", True),
        ("f(id)", False),
        ("id = 3", False),
    ],
)
def test_a_hash_counts_where_it_is_asked_for(code: str, asks: bool) -> None:
    assert _calls_hash(ast.parse(code)) is asks
