"""Checks requirements before they reach an installer: only packages of an index are allowed."""

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from nightcrew.errors import BadInput

_MOST_LINES = 5_000
_LONGEST = 2_000
_RUNNER = {"pytest", "pluggy", "py", "iniconfig", "tox", "attrs", "packaging", "coverage"}
_WORKING = "pytest>=7.4"  # older ones cannot run on Python 3.12


def checked(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines as normalised PEP 508 requirements.

    Raises:
        BadInput: a line has a line break, is an option, is not a requirement, or has a URL; the message names
        it.
    """
    found = tuple(_checked(line) for line in lines)
    if len(found) > _MOST_LINES:
        raise BadInput(f"the repository declares {len(found)} requirements: {_MOST_LINES} can be installed")
    return found


def unbound(lines: Iterable[str]) -> tuple[str, ...]:
    """The checked lines without upper bounds on pytest, its plugins and what these need, and with a pytest
    that runs on our Python; the same lines where none has such a bound."""
    found = tuple(_unbound(Requirement(line)) for line in lines)
    return (*found, _WORKING) if found != tuple(lines) else found


def newer(lines: Iterable[str]) -> tuple[str, ...]:
    """The checked lines without upper bounds: `==1.4` and `~=1.4` become `>=1.4`.

    An old pin may have no wheel for our Python, and not be able to be built for it.
    """
    return tuple(map(_newer, map(Requirement, checked(lines))))


# ---------------------------------------------------------------------------------------------------------

_EXACT = frozenset({"==", "===", "~="})


def _newer(requirement: Requirement) -> str:
    least = [f">={one.version.removesuffix('.*')}" for one in requirement.specifier if one.operator in _EXACT]
    kept = [str(one) for one in requirement.specifier if one.operator in {">", ">=", "!="}]
    requirement.specifier = SpecifierSet(",".join((*least, *kept)))
    return str(requirement)


def _unbound(requirement: Requirement) -> str:
    name = canonicalize_name(requirement.name)
    above = any(one.operator in {"==", "===", "<", "<=", "~="} for one in requirement.specifier)
    if above and (name in _RUNNER or name.startswith("pytest-")):
        requirement.specifier = SpecifierSet()
    return str(requirement)


def _checked(line: str) -> str:
    shown = repr(line if len(line) <= 200 else f"{line[:200]}…")
    if len(line) > _LONGEST or not line.isprintable():
        raise BadInput(f"the requirement {shown} has a line break or control character, or is very long")
    if line.lstrip().startswith("-"):
        raise BadInput(f"the requirement {shown} is an option of an installer: options are not allowed")
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{shown} is not a PEP 508 requirement: {reason}") from None
    if requirement.url is not None:
        raise BadInput(
            f"the requirement {shown} has a URL: an environment is built from the package index only, "
            "so what needs this package cannot be measured"
        )
    return str(requirement)
