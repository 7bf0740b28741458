"""Derives command-line options from the fields of `Task`, and builds a `Task` from options."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from nightcrew.address import without_secret
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.admission import root_of
from nightcrew.secrets.redaction import known_secrets
from nightcrew.settings import OPENROUTER_URL, Settings, first_problem
from nightcrew.task import Task

if TYPE_CHECKING:
    from nightcrew.work.sweep.terms import Sweep

NAMES = {"models": "--model"}  # options whose name differs from the field's
REQUIRED = frozenset({"description", "task_type"})
METAVARS: Mapping[Any, str] = {Decimal: "USD", list[str]: "<str>"}  # of types whose own name says little
HERE = {"repo": "."}  # defaults of the command line


def with_task_options(
    names: Iterable[str] = Task.model_fields, *, optional: frozenset[str] = frozenset()
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Add an option to a command for each of these fields of a task; it gets the given values as a mapping.

    The mapping is its first argument. Fields that were not given are missing from it, so that `Task` supplies
    the defaults. `optional` fields need not be given, although other commands require them.
    """
    fields = {name: Task.model_fields[name] for name in names}
    options = [_option(name, field, REQUIRED - optional) for name, field in fields.items()]

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def run(**given: Any) -> int:
            values = {name: given.pop(name) for name in fields}
            return command(
                {name: value for name, value in values.items() if value not in (None, [])}, **given
            )

        _, *others = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [*options, *(other.replace(kind=other.KEYWORD_ONLY) for other in others)]
        run.__dict__["__signature__"] = inspect.Signature(parameters, return_annotation=int)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def make_task(settings: Settings, fields: Mapping[str, Any]) -> Task:
    """A task from options; a local repository is named by its root, and the target file relative to it.

    A token in the repository's address is removed and stored in the crew's home.

    Raises:
        BadInput: one sentence about the first option that is not valid.
    """
    given = absolute_repo(str(fields.get("repo", HERE["repo"])))
    address, credential = without_secret(_root(given))
    if fields.get("target_file") and address != given:
        fields = {**fields, "target_file": _from_root(Path(address), Path(given), str(fields["target_file"]))}
    if credential is not None:
        known_secrets.add(credential.password)  # from here on it is masked in every output
    try:
        task = Task.model_validate({**fields, "repo": address})
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None
    if credential is not None:
        from nightcrew.crew.storage.acts import keep_credential  # loads the state store's libraries

        keep_credential(settings, address, credential)
    return task


def sweep_terms(fields: Mapping[str, Any], most_tasks: int, budget: str) -> "Sweep":
    """The terms of a sweep of the repository that the options of a task name.

    Raises:
        BadInput: something is not valid.
    """
    from nightcrew.work.sweep.terms import Sweep

    repo = _root(absolute_repo(str(fields.get("repo") or HERE["repo"])))
    given = {name: fields[name] for name in ("base", "priority", "deliver") if fields.get(name)}
    limits = {"most_tasks": most_tasks, "budget_usd": budget.removeprefix("$")}
    try:
        return Sweep.model_validate({**given, **limits, "repo": repo})
    except ValidationError as error:
        raise BadInput(first_problem(error)) from None


def check_models(settings: Settings) -> None:
    """Refuse work where no model can be used until a setting is changed: none listed, named, or priced.

    Raises:
        BadInput: the message says which setting.
    """
    if settings.models or settings.account.base_url != OPENROUTER_URL:
        from nightcrew.cli.model_choice import open_catalogue  # imports slowly

        with open_catalogue(settings) as (_, catalogue):
            catalogue.check_usable()


def absolute_repo(repo: str) -> str:
    """`repo` with a local path made absolute; URLs and `host:path` are left as they are."""
    if "://" in repo or (":" in repo and not Path(repo).exists()):
        return repo
    return str(Path(repo).expanduser().resolve())


# ---------------------------------------------------------------------------------------------------------


def _root(repo: str) -> str:
    """The root of the local repository that a folder belongs to; other addresses are left as they are."""
    folder = Path(repo)
    return str(root_of(folder)) if folder.is_absolute() and folder.is_dir() else repo


def _from_root(root: Path, folder: Path, target: str) -> str:
    """A target file that was named in a folder of the repository, or relative to its root, as git does it."""
    here = (folder / target).exists() or (folder / target).parent.exists()
    if not here or (root / target).exists() or Path(target).is_absolute():
        return target
    return (folder.relative_to(root) / target).as_posix()


def _option(name: str, field: FieldInfo, required: frozenset[str]) -> inspect.Parameter:
    kind = _kind(field.annotation)
    default: Any = inspect.Parameter.empty if name in required else None
    shown = HERE.get(name) or (str(field.default or "") if default is None and not _is_made(field) else "")
    text = f"{field.description} It may be repeated." if kind == list[str] else field.description
    option = typer.Option(
        NAMES.get(name, f"--{name.replace('_', '-')}"),
        help=f"{text}  [default: {shown}]" if shown else text,
        show_default=False,
        parser=_usd if kind is Decimal else None,
        metavar=METAVARS.get(kind),
    )
    wanted: Any = kind if name in required else kind | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[wanted, option]
    )


def _is_made(field: FieldInfo) -> bool:
    """True for a field without a fixed default to show."""
    return field.is_required() or field.default_factory is not None


def _kind(annotation: Any) -> Any:
    """The option's type: the field's type without bounds, with `list` for a tuple."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        return list[str]
    others = [part for part in get_args(annotation) if part is not type(None)]
    return _kind(others[0]) if others else annotation


def _usd(text: str) -> str:
    """An amount without its dollar sign; `Task` validates it."""
    return text.removeprefix("$")
