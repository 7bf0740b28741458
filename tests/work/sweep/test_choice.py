"""What a sweep chooses: little proof first, and what changes most before the rest."""

from nightcrew.task import TaskType
from nightcrew.work.sweep.choice import Proof, choices


def proof(path: str, run: int, *, documented: int = 2, changes: int = 0, noticed: int = 0) -> Proof:
    missing = tuple(f"f{n}" for n in range(2 - documented))
    faults = 4 if noticed else 0
    return Proof(path, 10, run, 2, documented, changes, (3, 4)[: 10 - run], missing, faults, noticed)


def test_the_least_tested_and_most_changed_module_comes_first() -> None:
    found = choices([proof("a.py", 9), proof("b.py", 1), proof("c.py", 1, changes=5)])
    assert [one.path for one in found] == ["c.py", "b.py", "a.py"]
    assert found[0].description == (
        "Write unit tests for c.py: 9 of 10 statements in its functions are run by no test; "
        "they begin at lines 3, 4; 5 commits changed it lately."
    )


def test_tests_that_notice_nothing_prove_nothing() -> None:
    blind, seeing = proof("blind.py", 10, noticed=1), proof("seeing.py", 10, noticed=4)
    (choice,) = choices([blind, seeing])
    assert choice.path == "blind.py" and choice.need == 0.375
    assert "tests notice 1 of 4 faults" in choice.why


def test_missing_docstrings_are_work_too_and_weigh_half() -> None:
    found = choices([proof("a.py", 10, documented=0)])
    assert [(one.task_type, one.need) for one in found] == [(TaskType.DOCUMENTATION, 0.25)]
    assert found[0].description.startswith("Document a.py: f0, f1 have no docstring")


def test_where_nothing_is_missing_nothing_is_chosen() -> None:
    assert choices([proof("a.py", 10, changes=9), Proof("b.py", 0, 0, 0, 0, 3)]) == []
