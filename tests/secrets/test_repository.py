"""What a repository keeps in its `.env` and the like is not written down by us."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from nightcrew.secrets.known_secrets import KEY_MARK, KnownSecrets
from nightcrew.secrets.redaction import redact_known, redact_object
from nightcrew.secrets.repository import learn_secrets

VALUE = "correct-horse-battery-staple-42"


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = KnownSecrets()
    for module in ("redaction", "repository"):
        monkeypatch.setattr(f"nightcrew.secrets.{module}.repository_secrets", secrets)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (".env", f"THING={VALUE}"),
        (".env.production", f'export THING = "{VALUE}" # for now'),
        ("deploy/prod.env", f"THING={VALUE}"),
        ("config/secrets.yaml", f"  thing: {VALUE}"),
        ("secret.json", f'{{"thing": "{VALUE}"}}'),
        (".netrc", f"machine git.example login me password {VALUE}"),
        ("keys/id_ed25519", f"{VALUE}"),
        ("tls/server.pem", f"{VALUE}"),
        (".npmrc", f"//registry.example/:_authToken={VALUE}"),
    ],
)
def test_values_of_files_that_hold_secrets_are_learned(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(f"# settings\nDEBUG=1\n{line}\n")
    assert learn_secrets(tmp_path) == 1
    assert redact_known(f"+it is {VALUE}, really") == f"+it is {KEY_MARK}, really"
    assert redact_known("DEBUG=1") == "DEBUG=1"


@pytest.mark.parametrize(
    "name",
    ["settings.py", ".env.example", ".git/secrets.json", "environment.md", "secrets.py", "keyboard.py"],
)
def test_other_files_are_not_read_for_secrets(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(f"THING={VALUE}\n")
    assert learn_secrets(tmp_path) == 0
    assert redact_known(VALUE) == VALUE


def test_a_file_that_leads_elsewhere_or_is_none_or_never_ends_is_left(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to("/dev/zero")
    (tmp_path / "prod.env").mkdir()
    (tmp_path / ".npmrc").write_text("x=" + "a1" * 1_000_000)
    assert learn_secrets(tmp_path) == 2
    assert redact_known("plain") == "plain"


@dataclass(frozen=True)
class Finding:
    """Something with text in it."""

    message: str
    places: tuple[str, ...]
    score: float


def test_all_text_of_an_object_is_cleaned(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"THING={VALUE}\n")
    learn_secrets(tmp_path)
    found = {"first": [Finding(f"shows {VALUE}", (VALUE, "x"), 0.5)]}
    assert redact_object(found) == {"first": [Finding(f"shows {KEY_MARK}", (KEY_MARK, "x"), 0.5)]}
