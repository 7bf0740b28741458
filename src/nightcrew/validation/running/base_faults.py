"""Why base's own suite gives no result, and what would help: this never counts against a change.

The message names what is missing. It recommends a setting as working only after a trial of that setting.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nightcrew.untrusted import Unreadable, read_text
from nightcrew.validation.change.paths import is_configuration, is_test_module
from nightcrew.validation.rig.protocol import ENDS
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.running.run_results import SessionResult, TestOutcome

_MODULE = re.compile(r"(?:ModuleNotFoundError: No module named|cannot import name .* from) '([\w.]+)'")
_VARIABLE = re.compile(
    r"KeyError: '([A-Z][A-Z0-9_]{2,})'"
    r"|\b([A-Z][A-Z0-9]*_[A-Z0-9_]++) (?:must be|is not|not|environment variable)"
    r"|(?:environment variable|env var)[^A-Z]{0,100}([A-Z][A-Z0-9_]{2,})"
)
_SERVICE = re.compile(r"(?:Connection refused|ConnectionRefusedError|could not connect to server)[^\n]*")
_CONFTEST = re.compile(r"while loading conftest '([^']+)'")
_PROGRAM = re.compile(r"^(?:/bin/)?sh: (?:line )?\d+: ([\w.+-]+): (?:command )?not found", re.MULTILINE)
_REFUSED = re.compile(
    r"(?:PluginValidationError: |Missing required plugins: |error: unrecognized arguments: ).+", re.IGNORECASE
)
_HAS_TESTS = re.compile(r"^[ \t]*(?:async )?def test", re.MULTILINE)
_VALUE = "test"  # the value with which a missing variable is tried


@dataclass(frozen=True, slots=True)
class BaseFault:
    """A description of what is missing on base, and the environment variable that it needs, if any."""

    what: str
    variable: str = ""


def base_fault(room: CleanRoom, result: SessionResult) -> BaseFault | None:
    """What keeps base's suite from giving a result; None where it gives one."""
    run, errors = result.run("all"), result.errors
    if errors and not result.collected and not _is_the_bug(room, errors[0][1]):
        return _read(room, f"none of its test files can be collected, {errors[0][0]}", errors[0][1])
    uncollected = _uncollected(room, errors)
    if uncollected is not None:
        return uncollected
    if not result.collected:
        return _none_collected(room) if run.done and not errors else None
    if run.tests and all(test.outcome == "error" for test in run.tests.values()):
        message = Counter(test.message for test in run.tests.values()).most_common(1)[0][0]
        return _read(room, "what is done before each test fails in every one", message)
    if run.tests and not run.done:
        ending = [name for name, test in run.tests.items() if test.message == ENDS]
        return BaseFault(f"its tests end the process that runs them, such as {', '.join(ending[:2])}")
    return None


def missing_outside(room: CleanRoom, output: str) -> str:
    """What a command needs according to its output, and neither the repository nor the change brings: a
    module, a service, a program, a plugin, or what base's own conftest.py asks for; else empty."""
    conftest, module = _CONFTEST.search(output), _MODULE.search(output)
    service, program = _SERVICE.search(output), _PROGRAM.search(output)
    refused = _REFUSED.search(output)
    if conftest and not any(conftest[1].endswith(f"/{one.path}") for one in room.changes):
        last = [line for line in output.splitlines() if line.startswith("E ")][-1:] or [conftest[0]]
        return f"the repository's {Path(conftest[1]).name} fails ({last[0].removeprefix('E ').strip()[:200]})"
    if (
        module
        and not _is_own(room, module[1])
        and not _brings(room, partial(_names_module, module=module[1]))
    ):
        return f"the module {module[1]} is missing"
    if program and not _brings(room, lambda text: program[1] in text):
        return f"the program {program[1]} is missing"
    if refused and not any(
        is_configuration(one.path) or one.path.endswith("conftest.py") for one in room.changes
    ):
        return f"pytest does not start ({refused[0].strip()[:200]})"
    return f"it needs a service that is not there ({service[0].strip()[:200]})" if service else ""


def crashing_files(tests: Mapping[str, TestOutcome]) -> dict[str, str]:
    """Files of which every test crashes with the same error outside of the product, with this error: what is
    installed does not run on this Python. One test alone says nothing about its file."""
    by_file: dict[str, list[str]] = {}
    for name, test in tests.items():
        crashes = test.failed and test.kind == "test_crash"
        by_file.setdefault(name.split("::")[0], []).append(test.message if crashes else "")
    return {
        path: found[0]
        for path, found in by_file.items()
        if len(found) > 1 and len({*found}) == 1 and found[0]
    }


def with_remedy(room: CleanRoom, fault: BaseFault, run: Callable[[CleanRoom], SessionResult]) -> str:
    """The fault as a sentence, with the setting that was tried and works where one was found."""
    if not fault.variable or fault.variable in room.config.variables:
        return fault.what
    env = {**room.config.env, fault.variable: _VALUE}
    other = replace(room, config=room.config.model_copy(update={"env": env}))
    result = run(other)
    if result.problem or base_fault(other, result) is not None:
        return fault.what
    return f'{fault.what}; with `[env]` and `{fault.variable} = "{_VALUE}"` in nightcrew.toml it runs (tried)'


# ---------------------------------------------------------------------------------------------------------


def _uncollected(room: CleanRoom, errors: Sequence[tuple[str, str]]) -> BaseFault | None:
    """A test file that needs a third-party module which is missing: any, where the environment lacks what the
    repository declares; else one that the change edits."""
    named = {one.path for one in room.changes if one.before is not None and is_test_module(one.path)}
    for path, text in errors:
        outside, counts = _MODULE.search(text), room.environment.lacks or path.split("::")[0] in named
        if counts and outside and not _is_own(room, outside[1]):
            return _read(room, f"{path} cannot be collected", text)
    return None


def _none_collected(room: CleanRoom) -> BaseFault | None:
    texts = room.base_tree.python.items()
    files = [path for path, text in texts if is_test_module(path) and _HAS_TESTS.search(text)]
    what = f"pytest collects no test on base, where {len(files)} files hold some"
    return BaseFault(f"{what}, run as `{room.config.test}` says") if files else None


def _read(room: CleanRoom, where: str, text: str) -> BaseFault:
    """What is missing, according to the last lines of an error."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    message = lines[-1].removeprefix("E ").strip()[:300] if lines else ""
    module, variable, service = _MODULE.search(text), _VARIABLE.search(text), _SERVICE.search(text)
    if module:
        return BaseFault(f"{where}: {_module(room, module[1])} ({message})")
    if variable:
        name = next(one for one in variable.groups() if one)
        return BaseFault(f"{where}: the variable {name} is not set ({message})", name)
    if service:
        return BaseFault(f"{where}: it needs a service that is not there ({service[0].strip()[:200]})")
    return BaseFault(f"{where}: {message}")


def _is_the_bug(room: CleanRoom, text: str) -> bool:
    """True where the changed code itself cannot be imported."""
    changed = [one.path for one in room.changes if not is_test_module(one.path) and one.before is not None]
    missing = _MODULE.search(text)
    own = missing is None or _is_own(room, missing[1])
    return own and any(f"{path}:" in text or f'{path}"' in text for path in changed)


def _module(room: CleanRoom, name: str) -> str:
    """A description of the missing module, and of where it would come from."""
    empty = [path for path in _submodules(room) if not any((room.base / path).iterdir())]
    if empty:
        return f"the git submodule {empty[0]} is not there, and the module {name} is missing"
    if _is_own(room, name):
        return f"the repository's module {name} is missing: it is built or generated (let `setup` make it)"
    advice = f"the module {name} is missing: let `setup` in nightcrew.toml install it"
    lacks = " ".join(room.environment.lacks.split())
    return f"{advice}; what the repository declares cannot be installed ({lacks[:500]})" if lacks else advice


def _brings(room: CleanRoom, names: Callable[[str], bool]) -> bool:
    """True where the change names something in a file that did not name it on base."""
    return any(names(one.after or "") and not names(one.before or "") for one in room.changes)


def _names_module(text: str, module: str) -> bool:
    return (
        re.search(rf"^\s*(?:import|from)\s+{re.escape(module.split('.')[0])}\b", text, re.MULTILINE)
        is not None
    )


def _is_own(room: CleanRoom, name: str) -> bool:
    first = name.split(".")[0]
    roots = [room.base / path.removeprefix("/workspace").lstrip("/") for path in room.python_paths]
    return any((root / first).is_dir() or (root / f"{first}.py").is_file() for root in roots if root.is_dir())


def _submodules(room: CleanRoom) -> list[str]:
    file = room.base / ".gitmodules"
    text = ""
    with suppress(OSError, Unreadable):
        text = read_text(file)
    found = map(str.strip, re.findall(r"^[ \t]*path[ \t]*=(.+)$", text, re.MULTILINE))
    return [path for path in found if ".." not in path and (room.base / path).is_dir()]
