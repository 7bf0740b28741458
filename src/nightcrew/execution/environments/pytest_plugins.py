"""Leaves out the plugins that pytest refuses to load, as it then runs no test at all.

An old plugin, installed beside a pytest that runs on this Python, is such a one. Runs in the sandbox, in the
Python of an environment that is being built, in an empty folder:

    python -I pytest_plugins.py

The package stays importable; only its entry point goes.
"""

import os
import runpy
import sys
from importlib import metadata

_TEST = "def test_it():\n    assert True\n"
_HEAD = "[pytest11]"


def main() -> None:
    """Try all plugins together, and each alone where pytest does not start with them."""
    holders = {
        one.name: holder
        for holder in metadata.distributions()
        for one in holder.entry_points
        if one.group == "pytest11"
    }
    if not holders or _starts(holders):
        return
    for name, holder in holders.items():
        if not _starts([name]):
            _leave_out(holder)


# ---------------------------------------------------------------------------------------------------------


def _starts(names: "list[str] | dict[str, metadata.Distribution]") -> bool:
    """True where pytest runs a test with these plugins."""
    with open("test_it.py", "w") as file:  # noqa: PTH123 - the fewest modules
        file.write(_TEST)
    child = os.fork()
    if child == 0:
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        sys.argv = ["pytest", "-q", *(word for name in names for word in ("-p", name)), "test_it.py"]
        try:
            runpy.run_module("pytest", run_name="__main__")
        except SystemExit as end:
            os._exit(int(end.code or 0))
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _leave_out(holder: metadata.Distribution) -> None:
    for file in holder.files or ():
        if file.name == "entry_points.txt":
            path = os.fspath(file.locate())
            text = file.read_text()
            os.unlink(path)  # noqa: PTH108 - other environments may share the file
            with open(path, "w") as anew:  # noqa: PTH123
                anew.write(text.replace(_HEAD, "[pytest11, which pytest refuses]"))


if __name__ == "__main__":
    main()
