"""`nightcrew verify` the way a person or CI runs it: real git, real sandbox."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

SLUG = '''\
def slug(text):
    """Lower-case words of a text, joined by dashes."""
    words = text.lower().split()
    if not words:
        raise ValueError("nothing to make a slug of")
    return "-".join(words)
'''
TESTS = """\
import pytest

from slug import slug


@pytest.mark.parametrize(("text", "made"), [("A b", "a-b"), (" One  two ", "one-two"), ("X", "x")])
def test_slug(text, made):
    assert slug(text) == made


def test_nothing():
    with pytest.raises(ValueError, match="nothing"):
        slug("  ")
"""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    done = subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)
    return done.stdout.decode()


@pytest.fixture
def slugs(tmp_path: Path) -> Path:
    """A repository without a nightcrew.toml; its branch `tests` adds tests."""
    folder = tmp_path / "slugs"
    folder.mkdir()
    (folder / "slug.py").write_text(SLUG)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    git(folder, "checkout", "-qb", "tests")
    (folder / "test_slug.py").write_text(TESTS)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Tests for slug")
    git(folder, "checkout", "-q", "main")
    return folder


WANTED = ("verify", "--repo", "slugs", "--task-type", "unit_test", "--target-file", "slug.py", "--patch")


def test_a_diff_a_mail_and_a_branch_are_the_same_change(cli: Cli, slugs: Path) -> None:
    """Prefixes, as `diff.mnemonicPrefix` makes them, and the letter around a mailed patch do not matter."""
    shapes = {
        "diff": git(slugs, "-c", "diff.mnemonicPrefix=true", "diff", "main", "tests"),
        "mail": git(slugs, "format-patch", "--stdout", "main..tests"),
    }
    found = [cli(*WANTED, "-", "--json", stdin=text).out for text in shapes.values()]
    found.append(cli(*WANTED, "tests", "--json").out)
    assert found[0] == found[1] == found[2]
    document = json.loads(found[0])
    assert list(document) == ["verdict", "score", "gates", "not_reached", "asks", "environment_built_from"]
    assert document["verdict"] == "accepted"
    words = ["name", "outcome", "evidence", "message", "hint", "findings"]
    assert all(list(gate) == words for gate in document["gates"])


def test_a_rejected_change_shows_what_to_do(cli: Cli, slugs: Path) -> None:
    (slugs.parent / "empty.diff").write_text("")
    (slugs.parent / "other.diff").write_text(
        git(slugs, "diff", "main", "tests").replace("test_slug.py", "other.py")
    )
    empty, other = cli(*WANTED, "empty.diff"), cli(*WANTED, "other.diff")
    assert (empty.code, other.code) == (1, 1)
    assert "it changes no file" in empty.out
    assert "adds tests and touches nothing but test files" in " ".join(other.out.split())


def test_a_patch_of_any_size_takes_no_memory_and_is_rejected(cli: Cli, slugs: Path) -> None:
    with (slugs.parent / "huge.diff").open("wb") as stream:
        stream.write(git(slugs, "diff", "main", "tests").encode())
        stream.truncate(1 << 40)  # a file with a hole: more than there is memory
    result = cli(*WANTED, "huge.diff")
    assert result.code == 1 and "the patch is larger than 1,000,000 bytes" in " ".join(result.out.split())


def test_a_target_that_is_not_there_is_bad_input(cli: Cli, slugs: Path) -> None:
    result = cli(*WANTED, "tests", "--target-file", "slugs.py")
    assert (result.code, result.out) == (2, "")
    assert "slugs.py" in result.err


def test_an_environment_that_cannot_be_made_is_a_fault_in_json_too(cli: Cli, slugs: Path) -> None:
    (slugs / "nightcrew.toml").write_text('setup = "exit 3"\n')
    git(slugs, "add", "-A")
    git(slugs, "commit", "-qm", "a set-up command that fails")
    result = cli(*WANTED, "tests", "--json")
    assert (result.code, result.json["verdict"], result.json["score"]) == (4, "infrastructure_fault", 0.0)
    assert "exit 3" in result.json["gates"][-1]["message"]


@pytest.mark.parametrize(("text", "says"), [('tset = "x"', "tset"), ("test = [", "nightcrew.toml")])
def test_a_wrong_configuration_is_named(cli: Cli, slugs: Path, text: str, says: str) -> None:
    (slugs / "nightcrew.toml").write_text(text)
    git(slugs, "add", "-A")
    git(slugs, "commit", "-qm", "a wrong configuration")
    result = cli(*WANTED, "tests")
    assert (result.code, says in result.err) == (2, True), result.err


def test_a_configuration_that_is_not_committed_is_spoken_of(cli: Cli, slugs: Path) -> None:
    (slugs / "nightcrew.toml").write_text('protect = ["x"]\n')
    result = cli(*WANTED, "tests")
    assert "nightcrew.toml in" in result.err
    assert "is not used: commit it" in result.err
    (slugs / "nightcrew.toml").unlink()
    assert "commit it" not in cli(*WANTED, "tests").err


def test_what_cannot_be_written_is_escaped(cli: Cli, slugs: Path) -> None:
    git(slugs, "checkout", "-q", "tests")
    odd = TESTS + "\n\ndef test_odd():\n    assert slug('a') == 'b', chr(0xDCFF)\n"
    (slugs / "test_slug.py").write_text(odd)
    git(slugs, "commit", "-qam", "Odd")
    git(slugs, "checkout", "-q", "main")
    found, result = cli(*WANTED, "tests", "--json"), cli(*WANTED, "tests")
    assert (found.code, result.code) == (1, 1), found.err + result.err
    assert "udcff" in found.out
    assert "1 of 5 new tests fail" in found.json["gates"][-1]["message"]


def test_a_file_that_is_not_utf_8_is_named(cli: Cli, slugs: Path) -> None:
    """A Latin-1 test file: the gates read UTF-8, and say so."""
    latin = TESTS.replace("import pytest\n", "# -*- coding: latin-1 -*-\nimport pytest\n").replace(
        "A b", "\xc9 b"
    )
    git(slugs, "checkout", "-q", "tests")
    (slugs / "test_slug.py").write_bytes(latin.encode("latin-1"))
    git(slugs, "commit", "-qam", "Latin-1")
    git(slugs, "checkout", "-q", "main")
    found, result = cli(*WANTED, "tests", "--json"), cli(*WANTED, "tests")
    assert (found.code, result.code) == (1, 1), result.err
    assert "UTF-8" in found.json["gates"][-1]["message"]
