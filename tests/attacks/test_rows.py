"""The suite as a whole: how many attacks there are, and that no row is forgotten."""

from collections import Counter
from pathlib import Path

import pytest

from tests.attacks.rows import Row

FOLDER = Path(__file__).parent
LEAST = 500


def test_there_are_enough_attacks_and_none_of_our_rows_is_empty(request: pytest.FixtureRequest) -> None:
    whole = {path.name for path in FOLDER.glob("test_*.py")}
    made: Counter[Row] = Counter()
    collected = set()
    names = set()
    for item in request.session.items:
        if item.path.parent == FOLDER:
            collected.add(item.path.name)
            mark = item.get_closest_marker("attack")
            # One attack is one, however many sandboxes it is made on.
            name = item.name.replace("podman-", "").replace("docker-", "").replace("bubblewrap-", "")
            if mark is not None and (item.path.name, name) not in names:
                names.add((item.path.name, name))
                made[mark.args[0]] += 1
    if collected != whole:
        pytest.skip("only a part of the suite was asked for")
    assert made.total() >= LEAST
    assert [row.name for row in Row if made[row] == 0] == []
