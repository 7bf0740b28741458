"""Compiles Python files below the current folder, and test files also as pytest rewrites them.

Runs in the sandbox with nothing of ours around it, in the Python of the target's environment. It runs no code
of the files. Standard input is a JSON list of `[file, path that its code shows, whether pytest rewrites it]`:

    python -I program.py

The byte code of `a.py` is written to `a.py.plain` and `a.py.test`, and the two endings under which Python and
pytest look for it to `endings`, one on each line. Byte code is checked by the source, so that another text of
the file never meets it.
"""

import contextlib
import gc
import json
import marshal
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path
from typing import Any

_CHECKED = b"\3\0\0\0"  # Python compares the hash of the source


class Shown:
    """A file whose code shows another path, in the form in which pytest reads it."""

    def __init__(self, file: str, shown: str) -> None:
        self.file, self.shown = file, shown

    def __fspath__(self) -> str:
        return self.file

    def __str__(self) -> str:
        return self.shown

    def read_bytes(self) -> bytes:
        """The file's content."""
        return Path(self.file).read_bytes()


def main() -> None:
    """Compiles the files; those that cannot be compiled are left out."""
    gc.disable()  # one short life, in which nothing is thrown away
    jobs = json.loads(sys.stdin.buffer.read())
    rewriting = _rewriting() if any(is_test for _, _, is_test in jobs) else None
    for file, shown, is_test in jobs:
        one = Shown(file, shown)
        with contextlib.suppress(Exception):  # it cannot be imported either
            text = one.read_bytes()
            code = compile(text, shown, "exec", dont_inherit=True)
            head = MAGIC_NUMBER + _CHECKED + source_hash(text)
            Path(f"{file}.plain").write_bytes(head + marshal.dumps(code))
        with contextlib.suppress(Exception):  # an older pytest: each run rewrites for itself
            if rewriting is not None and is_test:
                state, code = rewriting._rewrite_test(one, None)
                with open(f"{file}.test", "wb") as made:  # noqa: PTH123 - as pytest does
                    rewriting._write_pyc_fp(made, state, code)
    ending = getattr(rewriting, "PYC_TAIL", "")
    Path("endings").write_text(f".{sys.implementation.cache_tag}.pyc\n{ending}\n")


# ---------------------------------------------------------------------------------------------------------


def _rewriting() -> Any:
    with contextlib.suppress(Exception):
        import _pytest.assertion.rewrite

        return _pytest.assertion.rewrite
    return None


if __name__ == "__main__":
    main()
