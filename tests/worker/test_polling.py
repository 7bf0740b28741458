"""A worker that has nothing to do asks seldom, and at once where something is announced."""

from pathlib import Path

from nightcrew.worker.polling import AWAKE_SECONDS, Polling


def asks(polling: Polling, time: list[float], seconds: int) -> int:
    count = 0
    for _ in range(seconds):
        time[0] += 1.0
        count += polling.is_due()
    return count


def test_it_asks_seldom_while_nothing_is_to_be_done(tmp_path: Path) -> None:
    time = [0.0]
    polling = Polling(tmp_path / "announced", lambda: time[0])
    assert asks(polling, time, int(AWAKE_SECONDS)) >= AWAKE_SECONDS - 1
    assert asks(polling, time, 60) == 12


def test_it_asks_each_time_after_an_announcement_or_a_run(tmp_path: Path) -> None:
    time = [0.0]
    polling = Polling(tmp_path / "announced", lambda: time[0])
    asks(polling, time, 31)
    (tmp_path / "announced").touch()
    assert asks(polling, time, 5) == 5
    asks(polling, time, 31)
    polling.wake()
    assert asks(polling, time, 5) == 5
