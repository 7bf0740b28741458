"""Secrets in a change: keys that tests of cryptography are made of are none."""

from types import SimpleNamespace
from typing import Any

import pytest

from nightcrew.validation.change.change import Change
from nightcrew.validation.gates.scope import _new_secrets

KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
ONE, TWO = f'FIRST = """{KEY}\nMII1\n"""\n', f'OTHER = """{KEY} \nMII2\n"""\n'
TOKEN = f"T = '{'ghp_' + 'aB3' * 12}'\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "is_secret"),
    [
        ("tests/test_keys.py", ONE, ONE + TWO, False),
        ("tests/test_keys.py", "", TWO, True),
        ("shop/keys.py", ONE, ONE + TWO, True),
        ("tests/test_keys.py", ONE, ONE + TOKEN, True),
    ],
)
def test_a_key_more_among_the_keys_of_tests(path: str, before: str, after: str, is_secret: bool) -> None:
    room: Any = SimpleNamespace(is_test=lambda path: path.startswith("tests/"))
    assert bool(_new_secrets(room, Change(path, before, after))) is is_secret
