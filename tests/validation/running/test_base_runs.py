import gzip
import json
from pathlib import Path

import pytest

from nightcrew.execution.sandbox import Sandbox
from nightcrew.settings import Settings
from nightcrew.validation.result_validator import verdict_json
from nightcrew.validation.running.base_runs import MOST_ENTRIES, tree_hash
from nightcrew.validation.verdict import Verdict, VerdictKind
from tests.validation.house import GOOD_TEST, House, make_house


@pytest.fixture
def own_house(tmp_path: Path, settings: Settings, sandbox: Sandbox) -> House:
    """A house whose settings nobody shares; the environment is the one that is there already."""
    home = tmp_path / "home"
    home.mkdir()
    settings.environments_dir.mkdir(parents=True, exist_ok=True)
    (home / "environments").symlink_to(settings.environments_dir)
    return make_house(tmp_path / "house" / "repo", Settings(home=home), sandbox)


def entries(house: House) -> list[Path]:
    return sorted(house.settings.base_runs_dir.iterdir())


def judge(house: House) -> Verdict:
    return house.judge({"tests/test_prices.py": GOOD_TEST})


def test_a_known_base_run_and_a_spoilt_one_give_the_same_verdict(own_house: House) -> None:
    first = judge(own_house)
    (entry,) = entries(own_house)
    kept = gzip.decompress(entry.read_bytes())
    entry_seen = json.loads(kept)["session"]["reports"]
    assert any("experiment" in line for line in entry_seen)
    assert verdict_json(judge(own_house)) == verdict_json(first)
    for spoilt in (b"", gzip.compress(b"{}"), entry.read_bytes()[:-20]):
        entry.write_bytes(spoilt)
        assert verdict_json(judge(own_house)) == verdict_json(first)
        assert json.loads(gzip.decompress(entry.read_bytes()))["key"] == entry.name
    assert first.kind is VerdictKind.ACCEPTED


def test_what_is_known_of_base_is_used(own_house: House) -> None:
    """Where the record shows that a test fails on base, the suite is not run there again."""
    judge(own_house)
    (entry,) = entries(own_house)
    document = json.loads(gzip.decompress(entry.read_bytes()))
    for line in document["session"]["reports"]:
        for test in line.get("tests") or ():
            test[1] = "failed"
    entry.write_bytes(gzip.compress(json.dumps(document).encode()))
    behaviour = next(gate for gate in judge(own_house).gates if gate.name == "behaviour")
    assert behaviour.evidence["kept"] == 0


def test_the_oldest_entries_go_first(own_house: House) -> None:
    folder = own_house.settings.base_runs_dir
    folder.mkdir(parents=True)
    for number in range(MOST_ENTRIES + 5):
        (folder / f"old-{number}").write_bytes(b"")
    judge(own_house)
    left = entries(own_house)
    assert len(left) == MOST_ENTRIES
    assert any(not path.name.startswith("old-") for path in left)


def test_a_trees_hash_is_about_content_kind_and_place(tmp_path: Path) -> None:
    def made(name: str, text: str, mode: int = 0o644, git: str = "") -> str:
        tree = tmp_path / name
        (tree / "a").mkdir(parents=True)
        (tree / "a" / "b.py").write_text(text)
        (tree / "a" / "b.py").chmod(mode)
        (tree / ".git").mkdir()
        (tree / ".git" / "HEAD").write_text(git)
        return tree_hash(tree)

    first = made("one", "x = 1\n")
    assert made("two", "x = 1\n", git="another") == first
    assert made("three", "x = 2\n") != first
    assert made("four", "x = 1\n", mode=0o755) != first
