"""Nightcrew: an unattended crew for development work; *completed* always rests on evidence.

The names below are the public API. Each is imported at its first use, so that `import nightcrew` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightcrew.errors import BadInput, NightcrewError
    from nightcrew.execution.sandbox import open_sandbox
    from nightcrew.settings import Settings, load_settings
    from nightcrew.task import Complexity, Task, TaskPriority, TaskStatus, TaskType
    from nightcrew.validation.result_validator import ResultValidator
    from nightcrew.validation.verdict import GateOutcome, GateResult, Verdict, VerdictKind

__all__ = [
    "BadInput",
    "Complexity",
    "GateOutcome",
    "GateResult",
    "NightcrewError",
    "ResultValidator",
    "Settings",
    "Task",
    "TaskPriority",
    "TaskStatus",
    "TaskType",
    "Verdict",
    "VerdictKind",
    "load_settings",
    "open_sandbox",
]

_HOMES = {
    "BadInput": "errors",
    "Complexity": "task",
    "GateOutcome": "validation.verdict",
    "GateResult": "validation.verdict",
    "NightcrewError": "errors",
    "ResultValidator": "validation.result_validator",
    "Settings": "settings",
    "Task": "task",
    "TaskType": "task",
    "TaskPriority": "task",
    "TaskStatus": "task",
    "Verdict": "validation.verdict",
    "VerdictKind": "validation.verdict",
    "load_settings": "settings",
    "open_sandbox": "execution.sandbox",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nightcrew' has no attribute {name!r}")
    return getattr(import_module(f"nightcrew.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
