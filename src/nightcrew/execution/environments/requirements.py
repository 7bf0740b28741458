"""The form in which a requirement reaches an installer: a checked line that names a package of an index."""

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement

from nightcrew.errors import BadInput

_MOST_LINES = 5_000
_LONGEST = 2_000


def checked(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines as requirements by PEP 508, each written anew.

    Raises:
        BadInput: a line holds a line break, is an option, is no requirement, or names an address instead of a
            version; the message names it.
    """
    found = tuple(_checked(line) for line in lines)
    if len(found) > _MOST_LINES:
        raise BadInput(f"the repository declares {len(found)} requirements: {_MOST_LINES} can be installed")
    return found


def _checked(line: str) -> str:
    shown = repr(line if len(line) <= 200 else f"{line[:200]}…")
    if len(line) > _LONGEST or not line.isprintable():
        raise BadInput(f"the requirement {shown} holds a line break or control character, or is very long")
    if line.lstrip().startswith("-"):
        raise BadInput(f"the requirement {shown} is an option of an installer: options are not followed")
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{shown} is not a requirement as PEP 508 has them: {reason}") from None
    if requirement.url is not None:
        raise BadInput(
            f"the requirement {shown} names an address: an environment is built from the package index only, "
            "so what needs this package cannot be measured"
        )
    return str(requirement)
