"""Passes secrets from the operator's shell to the process that needs them.

A process's initial environment and arguments stay readable as long as it lives; the arguments for every user
of the machine. So a command that finds a secret there executes itself again without it, and receives it
through a file descriptor.
"""

import json
import os
import tempfile
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from nightcrew.address import without_secret
from nightcrew.errors import BadInput
from nightcrew.secrets.account import KEY_VARIABLES, protected
from nightcrew.secrets.redaction import redact

_VARIABLE = "NIGHTCREW_TOLD_IN_SECRET"


@dataclass(frozen=True, slots=True)
class Again:
    """How to execute the command again: with arguments without secrets, and with this descriptor open."""

    arguments: tuple[str, ...]
    descriptor: int


@dataclass(frozen=True, slots=True)
class Passed:
    """The command's real arguments, and the API key if there was one."""

    arguments: tuple[str, ...]
    key: SecretStr | None = None


def hand_over(environment: MutableMapping[str, str], arguments: Sequence[str]) -> Again | None:
    """Remove the key from `environment`; what to execute instead, None if neither holds a secret."""
    found = [environment.pop(name, "") for name in KEY_VARIABLES]
    key = next((value for value in found if value.strip()), None)
    shown = tuple(map(_shown, arguments))
    if key is None and shown == tuple(arguments):
        return None
    descriptor = _file_without_a_name(json.dumps({"key": key, "arguments": list(arguments)}).encode())
    environment[_VARIABLE] = str(descriptor)
    return Again(shown, descriptor)


def take_over(environment: MutableMapping[str, str], arguments: Sequence[str]) -> Passed:
    """The result of `hand_over`; without it, the unchanged `arguments` and no key."""
    value = environment.pop(_VARIABLE, "")
    if not value.isdigit():
        return Passed(tuple(arguments))
    try:
        with os.fdopen(int(value), "rb") as file:
            values = json.loads(file.read())
        key = values["key"]
        return Passed(tuple(values["arguments"]), None if key is None else protected(SecretStr(str(key))))
    except (OSError, ValueError, KeyError, TypeError):
        return Passed(tuple(arguments))


# ---------------------------------------------------------------------------------------------------------


def _shown(argument: str) -> str:
    """An argument as other users may see it: an address without its token, other text redacted."""
    option, separator, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    if "://" in value:
        try:
            value, credential = without_secret(value)
            if credential is not None:
                return f"{option}{separator}{value}"
        except BadInput:  # part of a sentence, or a mistake
            value = redact(value)
    return redact(f"{option}{separator}{value}")


def _file_without_a_name(content: bytes) -> int:
    """A descriptor to read `content` from, of any length."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("nightcrew")
    else:
        with tempfile.TemporaryFile() as file:  # only its owner can read it, and it has no name any more
            descriptor = os.dup(file.fileno())
    with os.fdopen(os.dup(descriptor), "wb") as writer:
        writer.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
