"""pytest's rewriting of assertions, done once for all the children of a session."""

import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Rewritten:
    """Remembers what became of a file's text."""

    def __init__(self, rewrite: Any) -> None:
        self.rewrite = rewrite
        self.known: dict[tuple[str, bytes], Any] = {}

    def __call__(self, path: Path, config: Any) -> Any:
        """What `rewrite` gives for the file as it is now."""
        key = (str(path), path.read_bytes())
        if key not in self.known:
            self.known[key] = self.rewrite(path, config)
        return self.known[key]


def rewrite_ahead(paths: "Iterable[Path]", config: Any) -> None:
    """Rewrite test files now, for this process and all that are forked from it; none is run."""
    module: Any = sys.modules.get("_pytest.assertion.rewrite")
    original = getattr(module, "_rewrite_test", None)
    if original is None:  # an older or a newer pytest: each child does it for itself
        return
    module._rewrite_test = rewritten = Rewritten(original)
    for path in paths:
        if path.suffix == ".py" and path.is_file():
            with contextlib.suppress(Exception):  # told by whoever imports it
                rewritten(path, config)
