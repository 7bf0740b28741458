import pytest

from nightcrew.validation.change.change import PatchRefused, apply_patch
from nightcrew.validation.change.parser import parse_patch
from tests.validation.house import House


def test_a_patch_made_by_git_gives_the_files_back(house: House) -> None:
    prices = (house.repo / "src/shop/prices.py").read_text()
    wanted = {
        "src/shop/prices.py": prices.replace("100", "200").rstrip("\n"),  # no line feed at the end
        "src/shop/names.py": None,
        "docs/ä b.txt": "eins\r\nzwei\r\n",
    }
    before = {path: (house.repo / path).read_text() for path in ("src/shop/prices.py", "src/shop/names.py")}
    changes = apply_patch(parse_patch(house.patch(wanted)), before.get)
    assert {change.path: change.after for change in changes} == wanted


def test_a_hunk_is_found_where_lines_have_moved() -> None:
    text = "a\nb\nc\nd\n"
    patch = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n c\n-d\n+e\n"
    (change,) = apply_patch(parse_patch(patch), lambda path: text)
    assert change.after == "a\nb\nc\ne\n"


def test_a_patch_that_does_not_apply_is_refused() -> None:
    patch = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-q\n+e\n"
    with pytest.raises(PatchRefused, match="does not apply"):
        apply_patch(parse_patch(patch), lambda path: "a\n")
    with pytest.raises(PatchRefused, match="does not exist"):
        apply_patch(parse_patch(patch), lambda path: None)


@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("i", "w"), ("c", "i"), ("c", "w"), ("o", "w")])
def test_the_prefixes_of_git_are_known(old: str, new: str) -> None:
    patch = f"diff --git {old}/f {new}/f\nindex 1..2 100644\n--- {old}/f\n+++ {new}/f\n@@ -1 +1 @@\n-a\n+b\n"
    (change,) = apply_patch(parse_patch(patch), {"f": "a\n"}.get)
    assert (change.path, change.after) == ("f", "b\n")


def test_windows_line_ends_are_named() -> None:
    patch = "--- a/f\r\n+++ b/f\r\n@@ -1 +1 @@\r\n-a\r\n+e\r\n"
    with pytest.raises(PatchRefused, match="Windows line ends"):
        apply_patch(parse_patch(patch), lambda path: "a\n")


def test_a_rename_is_a_deletion_and_a_new_file() -> None:
    patch = "diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n"
    changes = apply_patch(parse_patch(patch), {"f": "a\n"}.get)
    assert [(change.path, change.before, change.after) for change in changes] == [
        ("f", "a\n", None),
        ("g", None, "a\n"),
    ]
