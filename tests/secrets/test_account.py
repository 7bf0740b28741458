"""Address and key of an account are kept, read and refused together."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from nightcrew.errors import BadInput
from nightcrew.secrets.account import (
    KEY_VARIABLES,
    Account,
    account_file,
    keep_account,
    kept_account,
)
from nightcrew.settings import load_settings

HERE, THERE = "http://here.example/v1", "http://there.example/v1"
KEY = SecretStr("sk-or-v1-for-here-only-0123456789")


@pytest.fixture(autouse=True)
def no_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEY_VARIABLES, "NIGHTCREW_BASE_URL", "NIGHTCREW_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_the_stored_account_is_used_where_none_is_given(tmp_path: Path) -> None:
    assert kept_account(tmp_path) is None
    keep_account(tmp_path, Account(HERE, KEY))
    assert load_settings(home=tmp_path).account == (HERE, KEY)
    assert load_settings(home=tmp_path, base_url=f"{HERE}/").account == (HERE, KEY)


def test_a_key_is_not_sent_to_another_address(tmp_path: Path) -> None:
    keep_account(tmp_path, Account(HERE, KEY))
    with pytest.raises(BadInput, match=r"is for http://here\.example/v1 and is not sent to"):
        _ = load_settings(home=tmp_path, base_url=THERE).account


def test_a_key_that_is_given_goes_with_the_address_that_is_given(tmp_path: Path) -> None:
    keep_account(tmp_path, Account(HERE, KEY))
    other = SecretStr("another-key-of-enough-length")
    assert load_settings(home=tmp_path, base_url=THERE, api_key=other).account == (THERE, other)
    assert load_settings(home=tmp_path, api_key=other).account.base_url == "https://openrouter.ai/api/v1"


def test_without_a_key_any_address_will_do(tmp_path: Path) -> None:
    assert load_settings(home=tmp_path, base_url=HERE).account == (HERE, None)
    keep_account(tmp_path, Account(HERE, None))
    assert load_settings(home=tmp_path, base_url=THERE, api_key="").account == (THERE, None)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keep_account(tmp_path / "home", Account(HERE, KEY))
    finally:
        os.umask(before)
    path = account_file(tmp_path / "home")
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", ["", "[]", '{"base_url": "x"}', "{"])
def test_a_damaged_file_is_reported(tmp_path: Path, content: str) -> None:
    keep_account(tmp_path, Account(HERE, KEY))
    account_file(tmp_path).write_text(content)
    with pytest.raises(BadInput, match=r"account\.json cannot be read: remove it"):
        kept_account(tmp_path)
