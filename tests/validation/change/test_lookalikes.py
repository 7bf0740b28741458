"""What looks like one thing and is another is seen; other languages are none of that."""

import ast

import pytest

from nightcrew.validation.change.lookalikes import disguised_name, turned_line


@pytest.mark.parametrize("name", ["test_\u0430dd", "p\u0430rse", "C\u041eUNT", "v\u03bflume"])
def test_a_disguised_name_is_seen(name: str) -> None:
    assert disguised_name(ast.parse(f"def {name}():\n    pass\n")) == name


@pytest.mark.parametrize("name", ["größe", "μ_s", "Δx", "имя", "naïve", "plain"])
def test_names_of_other_languages_are_names(name: str) -> None:
    assert disguised_name(ast.parse(f"{name} = 1\n")) is None


def test_a_line_that_is_turned_round_is_seen_where_it_is_new() -> None:
    text = "a = 1\nb = '\u202e1'\n"
    assert turned_line(text, "") == 2
    assert turned_line(text, text) is None
