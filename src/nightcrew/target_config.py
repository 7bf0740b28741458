"""The configuration of one target repository: `nightcrew.toml`, or `[tool.nightcrew]` in pyproject.toml."""

from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nightcrew.errors import BadInput
from nightcrew.settings import DeliveryKind, first_problem
from nightcrew.test_command import TestCommand, read_test_command
from nightcrew.untrusted import Unreadable, read_text, read_toml

MOST_CHARACTERS = 10_000  # of a command


class ReadingPolicy(StrEnum):
    """How prose is treated that no gate can judge."""

    PERSON = "person"  # a person reads it
    ACCEPT = "accept"  # it is accepted unread, and the verdict says so


class TargetConfig(BaseModel):
    """A target repository's configuration: `nightcrew.toml`, or `[tool.nightcrew]` in pyproject.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    setup: Annotated[str, Field(max_length=MOST_CHARACTERS)] | None = None
    """Command that creates the environment in `$NIGHTCREW_ENV`; empty: uv creates it as declared."""
    test: Annotated[str, Field(max_length=MOST_CHARACTERS)] = "python -m pytest"
    """Command that runs the test suite, optionally with variables and `cd FOLDER &&` in front."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables that the tests need; no secrets, because all test code can read them."""
    root: str = ""
    """The folder of the project; empty: the nearest project above the target file that has tests."""
    allow: tuple[str, ...] = ()
    """Path globs that a change may touch; empty: those of the task type."""
    protect: tuple[str, ...] = ()
    """Path globs that no change may touch."""
    rules: tuple[str, ...] = ()
    """The repository's own gates, as `module:function` or a shell command."""
    documentation: ReadingPolicy = ReadingPolicy.PERSON
    """`person`: new sentences that no gate can judge wait for a person; `accept`: they are taken unread where
    they only add to what is there."""
    deliver: DeliveryKind | None = None
    """`branch`: an accepted change becomes a branch of this repository; `pull-request`: with a pull request
    on GitHub; `patch`: a file in the crew's home; empty: as the crew says."""
    analysis: ReadingPolicy = ReadingPolicy.PERSON
    """`person`: what an analysis says about quoted lines waits for a person; `accept`: it is taken unread."""

    @property
    def command(self) -> TestCommand:
        """The parsed `test` command."""
        return read_test_command(self.test)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of `env` and of the `test` command."""
        return {**self.env, **self.command.variables}

    @field_validator("test")
    @classmethod
    def _check_test(cls, value: str) -> str:
        read_test_command(value)
        return value

    @field_validator("root")
    @classmethod
    def _check_root(cls, value: str) -> str:
        place = PurePosixPath(value)
        if place.is_absolute() or ".." in place.parts or not value.isprintable():
            raise ValueError("must be a folder of the repository, relative to its root")
        return "" if place == PurePosixPath() else place.as_posix()

    @model_validator(mode="after")
    def _take_the_folder_of_the_command(self) -> Self:
        if self.command.folder and not self.root:
            return self.model_copy(update={"root": self.command.folder})
        return self


def has_own_table(folder: Path) -> bool:
    """True if a folder has its own nightcrew.toml, or a table in its pyproject.toml."""
    if (folder / "nightcrew.toml").is_file():
        return True
    try:
        pyproject = read_toml(read_text(folder / "pyproject.toml"))
    except (OSError, Unreadable):
        return False
    return "nightcrew" in pyproject.get("tool", {})


def load_target_config(checkout: Path) -> TargetConfig:
    """The configuration in `checkout`, or the defaults.

    Raises:
        BadInput: the file cannot be read, or has an unknown or invalid setting.
    """
    own, pyproject = checkout / "nightcrew.toml", checkout / "pyproject.toml"
    file = own if own.is_file() else pyproject
    try:
        document = read_toml(read_text(file)) if file.is_file() else {}
        return TargetConfig.model_validate(
            document if file == own else document.get("tool", {}).get("nightcrew", {})
        )
    except ValidationError as error:
        known = f"; the settings are {', '.join(TargetConfig.model_fields)}"
        raise BadInput(f"{file.name}: {first_problem(error)}{known}") from None
    except (OSError, Unreadable) as error:
        raise BadInput(f"cannot read the repository's {file.name}: {error}") from None
