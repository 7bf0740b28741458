"""Files of finished environments are stored once, and their modules compiled once, for all environments."""

import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from nightcrew.execution.checkout.removal import remove_tree
from nightcrew.execution.environments.closing import close
from nightcrew.execution.environments.shared import SharedFiles
from nightcrew.execution.sandbox import Mount, Sandbox, base_python, interpreter_mounts

SITE = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"

type Share = Callable[[Path], Path]


@pytest.fixture
def share(sandbox: Sandbox, tmp_path: Path) -> Iterator[Share]:
    """Closes and shares a folder as an environment; returns its packages."""
    tmp_path.chmod(0o755)
    shared: list[Path] = []

    def share(environment: Path) -> Path:
        shared.append(environment)
        close(environment)
        SharedFiles(tmp_path / "contents").share(environment, sandbox, base_python())
        return environment / SITE

    yield share
    for path in shared:
        remove_tree(path)


def environment(path: Path, **files: str) -> Path:
    for name, text in files.items():
        place = path / SITE / (name.replace("__", "/") + ".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return path


def compiled(site: Path, name: str) -> Path:
    return Path(cache_from_source(str(site / name)))


def test_modules_are_compiled_and_what_cannot_or_need_not_be_is_left(tmp_path: Path, share: Share) -> None:
    made = environment(
        tmp_path / "one", one="A = 1\n", package__two="B = 2\n", package__broken="def (:\n",
        package__odd="\0", package__tests__test_two="C = 3\n",
    )  # fmt: skip
    (made / "bin").mkdir()
    (made / "bin" / "tool.py").write_text("D = 4\n")
    (made / SITE / "gone.py").symlink_to("nowhere.py")
    site = share(made)
    names = {path.relative_to(site).as_posix().partition(".cpython")[0] for path in site.rglob("*.pyc")}
    assert names == {"__pycache__/one", "package/__pycache__/two"}
    assert not list((made / "bin").rglob("*.pyc"))
    assert all(path.lstat().st_mode & 0o222 == 0 for path in made.rglob("*") if not path.is_symlink())


def test_a_second_environment_has_the_same_files_and_compiles_nothing(
    tmp_path: Path, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = share(environment(tmp_path / "one", a="A = 1\n", b="B = 2\n"))
    monkeypatch.setattr(SharedFiles, "_compile", None)
    second = share(environment(tmp_path / "two", a="A = 1\n", c="B = 2\n"))
    for one, other in (("a.py", "a.py"), ("b.py", "c.py")):
        assert (first / one).samefile(second / other)
        assert compiled(first, one).samefile(compiled(second, other))


def test_shared_byte_code_is_used_and_names_each_environments_own_file(
    tmp_path: Path, share: Share, sandbox: Sandbox
) -> None:
    code = "import sys, a, a.b; print(a.b.f.__code__.co_filename, a.b.__cached__, file=sys.stdout)"
    for name in ("one", "two"):
        made = environment(tmp_path / name, a____init__="", a__b="def f():\n    pass\n")
        site = share(made)
        work = tmp_path / f"work-{name}"
        work.mkdir()
        done = sandbox.run(
            [str(base_python()), "-I", "-v", "-c", f"import sys; sys.path.append({str(site)!r}); {code}"],
            workspace=work,
            mounts=[*interpreter_mounts(base_python()), Mount(made, str(made))],
        )
        own = site / "a" / "b.py"
        assert done.stdout.decode().split() == [str(own), str(compiled(site, "a/b.py"))], done.stderr
        assert f"code object from '{compiled(site, 'a/b.py')}'".encode() in done.stderr


def test_programs_stay_programs(tmp_path: Path, share: Share) -> None:
    for name, mode in (("one", 0o755), ("two", 0o644)):
        made = environment(tmp_path / name, a="A = 1\n")
        (made / SITE / "a.py").chmod(mode)
        share(made)
    modes = [(tmp_path / name / SITE / "a.py").stat().st_mode & 0o777 for name in ("one", "two")]
    assert modes == [0o555, 0o444]


def test_a_stored_file_that_a_crash_cut_off_is_not_used(tmp_path: Path, share: Share) -> None:
    share(environment(tmp_path / "one", a="A = 1\n"))
    for stored in (tmp_path / "contents").iterdir():
        stored.chmod(0o644)
        os.truncate(stored, 0)
    second = share(environment(tmp_path / "two", a="A = 1\n"))
    assert (second / "a.py").read_text() == "A = 1\n"


def test_a_stored_file_that_became_writable_is_not_used(tmp_path: Path, share: Share) -> None:
    share(environment(tmp_path / "one", a="A = 1\n"))
    for stored in (tmp_path / "contents").iterdir():
        stored.chmod(0o644)
    second = share(environment(tmp_path / "two", a="A = 1\n"))
    assert (second / "a.py").stat().st_mode & 0o777 == 0o444
