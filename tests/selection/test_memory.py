import json
import multiprocessing
from decimal import Decimal
from pathlib import Path

from nightcrew.selection.beliefs import Rates
from nightcrew.selection.memory import Memory, Spent, Trial, TrialEnd
from nightcrew.selection.verdict_rates import FLOOR, VERDICT_RATES
from tests.selection.house import AGENT, model, taught

SPENT = Spent(10_000, 500, 4, 30.0, Decimal("0.01"))


def record(memory: Memory, end: TrialEnd, slug: str = "a", before: tuple[Trial, ...] = ()) -> None:
    memory.record(
        task_type="bug_fix", executor=AGENT, candidate=model(slug), end=end, spent=SPENT, before=before
    )


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    memory = taught([model("a"), model("b")], {"a": 0.8, "b": 0.2})
    memory.rates["*"] = Rates(0.05, 0.1)
    memory.save(tmp_path / "memory.json")
    again = Memory.load(tmp_path / "memory.json")
    assert json.dumps(again.to_json()) == json.dumps(memory.to_json())


def test_a_missing_file_is_a_fresh_memory(tmp_path: Path) -> None:
    assert Memory.load(tmp_path / "none.json").to_json() == Memory().to_json()


def test_an_unreadable_file_is_set_aside_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    path.write_text('{"format": 3, "tick"')
    assert Memory.load(path).outcomes == {}
    assert (tmp_path / "memory.unreadable").read_text() == '{"format": 3, "tick"'


def test_a_fault_teaches_nothing() -> None:
    memory = Memory()
    record(memory, TrialEnd.FAULT)
    assert memory.to_json() == Memory().to_json()


def test_a_rejection_after_others_failed_weighs_less() -> None:
    """A hard task is not held against the next model as much as an ordinary one."""
    alone, after = Memory(), Memory()
    record(alone, TrialEnd.REJECTED)
    record(after, TrialEnd.REJECTED, before=tuple(Trial(AGENT, s, TrialEnd.REJECTED) for s in "bcd"))
    assert alone.success.tables["skill"]["a"].mean < after.success.tables["skill"]["a"].mean < 0


def test_one_task_counts_once_however_many_attempts() -> None:
    memory = Memory()
    record(memory, TrialEnd.REJECTED)
    record(memory, TrialEnd.ACCEPTED, "b", before=(Trial(AGENT, "a", TrialEnd.REJECTED),))
    assert memory.success.tick == 1
    assert memory.evidence("bug_fix", AGENT, "a") == memory.evidence("bug_fix", AGENT, "b") == 1


def test_processes_that_update_together_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_five, args=(path,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Memory.load(path).evidence("bug_fix", AGENT, "a") == 15
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def _write_five(path: Path) -> None:
    for _ in range(5):
        with Memory.updating(path) as memory:
            record(memory, TrialEnd.ACCEPTED)


def test_a_fresh_memory_reckons_with_the_verdicts_errors_as_measured() -> None:
    """No task_type of its own, none for all: the shipped rates, of which none is below its floor."""
    memory = Memory()
    assert memory.rates_of("bug_fix") == VERDICT_RATES
    assert VERDICT_RATES.false_accept >= FLOOR.false_accept
    assert VERDICT_RATES.false_reject >= FLOOR.false_reject
    memory.rates["*"] = Rates(0.0, 0.0)
    assert memory.rates_of("bug_fix") == Rates(0.0, 0.0)
    memory.rates["bug_fix"] = Rates(0.2, 0.1)
    assert memory.rates_of("bug_fix") == Rates(0.2, 0.1)


def test_the_catalogue_entry_of_a_judged_model_is_remembered() -> None:
    memory = taught([model("dear", 20.0)], {"dear": 0.5}, tasks=3)
    known = Memory.from_json(json.loads(json.dumps(memory.to_json()))).success.traits_of("dear")
    assert known == model("dear", 20.0).traits
    assert known.price > 0
