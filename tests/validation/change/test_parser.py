# ruff: noqa: E501
import pytest

from nightcrew.validation.change.change import PatchRefused, apply_patch
from nightcrew.validation.change.parser import parse_patch

NEW = "diff --git a/{0} b/{0}\nnew file mode {1}\nindex 0000000..1111111\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ("", "empty"),
        ("just words\n", "not a diff"),
        ("\x1b[1mdiff --git a/x b/x\x1b[m\n", "coloured"),
        ("diff --git x/y.py x/y.py\n", "unusual way"),
        ("diff --git i/y.py i/y.py\n", "unusual way"),
        (NEW.format("link", "120000"), "symbolic link"),
        (NEW.format("sub", "160000"), "submodule"),
        (NEW.format("x", "100777"), "file mode"),
        (NEW.format("../x", "100644"), "not a path inside"),
        (NEW.format("/etc/x", "100644"), "not a path inside"),
        (NEW.format(".git/hooks/pre-commit", "100755"), "git's own folder"),
        (NEW.format(".GIT/config", "100644"), "git's own folder"),
        (NEW.format("a/.g\u200bit/config", "100644"), "invisible"),
        (NEW.format("git~1/config", "100644"), "git's own folder"),
        (NEW.format("a\\b", "100644"), "back slashes"),
        (NEW.format("a/b.py ", "100644"), "read differently"),
        (NEW.format("C:/x", "100644"), "read differently"),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "mode"),
        ("diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\n", "binary"),
        ("Binary files a/x and b/x differ\n", "binary"),
        ("diff --git a/x b/x\ncopy from x\ncopy to y\n", "copies"),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n", "ends inside|does not fit|malformed"),
        (NEW.format("x", "100644") + NEW.format("X", "100644"), "case only"),
        ("diff --git a/x b/x\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "two different paths"),
        (NEW.format("x", "100644") + "+" + "y" * 1_000_001, "larger"),
        ("".join(NEW.format(f"x{number}", "100644") for number in range(201)), "more than 200 files"),
        ("diff --git a/x b/x\nindex 1..2 100644\nindex 1..2 100644\n", "'index' twice"),
        (
            "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
            "two things about whether",
        ),
        ("--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "neither side"),
        ("--- a/x\n+++ b/x\n", "without a hunk"),
        ("--- a/x\n+++ b/x\n@@ nonsense @@\n", "malformed patch at line 3"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n*a\n", "malformed patch at line 4"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n-b\n c\n", "does not fit its header"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\x00\n", "binary"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+" + "b" * 20_001 + "\n", "more than 20,000 characters"),
        ("@@ -1 +1 @@\n-a\n+b\n", "malformed patch at line 1"),
    ],
)
def test_tricks_are_refused(patch: str, reason: str) -> None:
    with pytest.raises(PatchRefused, match=reason):
        apply_patch(parse_patch(patch), lambda path: None)


@pytest.mark.parametrize(
    ("patch", "base", "reason"),
    [
        (NEW.format("x", "100644"), {"x": "a\n"}, "exists on base already"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+a\n", {"x": "a\n"}, "changes nothing"),
    ],
)
def test_patches_that_do_not_fit(patch: str, base: dict[str, str], reason: str) -> None:
    with pytest.raises(PatchRefused, match=reason):
        apply_patch(parse_patch(patch), base.get)


def test_an_empty_context_line_may_have_lost_its_blank() -> None:
    patch = "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n"
    (change,) = apply_patch(parse_patch(patch), {"x": "a\n\nb\n"}.get)
    assert change.after == "a\n\nc\n"


def test_the_last_line_may_have_no_end() -> None:
    patch = (
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
    )
    (change,) = apply_patch(parse_patch(patch), {"x": "a"}.get)
    assert change.after == "b"


def test_among_equal_places_the_nearest_is_changed() -> None:
    patch = "--- a/x\n+++ b/x\n@@ -7 +7 @@\n-a\n+b\n"
    (change,) = apply_patch(parse_patch(patch), {"x": "a\nc\n" * 5}.get)
    assert change.after == "a\nc\n" * 3 + "b\nc\n" + "a\nc\n"
