"""Objects of the product, stored as the calls that made them, because a refactoring may change their fields.

An object is stored as its class, the class's arguments, and the later calls of the object.
"""

import base64
import contextlib
import importlib
import inspect
import io
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

MOST_OBJECTS, MOST_LATER = 300, 12
MOST_PARTS = 3000  # objects inside of the arguments of one call


class Makings:
    """Notes how the product's objects are made while tests run."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._known: dict[int, tuple[object, list[Any]]] = {}  # holding the object keeps its id from reuse

    @property
    def is_full(self) -> bool:
        """True once no more objects are noted."""
        return len(self._known) >= MOST_OBJECTS

    def note(self, made: object, given: "list[Any]", words: "dict[str, Any]") -> None:
        """Notes that `made` is constructed with these arguments."""
        if not self.is_full and id(made) not in self._known and self._is_own(type(made)):
            kind = type(made)
            self._known[id(made)] = made, [kind.__module__, kind.__qualname__, self.keep(given, words), []]

    def later(self, of: object, call: "list[str]") -> None:
        """Notes a call of an object that was made before: module, name, and the other arguments."""
        known = self._known.get(id(of))
        if known is not None and len(known[1][3]) < MOST_LATER:
            known[1][3].append(call)

    def keep(self, given: "list[Any]", words: "dict[str, Any]") -> str:
        """Arguments as text. Raises pickle's errors, also where they hold too many objects."""
        stream = io.BytesIO()
        _Pickler(stream, self._how).dump((given, words))
        return base64.b64encode(stream.getvalue()).decode()

    def _how(self, value: object) -> "list[Any] | None":
        known = self._known.get(id(value))
        if known is not None and known[0] is value:
            module, name, kept, later = known[1]
            return [module, name, kept, list(later)]
        return None

    def _is_own(self, kind: type) -> bool:
        path = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
        return path.startswith(self.root)


def found(module: str, name: str) -> Any:
    """A function by its qualified name; for a class's `__init__`, the class."""
    thing: Any = importlib.import_module(module)
    for part in name.removesuffix(".__init__").split("."):
        thing = inspect.getattr_static(thing, part) if inspect.isclass(thing) else getattr(thing, part)
    for inner in ("__func__", "fget", "func"):
        if not callable(thing):
            thing = getattr(thing, inner, thing)
    return thing


def unkept(
    kept: str, found: "Callable[[str, str], Any]", other: "Callable[[Any, Any], Any] | None" = None
) -> "tuple[list[Any], dict[str, Any]]":
    """The stored arguments, with every object made again.

    `other`: returns other arguments for the first object, from its own positional and keyword ones.
    """
    given, words = _Unpickler(io.BytesIO(base64.b64decode(kept)), found, other).load()
    return given, words


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, how: "Callable[[object], list[Any] | None]") -> None:
        super().__init__(stream, protocol=4)
        self.how = how
        self.parts = 0

    def persistent_id(self, value: object) -> "list[Any] | None":
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise pickle.PicklingError
        return None if isinstance(value, (type, types.FunctionType)) else self.how(value)


class _Unpickler(pickle.Unpickler):
    def __init__(
        self,
        stream: io.BytesIO,
        found: "Callable[[str, str], Any]",
        other: "Callable[[Any, Any], Any] | None",
    ) -> None:
        super().__init__(stream)
        self.found, self.other = found, other
        self.made: dict[str, Any] = {}

    def persistent_load(self, how: "list[Any]") -> Any:
        key = repr(how)
        if key not in self.made:
            module, name, kept, later = how
            given, words = unkept(kept, self.found)
            if self.other is not None:
                given, words = self.other(given, words)
                self.other = None
            made = self.found(module, name)(*given, **words)
            for where, called, held in later:
                _call_again(made, self.found(where, called), held, self.found)
            self.made[key] = made
        return self.made[key]


def _call_again(made: Any, function: Any, held: str, found: "Callable[[str, str], Any]") -> None:
    given, words = unkept(held, found)
    with contextlib.suppress(Exception):  # the original call may have raised too
        function(made, *given, **words)
