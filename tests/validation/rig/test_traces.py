"""What tests leave behind: changed files are restored and named, and so is code that they replaced."""

import gc
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from nightcrew.validation.rig import traces


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> traces.Files:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for name in ("home", "tmp", "repo"):
        (tmp_path / name).mkdir()
    (tmp_path / "repo/a.py").write_text("x = 1\n")
    (tmp_path / "repo/data.txt").write_text("data")
    return traces.Files(str(tmp_path / "repo"))


class Proxy:
    """Stands for what is there during a request only, as flask's objects do."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)


def test_changed_files_are_named_and_python_is_restored(files: traces.Files, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    assert files.undo() == []
    (repo / "a.py").write_text("x = 22\n")
    (repo / "data.txt").write_text("other data")
    (repo / "new").mkdir()
    (repo / "new/b.txt").write_text("b")
    (tmp_path / "tmp/left").write_text("c")
    assert files.undo() == ["a.py", "data.txt"]
    assert (repo / "a.py").read_text() == "x = 1\n"
    assert not (repo / "new/b.txt").exists()
    assert not (tmp_path / "tmp/left").exists()
    assert files.undo() == []


def test_what_happens_before_the_tests_is_settled(files: traces.Files, tmp_path: Path) -> None:
    (tmp_path / "repo/a.py").write_text("x = 22\n")
    assert files.settle() == ["a.py"]
    assert files.settle() == []
    assert files.undo() == []
    assert (tmp_path / "repo/a.py").read_text() == "x = 22\n"


def test_replaced_code_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("shop_of_traces")
    module.__file__ = "/repo/shop.py"
    exec("def f(): return 1\n\nclass A:\n    def g(self): return 1\nlimit = 1", vars(module))
    module.A.__module__ = module.__name__
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    vars(module)["request"] = Proxy()
    before = traces.code_of("/repo", set())
    assert sorted(before) == ["shop_of_traces.A.g", "shop_of_traces.f"]
    vars(module)["f"] = lambda: 2
    del module.A.g
    assert traces.replaced(before, traces.code_of("/repo", set())) == sorted(before)
    assert traces.code_of("/repo", {"/repo/shop.py"}) == {}


def test_a_global_that_the_module_itself_assigns_is_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("styles_of_traces")
    module.__file__ = "/repo/styles.py"
    exec(
        "class Any:\n    def __getattr__(self, name): return Any()\n\n"
        "def first(): return 1\n\ndef second(): return 2\n\ndef other(): return 3\n\n"
        "anything = Any()\nstyle = first\n\n"
        "def choose(chosen):\n    global style\n    style = chosen\n",
        vars(module),
    )
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    before = traces.code_of("/repo", set())
    vars(module)["choose"](module.second)
    assert traces.replaced(before, traces.code_of("/repo", set())) == []
    vars(module)["other"] = module.second
    assert traces.replaced(before, traces.code_of("/repo", set())) == ["styles_of_traces.other"]


def test_switches_that_affect_every_test() -> None:
    before = traces.switches()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.disable()
        after = traces.switches()
        gc.enable()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"the warnings that are shown", "the collector of garbage"}
    assert traces.switches() == before
