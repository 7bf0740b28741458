"""The unit file starts this installation with this home, and keeps the rules of systemd's quoting."""

import configparser
import shutil
import sys
from pathlib import Path

import pytest

from nightcrew.crew import unit
from nightcrew.errors import BadInput
from nightcrew.secrets.account import keep_account
from nightcrew.settings import load_settings


def read(text: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(text)
    return parsed


def test_the_unit_runs_the_engine_and_is_stopped_cleanly(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, api_key="sk-or-v1-secret")
    text = unit.unit_text(settings, workers=3, of_system=True)
    service = read(text)["Service"]
    assert service["ExecStart"] == f'"{sys.executable}" "-m" "nightcrew.cli" "run-engine" "--workers" "3"'
    assert service["Environment"] == f'"NIGHTCREW_HOME={tmp_path}"'
    assert service["KillMode"] == "mixed", "only the engine gets the signal, and ends the others itself"
    assert service["RestartPreventExitStatus"] == "2", "bad input does not get better by itself"
    assert "secret" not in text
    assert read(text)["Install"]["WantedBy"] == "multi-user.target"
    assert (
        read(unit.unit_text(settings, workers=None, of_system=False))["Install"]["WantedBy"]
        == "default.target"
    )


def test_odd_paths_are_quoted(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / 'a "b" 100%')
    line = read(unit.unit_text(settings, workers=None, of_system=False))["Service"]["Environment"]
    assert line == f'"NIGHTCREW_HOME={tmp_path}/a \\"b\\" 100%%"'


def test_without_an_account_or_systemd_nothing_is_written(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    with pytest.raises(BadInput, match="set-account"):
        unit.install(settings)
    keep_account(tmp_path, settings.account)
    if not Path("/run/systemd/system").is_dir():
        with pytest.raises(BadInput, match="systemd does not run"):
            unit.install(settings)
    if shutil.which("systemctl") is None:
        with pytest.raises(BadInput, match="there is no"):
            unit.remove()
