"""What of a change to data, scripts and the like is a part that can be taken away by itself."""

import pytest

from nightcrew.validation.faults.hunks import hunks_of

BASE = "most: 3\nleast: 1\nnames:\n  - a\n"
CHANGES = {
    "a value": (BASE.replace("1", "9"), [("9", "1")]),
    "two values": (BASE.replace("1", "9").replace("3", "8"), [("8", "3"), ("9", "1")]),
    "a value and a line more": (
        BASE.replace("1\n", "9,\nextra: 2\n"),
        [("9", "1"), ("extra: 2\n", "")],
    ),
    "a line more": (BASE + "  - b\n", [("  - b\n", "")]),
    "a line less": (BASE.replace("least: 1\n", ""), [("", "least: 1\n")]),
    "another thing": (BASE.replace("  - a\n", "{}\n"), [("{}\n", "  - a\n")]),
}


@pytest.mark.parametrize(("after", "parts"), CHANGES.values(), ids=CHANGES)
def test_each_value_is_a_part(after: str, parts: list[tuple[str, str]]) -> None:
    found = hunks_of(BASE, after)
    assert all(after[part.start : part.end] == part.before for part in found)
    assert [(part.before, part.text) for part in found] == parts


def test_a_new_file_is_one_part() -> None:
    (part,) = hunks_of("", "#!/bin/sh\nexec serve\n")
    assert part.apply("#!/bin/sh\nexec serve\n") == ""


def test_many_edits_are_a_few_parts_that_bring_base_back() -> None:
    base = "".join(f"{number}: a\n\n" for number in range(30))
    after = base.replace("a", "b")
    parts = hunks_of(base, after)
    assert len(parts) == 8
    for part in reversed(parts):
        after = part.apply(after)
    assert after == base


def test_a_new_script_is_its_commands() -> None:
    script = (
        "#!/bin/sh\nset -e\n# make it\nmkdir -p build\necho building\n"
        "if test -d src; then\n    cp -r src build\nfi\nexit 0\nrm -rf build\n"
    )
    found = hunks_of("", script, is_script=True)
    assert [one.before for one in found] == [
        "mkdir -p build\n",
        "if test -d src; then\n    cp -r src build\nfi\n",
        "exit 0\n",
        "rm -rf build\n",
    ]
