"""Compiles modules of an environment, so that runs in it, which cannot write there, need not do it.

Runs in the sandbox with nothing of ours around it, in the Python of the environment. Standard input names
the byte code to write to the current folder and the source of each, separated by zero bytes:

    python -I -S bytecode.py

It runs no code of the modules. The byte code has no time and no path of the source, so that it serves every
environment with this source; Python puts the real path in when it imports it.
"""

import gc
import marshal
import os
import sys
from importlib.util import MAGIC_NUMBER, source_hash

_NAME = "module.py"
_UNCHECKED = b"\1\0\0\0"  # Python compares neither time nor hash of the source


def main() -> None:
    """Compile on every processor, the largest first; what cannot be compiled is left out."""
    gc.disable()  # one short life, in which nothing is thrown away
    words = [os.fsdecode(word) for word in sys.stdin.buffer.read().split(b"\0")]
    jobs = sorted(zip(words[::2], words[1::2]), key=lambda job: os.path.getsize(job[1]), reverse=True)  # noqa: B905, PTH202 - old Pythons
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    children = []
    for number in range(workers):
        child = os.fork()
        if child == 0:
            _compile(jobs[number::workers])
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


# ---------------------------------------------------------------------------------------------------------


def _compile(jobs: "list[tuple[str, str]]") -> None:
    """As `py_compile` does it, for an eighth less: Python's compiler decodes the source itself."""
    for name, path in jobs:
        try:
            with open(path, "rb") as source:  # noqa: PTH123 - `pathlib` costs more than it reads
                text = source.read()
            code = marshal.dumps(compile(text, _NAME, "exec", dont_inherit=True))
        except Exception:  # noqa: S112 - it cannot be imported either
            continue
        with open(name, "wb") as made:  # noqa: PTH123
            made.write(MAGIC_NUMBER + _UNCHECKED + source_hash(text) + code)


if __name__ == "__main__":
    main()
