"""Calls in which what a function is given decides more than a value."""

import pytest

from nightcrew.validation.questions.powers import Power
from nightcrew.validation.questions.python_powers import python_powers
from nightcrew.validation.reading.suite import read


def powers(body: str, name: str = "get") -> list[tuple[Power, str]]:
    text = f"def {name}(self, doc, path):\n    {body}\n"
    return [(use.power, use.what) for use in python_powers(read(text))]


@pytest.mark.parametrize(
    "call", ["getattr(doc, path)", "setattr(doc, path, 1)", "path.format(doc)", "('{}' + path).format(doc)"]
)
def test_an_attribute_that_the_input_names_is_a_power(call: str) -> None:
    assert powers(f"return {call}") == [(Power.BY_NAME, call)]


@pytest.mark.parametrize(
    "call", ["log.info('%s', doc)", "self.logger.error(f'{path}')", "logging.warning(path)"]
)
def test_values_in_a_log_are_a_power(call: str) -> None:
    assert powers(call) == [(Power.TELLS, call)]


def test_names_are_followed_to_what_comes_from_the_input() -> None:
    assert powers("first, *rest = path.split('/'); return getattr(doc, first)")
    assert powers("return [getattr(doc, one) for one in path]")
    assert powers("with path as one:\n        getattr(doc, one)")


@pytest.mark.parametrize(
    "body",
    [
        "return getattr(doc, 'name')",
        "return [getattr(doc, one) for one in NAMES]",
        "return '{}'.format(doc)",
        "return NAMES.format(doc)",
        "log.info('started')",
        "log.info('%d and %s', len(doc), type(path))",
        "math.log(doc)",
        "doc.error(path)",
    ],
)
def test_other_calls_are_none(body: str) -> None:
    assert not powers(body)


def test_a_class_may_hand_attributes_on() -> None:
    assert not powers("return getattr(self.held, path)", name="__getattr__")


@pytest.mark.parametrize("loader", ["Loader", "CLoader", "UnsafeLoader"])
def test_loaders_that_build_any_object_are_a_power(loader: str) -> None:
    text = f"import yaml\nload = getattr(yaml, '{loader}', yaml.SafeLoader)\n"
    assert [use.power for use in python_powers(read(text))] == [Power.UNSAFE_DATA]
