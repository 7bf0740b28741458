import json
from pathlib import Path
from typing import Any

import pytest

from nightcrew.errors import BadInput
from nightcrew.testing import load_scenario
from nightcrew.testing.scenario_page import page

MODEL = {"id": "twin/a:free"}


def _load(tmp_path: Path, data: Any) -> Any:
    path = tmp_path / "play.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return load_scenario(path)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("{", "cannot read the scenario"),
        ({"models": []}, "needs at least one model"),
        ({}, "models: Field required"),
        ({"models": [MODEL, MODEL]}, "two models share the id twin/a:free"),
        ({"models": [{"id": "no-author"}]}, "models.0.id: "),
        ({"models": [{**MODEL, "character": "clever"}]}, "models.0.character: Input should be 'capable'"),
        ({"models": [{**MODEL, "pric": {}}]}, "models.0.pric: unknown name"),
        ({"models": [{**MODEL, "price": {"prompt": "cheap"}}]}, "prompt must be a number in a string"),
        ({"models": [{**MODEL, "skill": 1.5}]}, "models.0.skill: "),
        ({"models": [MODEL], "faults": [{"kind": "sulks"}]}, "faults.0.kind: "),
        (
            {"models": [MODEL], "faults": [{"kind": "empty", "models": ["twin/b"]}]},
            "fault empty: no model matches twin/b",
        ),
        ({"models": [MODEL], "faults": [{"kind": "empty", "probability": 2}]}, "faults.0.probability: "),
        (
            {"models": [MODEL], "solutions": [{"good": {"a.py": {"file": "gone.txt"}}}]},
            "no file gone.txt next to the scenario",
        ),
        (
            {"models": [MODEL], "solutions": [{"good": {"a.py": {"file": "../../etc/passwd"}}}]},
            "next to the scenario",
        ),
        (
            {"models": [MODEL], "solutions": [{"good": {"a.py": {"path": "x"}}}]},
            "a file's content is a string",
        ),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, data: Any, says: str) -> None:
    with pytest.raises(BadInput) as error:
        _load(tmp_path, data)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the scenario"):
        load_scenario(tmp_path / "none.json")


def test_contents_are_inline_or_beside_the_scenario_or_null(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("x = 1\n")
    good = {"a.py": {"file": "good.txt"}, "b.py": "y = 2\n", "c.py": None}
    scenario = _load(tmp_path, {"models": [MODEL], "solutions": [{"good": good}]})
    assert scenario.solutions[0].good == {"a.py": "x = 1\n", "b.py": "y = 2\n", "c.py": None}
    again = type(scenario).model_validate_json(scenario.model_dump_json())
    assert again == scenario


def test_the_page_about_scenarios_is_what_the_classes_read() -> None:
    documented = Path(__file__).parents[2] / "docs" / "twin.md"
    assert documented.read_text() == page(), "run: python -m nightcrew.testing.scenario_page > docs/twin.md"


def test_an_unknown_form_is_named(tmp_path: Path) -> None:
    scenario = {"models": [{"id": "house/a"}], "faults": [{"kind": "form", "form": "poem"}]}
    (tmp_path / "s.json").write_text(json.dumps(scenario))
    with pytest.raises(BadInput, match=r"faults\.0\.form"):
        load_scenario(tmp_path / "s.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "as JSON: the file is empty"),
        ("models: [{id: a/b}]", "as JSON: "),
        ("[" * 100_000, "as JSON: "),
        ("[]", "must be an object with names and values"),
        ('{"models": "a/b"}', "models: must be a list"),
        ('{"models": ["a/b"]}', "models.0: must be an object with names and values"),
        ('{"models": [], "models": []}', 'the name "models" stands twice'),
        ('{"models": [{"id": "a/b", "price": {"prompt": "-1"}}]}', "not below 0"),
        ('{"models": [{"id": "a/b", "price": {"prompt": "NaN"}}]}', "not below 0"),
        ('{"models": [{"id": "a/b", "expiration_date": "soon"}]}', "a date is written YYYY-MM-DD"),
        ('{"models": [{"id": "a/b"}], "faults": [{"kind": "form", "at_call": [0]}]}', "faults.0.at_call.0: "),
        (
            '{"models": [{"id": "a/b"}], "faults": [{"kind": "prose", "form": "glm"}]}',
            "only the kind form has",
        ),
        (
            '{"models": [{"id": "a/b"}],'
            ' "faults": [{"kind": "drip", "after_seconds": 5, "before_seconds": 1}]}',
            "before_seconds must be more than after_seconds",
        ),
    ],
)
def test_what_is_no_scenario_is_refused_in_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        _load(tmp_path, text)
    assert says in str(error.value)
    assert len(str(error.value)) < 500 and "\n" not in str(error.value)


def test_every_field_has_a_meaning() -> None:
    assert "|  |" not in page()
