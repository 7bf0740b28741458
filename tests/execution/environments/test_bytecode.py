"""The modules of an environment are compiled once, by a program that runs in the sandbox."""

import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

from nightcrew.execution.environments import bytecode


def test_modules_are_compiled_and_what_cannot_or_need_not_be_stays_as_it_is(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    files = {
        "one.py": "A = 1\n",
        "package/two.py": "B = 2\n",
        "package/broken.py": "def (:\n",
        "package/odd.py": "\0",
        "package/tests/test_two.py": "C = 3\n",
        "done.py": "D = 4\n",
    }
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "loop").symlink_to(site)
    (site / "gone.py").symlink_to(site / "nowhere.py")
    done = Path(cache_from_source(str(site / "done.py")))
    done.parent.mkdir()
    done.write_bytes(b"as it was")

    run = [sys.executable, "-I", "-S", bytecode.__file__, str(tmp_path)]
    assert subprocess.run(run, capture_output=True, check=True).stderr == b""

    compiled = {path.relative_to(site).as_posix().partition(".cpython")[0] for path in site.rglob("*.pyc")}
    assert compiled == {"__pycache__/one", "__pycache__/done", "package/__pycache__/two"}
    assert done.read_bytes() == b"as it was"
