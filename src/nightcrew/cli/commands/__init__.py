"""One module per command or family of commands; importing this package registers them all."""

from nightcrew.cli.commands import (
    access,
    demo,
    do,
    doctor,
    engine,
    initialise,
    metrics,
    models,
    replay,
    review,
    submit,
    tasks,
    twin,
    verify,
)

__all__ = [
    "access",
    "demo",
    "do",
    "doctor",
    "engine",
    "initialise",
    "metrics",
    "models",
    "replay",
    "review",
    "submit",
    "tasks",
    "twin",
    "verify",
]
