"""Paths in a diff: plain ones inside the repository are accepted, all others are refused with the reason."""

import pytest

from nightcrew.validation.change.change import FileDiff, PatchRefused
from nightcrew.validation.change.path_rules import (
    check_no_doubles,
    check_path,
    header_paths,
    new_side,
    old_side,
)


@pytest.mark.parametrize("path", ["a.py", "src/pkg/a.py", "docs/Überblick.md", ".github/x.yml", "git/a"])
def test_plain_paths_are_accepted(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "inside the repository"),
        ("/etc/passwd", "inside the repository"),
        ("a/", "inside the repository"),
        ("a//b", "inside the repository"),
        ("a/../b", "inside the repository"),
        ("./a", "inside the repository"),
        ("a" * 401, "inside the repository"),
        (".git/config", "git's own folder"),
        ("sub/.GIT/hooks/x", "git's own folder"),
        (".ｇｉｔ/config", "git's own folder"),  # full-width letters
        ("git~1/config", "git's own folder"),
        ("a\\b", "back slashes"),
        ("a\u202eb", "invisible characters"),
        ("a\tb", "control"),
        ("a.py.", "read differently"),
        ("a:b", "read differently"),
    ],
)
def test_other_paths_are_refused(path: str, why: str) -> None:
    with pytest.raises(PatchRefused, match=why):
        check_path(path)


def entry(old: str | None, new: str | None) -> FileDiff:
    return FileDiff(old, new, ())


def test_a_path_is_named_once_also_where_case_does_not_count() -> None:
    check_no_doubles((entry("a.py", "a.py"), entry("b.py", None), entry(None, "c.py")))
    with pytest.raises(PatchRefused, match="changed twice"):
        check_no_doubles((entry("a.py", "a.py"), entry("A.py", "A.py")))
    with pytest.raises(PatchRefused, match="changed twice"):
        check_no_doubles((entry("a.py", "b.py"), entry(None, "b.py")))


@pytest.mark.parametrize(
    ("header", "facts", "paths"),
    [
        ("diff --git a/x.py b/x.py", {}, ("x.py", "x.py")),
        ("diff --git a/with space.py b/with space.py", {}, ("with space.py", "with space.py")),
        ('diff --git "a/\\303\\244.py" "b/\\303\\244.py"', {}, ("ä.py", "ä.py")),
        ("diff --git i/x.py w/x.py", {}, ("x.py", "x.py")),
        ("diff --git a/x b/y", {"rename from": "x", "rename to": "y"}, ("x", "y")),
    ],
)
def test_both_paths_of_a_header(header: str, facts: dict[str, str], paths: tuple[str, str]) -> None:
    assert header_paths(header, facts) == paths


@pytest.mark.parametrize(
    ("header", "facts", "why"),
    [
        ("diff --git x.py x.py", {}, "unusual way"),
        ("diff --git a/x.py b/y.py", {}, "unusual way"),
        ("diff --git a/x a/x", {}, "unusual way"),
        ("diff --git a/x b/y", {"copy from": "x", "copy to": "y"}, "copies a file"),
        ("diff --git a/x b/y", {"rename from": "x"}, "copies a file"),
        ("diff --git a/x b/y", {"rename from": "../x", "rename to": "y"}, "inside the repository"),
    ],
)
def test_headers_that_are_refused(header: str, facts: dict[str, str], why: str) -> None:
    with pytest.raises(PatchRefused, match=why):
        header_paths(header, facts)


def test_sides_of_a_file() -> None:
    assert old_side("a/x.py\t2026-01-01") == "x.py"
    assert new_side("b/x.py\r") == "x.py"
    assert old_side("/dev/null") is None
    with pytest.raises(PatchRefused, match="without 'a/'"):
        old_side("x.py")
    with pytest.raises(PatchRefused, match="not UTF-8"):
        new_side('"b/\\377.py"')
