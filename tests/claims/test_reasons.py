"""An attempt that comes to nothing says why, in the same words to everybody: person, ledger, next model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nightcrew.cli.output import console
from nightcrew.cli.task_view import print_task
from nightcrew.settings import Settings
from nightcrew.testing.scenario import Character, Fault, FaultKind, ScriptedModel
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import open_crew
from nightcrew.work.work import Work
from tests.claims.line import STOCK, Line, make_repo, scenario

type Play = Callable[["Case", str], tuple[Line, Work]]
VACUOUS = {"tests/test_left.py": "def test_left():\n    assert True\n"}


@dataclass(frozen=True, slots=True)
class Case:
    """How a model behaves, and what everybody reads about it."""

    name: str
    says: str
    character: Character = Character.CAPABLE
    fault: Fault | None = None
    good: dict[str, str] = field(default_factory=lambda: {"stock.py": STOCK})
    iterations: int = 6


DIRECT = (
    Case("prose", 'without any edit: "I would now run the tests', fault=Fault(kind=FaultKind.PROSE)),
    Case("code without a name", 'without any edit: "Here is the code', Character.FORMLESS),
    Case("an edit that fits nowhere", "'this line stands nowhere'", Character.STUCK),
    Case("an answer cut off", "the output limit truncated the answer", Character.TRUNCATOR),
    Case("the same file again", "it changed nothing"),
    Case("a refusal", "moderation refused", fault=Fault(kind=FaultKind.REFUSAL)),
)
AGENT = (
    Case("a loop", 'its last action: "terminal ls -la', Character.STUCK),
    Case("no end", 'its last action: "terminal ls -la | head -n 6', Character.WANDERER),
    Case(
        "a tool that answers with an error",
        '"file_editor: Error validating',
        fault=Fault(kind=FaultKind.MISSING_ARGUMENT),
    ),
    Case("finished for nothing", 'its last words were: "The change is made and the tests pass', good={}),
    Case("a refusal", "moderation refused", fault=Fault(kind=FaultKind.REFUSAL)),
    Case("a limit in the middle of the work", "no end after 3 model calls", good=VACUOUS, iterations=3),
)


@pytest.fixture
def play(line_settings: Settings, tmp_path: Path) -> Iterator[Play]:
    """Plays a case with an executor, on a twin and a crew of its own."""
    with ExitStack() as stack:

        def made(case: Case, executor: str) -> tuple[Line, Work]:
            model = ScriptedModel(
                id=f"twin/{case.name.replace(' ', '-')}-{executor}", character=case.character
            )
            played = scenario(
                models=[model.model_dump()],
                faults=[case.fault] if case.fault else [],
                solutions=[{"good": case.good}],
            )
            twin = stack.enter_context(Twin(played))
            values = {"base_url": twin.base_url, "try_models": False, "attempt_iterations": case.iterations}
            settings = line_settings.model_copy(update=values)
            crew = stack.enter_context(open_crew(settings))
            line = Line(settings, crew, twin, make_repo(tmp_path / "repo"))
            given: dict[str, Any] = {"task_type": "bug_fix", "target_file": "stock.py", "models": []}
            work = line.do(
                **given,
                executor=executor,
                max_attempts=2 if executor == "direct" else 1,
                description=f"The last piece cannot be taken: {case.name}, {executor}.",
            )
            return line, work

        yield made


def shown(line: Line, task_id: str) -> str:
    """What `show-task` prints."""
    with console.capture() as result:
        print_task(line.crew.queue.get(task_id), line.crew.queue.attempts(task_id))
    return result.get()


@pytest.mark.parametrize("case", DIRECT, ids=[case.name for case in DIRECT])
def test_a_short_attempt_for_nothing_says_why(case: Case, play: Play) -> None:
    line, work = play(case, "direct")
    everybody_knows(case, line, work)
    if len(work.trials) > 1:
        asked = [seen.body for seen in line.twin.requests if "previous attempt" in str(seen.body)]
        assert any(case.says in message["content"] for body in asked if body for message in body["messages"])


@pytest.mark.agent
@pytest.mark.parametrize("case", AGENT, ids=[case.name for case in AGENT])
def test_an_agents_attempt_for_nothing_says_why(case: Case, play: Play) -> None:
    everybody_knows(case, *play(case, "openhands"))


def everybody_knows(case: Case, line: Line, work: Work) -> None:
    task_id, words = work.task.task_id, "".join(case.says.split())
    assert words in "".join(work.trials[-1].attempt.detail.split())
    assert words in "".join(work.feedback.split()), "the next briefing"
    assert words in "".join(shown(line, task_id).split()), "show-task"
    rows = line.query("select * from attempts where task_id = ?", task_id)
    assert rows and all(words in "".join(row["detail"].split()) for row in rows), "the ledger"
    (task,) = line.query("select * from tasks where task_id = ?", task_id)
    assert task["status"] == "failed" and "patch is empty" not in task["detail"]
