"""Licences, comments, and comments in the place of code."""

import pytest

from nightcrew.validation.questions.notices import elision, lost_comments, lost_licence
from nightcrew.validation.verdict import Severity

CODE = "\n".join(f"# why {number} is needed here\nx{number} = {number}" for number in range(10)) + "\n"


@pytest.mark.parametrize("line", ["# ... existing code ...", "// rest of the file unchanged"])
def test_a_comment_in_the_place_of_code_is_found(line: str) -> None:
    (loss,) = elision("a = 1\nb = 2\n", f"a = 1\n{line}\n")
    assert loss.line == 2


def test_the_same_comment_hides_nothing_where_no_line_is_gone() -> None:
    assert list(elision("a = 1\n", "a = 1\n# ... existing code ...\n")) == []


def test_a_licence_may_change_its_years_only() -> None:
    notice = "# Copyright 2019-2023 The Shop\nx = 1\n"
    assert list(lost_licence("a.py", notice, notice.replace("2023", "2025"))) == []
    (loss,) = lost_licence("a.py", notice, "x = 1\n")
    assert (loss.line, loss.severity) == (1, Severity.REFUSED)
    (loss,) = lost_licence("LICENSE", "Do what you want.\n", "Ask first.\n")
    assert loss.severity is Severity.UNPROVEN


def test_comments_are_lost_where_their_code_stays() -> None:
    bare = "\n".join(line for line in CODE.split("\n") if not line.startswith("#"))
    (loss,) = lost_comments(CODE, bare)
    assert loss.what.startswith("10 of 10 comments are gone")
    assert list(lost_comments(CODE, "y = 1\n")) == []  # they go with the code that they describe
