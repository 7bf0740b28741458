"""A name that looks like another one is seen; names of other languages are none of that."""

import ast

import pytest

from nightcrew.validation.questions.hidden_text import disguised_name


@pytest.mark.parametrize("name", ["test_\u0430dd", "p\u0430rse", "C\u041eUNT", "v\u03bflume"])
def test_a_disguised_name_is_seen(name: str) -> None:
    assert disguised_name(ast.parse(f"def {name}():\n    pass\n")) == name


@pytest.mark.parametrize("name", ["größe", "μ_s", "Δx", "имя", "naïve", "plain"])
def test_names_of_other_languages_are_names(name: str) -> None:
    assert disguised_name(ast.parse(f"{name} = 1\n")) is None
