"""The selector's memory is rebuilt from the ledger, with what people made of accepted changes."""

from pathlib import Path

from nightcrew.ledger.metrics_collector import MetricsCollector
from nightcrew.selection.memory import Trial, TrialEnd
from nightcrew.task import Complexity, TaskType
from nightcrew.work.recollection import rebuilt_memory
from tests.ledger.story import DIRECT, FREE, record_night
from tests.selection.house import model


def test_a_change_that_people_close_counts_as_rejected_too(tmp_path: Path) -> None:
    def learned(folder: Path) -> tuple[int, float]:
        candidate = model(FREE)
        memory = rebuilt_memory(folder, [candidate])
        trial = Trial(DIRECT, candidate.slug, TrialEnd.ACCEPTED)
        score = memory.score_of(TaskType.DOCUMENTATION, Complexity.MODERATE, trial, ())
        return memory.evidence(TaskType.DOCUMENTATION, DIRECT, candidate.slug), score[0]

    record_night(tmp_path)
    merged = learned(tmp_path)
    with MetricsCollector(tmp_path, "morning") as crew:
        crew.pull_followed("t-docs", status="closed", pull_request=7, rounds=1)
    closed = learned(tmp_path)
    assert closed[0] == merged[0] + 1 and closed[1] < merged[1]
