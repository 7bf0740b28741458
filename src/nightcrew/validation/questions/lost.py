"""*Lost?* What base had and the change takes away although the task does not ask for that.

Renames and moves are not losses: a file that has moved, a name that can still be imported from where
it was, a method that is inherited now, a constructor that is generated.
"""

from collections.abc import Iterator

from nightcrew.validation.change.change import Change
from nightcrew.validation.change.paths import is_test, is_test_module
from nightcrew.validation.gate import Gate, answered
from nightcrew.validation.questions.loss import Loss
from nightcrew.validation.questions.notices import elision, lost_comments, lost_licence
from nightcrew.validation.questions.promises import lost_exceptions
from nightcrew.validation.questions.python_losses import python_losses, stub_losses
from nightcrew.validation.questions.repository import Repository, World, module_of, new_place, repository_of
from nightcrew.validation.questions.request import Request
from nightcrew.validation.questions.surface import surface
from nightcrew.validation.questions.text_losses import text_losses
from nightcrew.validation.reading.suite import parse
from nightcrew.validation.running.clean_room import CleanRoom
from nightcrew.validation.verdict import Finding, GateResult

NAME = "lost"
NEVER_IMPORTED = {"setup.py", "noxfile.py", "conf.py", "tasks.py", "fabfile.py", "conftest.py"}
HINT = "Put back everything that the task did not ask to remove; write files out in full."


class Lost(Gate):
    """Finds what a user of base would miss."""

    name = NAME

    def run(self, room: CleanRoom) -> GateResult:
        """Reports everything that is lost; passes where nothing is."""
        return answered(
            NAME,
            tuple(losses(Request(room.task.description), room.once(repository_of))),
            nothing="Nothing that base has is taken away.",
            opening="The change takes away what nobody asked to lose",
            hint=HINT,
        )


def losses(request: Request, repository: Repository) -> Iterator[Finding]:
    """Each loss that the task's text does not ask for."""
    for change in repository.changes:
        for loss in _of_file(change, repository):
            asked = request.removes if loss.is_gone else request.changes
            if not asked(*loss.names):
                yield Finding(loss.what, change.path, loss.line, loss.before, loss.after, loss.severity)


# ------------------------------------------------------------------------------------------------------


def _of_file(change: Change, repository: Repository) -> Iterator[Loss]:
    before, after = change.before, change.after
    if change.path.endswith(".pyi") and after is not None:
        yield from _of_stub(change, after, repository)
    if before is None:
        return
    place = new_place(change, repository.changes) if after is None else change.path
    if after is None and place is None:
        yield from _deleted(change, repository)
        return
    after = after if after is not None else repository.after(str(place))
    yield from elision(before, after)
    yield from lost_licence(change.path, before, after)
    if change.path.endswith((".py", ".pyi")):
        yield from lost_comments(before, after)
        yield from _of_python(change, before, after, str(place), repository)
    elif not is_test(change.path):
        yield from text_losses(change.path, before, after, repository.text_elsewhere(change.path))


def _deleted(change: Change, repository: Repository) -> Iterator[Loss]:
    """The loss of a deleted file; deleted test data counts only where a test still names it."""
    if is_test(change.path) and (is_test_module(change.path) or not repository.is_named(change.path)):
        return
    name = change.path.rsplit("/", 1)[-1]
    if not change.path.endswith(".py") or (change.before or "").strip():
        yield Loss(
            "the file is deleted", 0, (change.path, name, name.rsplit(".", 1)[0], module_of(change.path))
        )


def _of_stub(change: Change, after: str, repository: Repository) -> Iterator[Loss]:
    """What users of a type checker lose by a stub."""
    module, stub = parse(repository.patched.python.get(change.path.removesuffix("i"), "")), parse(after)
    if module is not None and module.body and stub is not None:
        yield from stub_losses(module, stub, None if change.before is None else parse(change.before))


def _of_python(change: Change, before: str, after: str, place: str, repository: Repository) -> Iterator[Loss]:
    old, new = parse(before), parse(after)
    if old is None or new is None:
        return
    if is_test(change.path) or change.path.rsplit("/", 1)[-1] in NEVER_IMPORTED:
        return  # other gates run the existing tests to find out what the change does to them
    if (
        place != change.path
        and module_of(place) != module_of(change.path)
        and not repository.is_hidden(change.path)
    ):
        yield Loss(f"the module {module_of(change.path)} is {module_of(place)} now", 0, (
            change.path, module_of(change.path), module_of(change.path).rsplit(".", 1)[-1]))  # fmt: skip
        return
    faces = surface(old), surface(new)
    yield from python_losses(*faces, World(repository, change.path))
    yield from lost_exceptions(*faces, repository.expected(change.path))
