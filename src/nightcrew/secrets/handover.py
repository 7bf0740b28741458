"""Secrets on their way from the operator's shell into the process that needs them.

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
    """How to execute the command again: with arguments that hold no secret, and this descriptor left open."""

    arguments: tuple[str, ...]
    descriptor: int


@dataclass(frozen=True, slots=True)
class Told:
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


def take_over(environment: MutableMapping[str, str], arguments: Sequence[str]) -> Told:
    """What `hand_over` passed on; without it, the `arguments` as they are and no key."""
    told = environment.pop(_VARIABLE, "")
    if not told.isdigit():
        return Told(tuple(arguments))
    try:
        with os.fdopen(int(told), "rb") as file:
            values = json.loads(file.read())
        key = values["key"]
        return Told(tuple(values["arguments"]), None if key is None else protected(SecretStr(str(key))))
    except (OSError, ValueError, KeyError, TypeError):
        return Told(tuple(arguments))


# ---------------------------------------------------------------------------------------------------------


def _shown(argument: str) -> str:
    """An argument as every user may read it: an address without its token, other text redacted."""
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
    """A descriptor that says `content`, however long it is."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("nightcrew")
    else:
        with tempfile.TemporaryFile() as file:  # for its owner only, and gone from the folder already
            descriptor = os.dup(file.fileno())
    with os.fdopen(os.dup(descriptor), "wb") as writer:
        writer.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
