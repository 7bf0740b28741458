"""The unit file starts this installation with this home, and keeps the rules of systemd's quoting."""

import configparser
import shutil
import subprocess
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
    assert "sk-or-v1-secret" not in text
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
            unit.remove(settings)


def test_the_unit_of_a_host_that_joins_only_works(tmp_path: Path) -> None:
    text = unit.unit_text(
        load_settings(home=tmp_path), workers=None, of_system=True, join="http://10.0.0.5:4257/api"
    )
    words = read(text)["Service"]["ExecStart"]
    assert words.endswith('"nightcrew.cli" "worker" "--join" "http://10.0.0.5:4257/api"')


def test_the_service_has_the_settings_of_its_installer_and_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = 'postgresql://crew:a"b$c\\d`e@db.internal/crew'
    given = {"DATABASE_URL": url, "STORE_URL": "s3://b", "REDIS_URL": "redis://r", "API_KEY": "sk-secret"}
    for name, value in given.items():
        monkeypatch.setenv(f"NIGHTCREW_{name}", value)
    monkeypatch.setenv("AWS_PROFILE", "crew")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("GITHUB_TOKEN", "sk-secret")
    lines = unit.variables_text(load_settings(home=tmp_path)).splitlines()
    assert 'NIGHTCREW_DATABASE_URL="postgresql://crew:a\\"b\\$c\\\\d\\`e@db.internal/crew"' in lines
    for line in ('NIGHTCREW_STORE_URL="s3://b"', 'NIGHTCREW_REDIS_URL="redis://r"', 'AWS_PROFILE="crew"'):
        assert line in lines
    assert 'HTTPS_PROXY="http://proxy:1"' in lines and f'NIGHTCREW_HOME="{tmp_path}"' in lines
    assert "sk-secret" not in str(lines)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("join", [None, "http://10.0.0.5:4257/api"])
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path, join: str | None) -> None:
    settings = load_settings(home=tmp_path / "a home 100%")
    file = tmp_path / unit.NAME
    file.write_text(unit.unit_text(settings, workers=2, of_system=True, join=join))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False
    )
    ours = [line for line in checked.stderr.splitlines() if unit.NAME in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr
