"""Comments for people, and those that tools read."""

from collections import Counter

from nightcrew.validation.reading.comments import comments, directives, words

TEXT = """\
#!/usr/bin/env python
# -*- coding: utf-8 -*-
# The limit is a law.
LIMIT = 3  # noqa: E501
text = "# no comment"
#
#: Of each order.
MOST = 4  # type:  ignore[assignment]
"""


def test_every_comment_in_its_order() -> None:
    assert len(comments(TEXT)) == 7
    assert comments(TEXT)[2] == "# The limit is a law."


def test_comments_that_have_an_effect() -> None:
    assert directives(TEXT) == Counter(
        ["#!/usr/bin/env python", "# -*- coding: utf-8 -*-", "# noqa: E501", "# type: ignore[assignment]"]
    )


def test_comments_for_people() -> None:
    assert words(TEXT) == "The limit is a law.\n\n: Of each order."


def test_what_is_not_python_or_too_long_for_a_person_has_none() -> None:
    assert comments("x = (\n") == []
    assert comments("'''open") == []
    assert comments("x = 1  # " + "y" * 40_000) == []
