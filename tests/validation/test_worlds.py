"""The worlds that new tests are run in: no hour and no weekday is left out, whenever it is now."""

import sysconfig
import time
from datetime import UTC, datetime

import time_machine

from nightcrew.validation.rig.world import other_date
from nightcrew.validation.running.examination import CLOCKS


def test_the_clocks_reach_every_weekday_and_any_four_hours() -> None:
    days = list(CLOCKS)
    assert {int(day) % 7 for day in days} == set(range(7))
    hours = {int(day % 1 * 24) for day in days}
    assert all({(first + more) % 24 for more in range(4)} & hours for first in range(24))
    assert len({datetime.fromtimestamp(day * 86_400, UTC).month for day in days}) >= 6


def test_another_date_begins_at_its_own_hour_whenever_it_is_now() -> None:
    for now in ("2026-11-23T00:00:01", "2026-11-23T12:00:00", "2026-11-23T23:59:58"):
        with time_machine.travel(f"{now}+00:00"), other_date(8.25, sysconfig.get_path("platlib")) as dated:
            assert dated
            assert datetime.fromtimestamp(time.time(), UTC).strftime("%F %H") == "2026-12-01 06"
