"""What tests use beyond their lines, as the audit hook gets it."""

import os
from pathlib import Path

import pytest

from nightcrew.validation.rig.audit import Contacts
from nightcrew.validation.rig.protocol import PROGRAM, spans


class Odd(os.PathLike[str]):
    def __fspath__(self) -> str:
        raise RuntimeError("not yet")


@pytest.fixture(scope="module")
def contacts(tmp_path_factory: pytest.TempPathFactory) -> Contacts:
    """One for all, because a hook stays as long as its process."""
    return Contacts(str(tmp_path_factory.mktemp("root")))


@pytest.mark.parametrize(
    ("event", "argument", "what"),
    [
        ("open", "{root}/a.md", "a.md"),
        ("open", b"{root}/docs/../a.md", "a.md"),
        ("os.scandir", "{root}/docs", "docs/"),
        ("os.listdir", "{root}", "/"),
        ("open", "{root}x/a.md", None),
        ("open", 3, None),
        ("open", Odd(), None),
        ("subprocess.Popen", "/usr/bin/git", None),
        ("subprocess.Popen", "/usr/bin/python", PROGRAM),
        ("os.fork", None, PROGRAM),
    ],
)
def test_what_is_noted(contacts: Contacts, event: str, argument: object, what: str | None) -> None:
    contacts.start(None)
    contacts.start_test()
    root = contacts.root.rstrip("/")
    if isinstance(argument, bytes):
        argument = argument.replace(b"{root}", os.fsencode(root))
    elif isinstance(argument, str):
        argument = argument.replace("{root}", root)
    contacts._heard(event, () if argument is None else (argument, ["x"]))
    assert contacts.tests == ({} if what is None else {what: {1}})


def test_a_folder_that_is_gone_raises_nothing(
    contacts: Contacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    contacts.start(None)
    contacts._heard("open", ("a.md", "r"))
    assert contacts.tests == {}


def test_spans() -> None:
    assert (spans({9, 3, 4, 5, 0}), spans(set())) == ("0 3-5 9", "")
