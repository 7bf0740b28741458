"""Another version of the target's code in this process: live functions get the version's code objects."""

import gc
import importlib.machinery
import types
from pathlib import Path
from typing import Any

_live: "list[types.FunctionType]" = []
injected: "dict[str, Any]" = {}


def remember(path: str) -> None:
    """Note the live functions of a file; a garbage collector told to freeze would hide them."""
    _live[:] = [
        thing
        for thing in gc.get_objects()
        if type(thing) is types.FunctionType and thing.__code__.co_filename == path
    ]


def apply(path: str, variant: "dict[str, Any]") -> int:
    """Swap in a variant of the file at `path`; how many live functions changed (0: nothing could be).

    `variant`: {"edits": [[start, end, text]...]} on the file's text, or {"source": whole text}; "inject" is
    code
    whose names the variant's functions need.
    """
    source = Path(path).read_bytes().decode("utf-8", "surrogateescape")
    before = compile(source, path, "exec", dont_inherit=True)
    after = compile(variant_text(source, variant), path, "exec", dont_inherit=True)
    pairs: dict[types.CodeType, types.CodeType] = {}
    _pair(before, after, pairs)
    names: dict[str, Any] = {}
    if variant.get("inject"):
        exec(compile(variant["inject"], path + "~", "exec"), names)  # noqa: S102
        names.pop("__builtins__", None)
        injected.update(names)
    changed = 0
    for function in _live:
        code = pairs.get(function.__code__)
        if code is None or code == function.__code__:
            continue
        if code.co_freevars != function.__code__.co_freevars:
            return 0
        function.__code__ = code
        for name, value in names.items():
            function.__globals__.setdefault(name, value)
        changed += 1
    return changed


def variant_text(source: str, variant: "dict[str, Any]") -> str:
    """The text of a variant."""
    if "source" in variant:
        return str(variant["source"])
    for start, end, text in sorted(variant["edits"], reverse=True):
        source = source[:start] + text + source[end:]
    return source


def replace_on_import(replaced: "dict[str, str]") -> None:
    """Files whose text is taken from here when they are imported."""
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        path = self.get_filename(fullname)
        if path in replaced:
            return compile(replaced[path], path, "exec", dont_inherit=True)
        return original(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]


def _pair(
    before: types.CodeType, after: types.CodeType, pairs: "dict[types.CodeType, types.CodeType]"
) -> None:
    """Code objects of one version to those of the other, by name and place."""
    inner = [
        [const for const in code.co_consts if isinstance(const, types.CodeType)] for code in (before, after)
    ]
    counts: dict[str, int] = {}
    by_name: dict[str, list[types.CodeType]] = {}
    for code in inner[1]:
        by_name.setdefault(code.co_name, []).append(code)
    for code in inner[0]:
        index = counts.get(code.co_name, 0)
        counts[code.co_name] = index + 1
        others = by_name.get(code.co_name, [])
        if index < len(others):
            pairs[code] = others[index]
            _pair(code, others[index], pairs)
