"""Calls of the product while tests run: what was called, with what, by which test."""

import base64
import pickle
import sys
import types
from typing import Any

MOST_CALLS, MOST_OF_ONE, MOST_BYTES = 400, 25, 4000
PLAIN = (type(None), bool, int, float, complex, str, bytes)


class Recorder:
    """Notes calls straight from tests into the product, and calls of the functions that a change touches."""

    def __init__(self, job: "dict[str, Any]", functions: "dict[str, list[list[int]]]") -> None:
        self.tests, self.root = set(job["test_files"]), job["workspace"] + "/"
        self.functions = functions  # by file: first and last lines
        self.known: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.counts: dict[types.CodeType, int] = {}
        self.nodeid = ""

    def start(self, nodeid: str) -> None:
        """A test begins."""
        self.nodeid = nodeid
        sys.setprofile(self._called)

    def stop(self) -> None:
        """A test has ended."""
        sys.setprofile(None)

    def _called(self, frame: types.FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code, caller = frame.f_code, frame.f_back
        path = code.co_filename
        if not path.startswith(self.root) or path in self.tests or self.counts.get(code, 0) >= MOST_OF_ONE:
            return
        spans = self.functions.get(path, ())
        changed = any(first <= code.co_firstlineno <= last for first, last in spans)
        from_test = caller is not None and caller.f_code.co_filename in self.tests
        name = getattr(code, "co_qualname", code.co_name)
        if not (changed or from_test) or "<" in name or len(self.known) >= MOST_CALLS:
            return
        sys.setprofile(None)
        try:
            self._note(frame, name)
        except Exception:  # noqa: S110 - an object that cannot be kept is left out
            pass
        finally:
            sys.setprofile(self._called)

    def _note(self, frame: types.FrameType, name: str) -> None:
        code, held = frame.f_code, frame.f_locals
        count = code.co_argcount
        names = code.co_varnames
        given = [held[one] for one in names[:count]]
        words = {one: held[one] for one in names[count : count + code.co_kwonlyargcount]}
        at = count + code.co_kwonlyargcount
        if code.co_flags & 4:  # *args
            given += held[names[at]]
            at += 1
        if code.co_flags & 8:  # **kwargs
            words.update(held[names[at]])
        if name.endswith(".__init__"):
            given = given[1:]
        kept = base64.b64encode(pickle.dumps((given, words), protocol=4)).decode()
        module = frame.f_globals.get("__name__", "")
        key = module, name, kept
        if len(kept) > MOST_BYTES:
            return
        if key not in self.known:
            self.counts[code] = self.counts.get(code, 0) + 1
            self.known[key] = {"module": module, "name": name, "kept": kept, "tests": []}
        if self.nodeid not in self.known[key]["tests"]:
            self.known[key]["tests"].append(self.nodeid)

    def end(self) -> "list[dict[str, Any]]":
        """Every call once, in the order of its first."""
        return list(self.known.values())
