"""The dashboard's pages as HTML; every value in them is escaped."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nightcrew.crew.status import DASHBOARD
from nightcrew.dashboard.charts import burn_down, daily
from nightcrew.dashboard.figures import Figures
from nightcrew.dashboard.present import Present
from nightcrew.dashboard.sections import GROUPS
from nightcrew.dashboard.story import Story
from nightcrew.dashboard.totals import BATCH_HEADINGS, Totals
from nightcrew.ledger.report import shown, usd
from nightcrew.plain_text import harmless
from nightcrew.queue.task_table import QueuedTask


def overview(figures: Figures | None, present: Present | None) -> str:
    """The first page: what runs and waits, what it cost and what came of it."""
    under_way = {} if figures is None else {row["task_id"]: row for row in figures.under_way}
    values = {"figures": figures, "now": present, "under_way": under_way, "batch_headings": BATCH_HEADINGS}
    charts = () if figures is None else daily(figures)
    left = () if figures is None or present is None else burn_down(figures, present)
    return _page("overview.html", **values, groups=GROUPS, charts=charts, burn_down=left)


def task_list(tasks: Sequence[QueuedTask], totals: Totals, chosen: Mapping[str, str], limit: int) -> str:
    """The tasks of a repository, a batch or a status; `chosen` are the filters in force."""
    return _page("tasks.html", tasks=tasks, totals=totals, chosen=chosen, limit=limit)


def task_story(story: Story) -> str:
    """All about one task."""
    return _page("task.html", story=story, queued=story.queued, task=story.queued.task)


def message(title: str, text: str) -> str:
    """A page with one message."""
    return _page("message.html", title=title, text=text)


# ---------------------------------------------------------------------------------------------------------


def _page(template: str, **values: object) -> str:
    return _pages.get_template(template).render(root=DASHBOARD, at=datetime.now(UTC), **values)


def _finalize(value: object) -> object:
    """Untrusted text without characters that hide or reorder what is read."""
    return harmless(value) if type(value) is str else value


def _moment(at: datetime | None) -> str:
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _span(seconds: float | None) -> str:
    """A duration in the two largest units."""
    if seconds is None:
        return "–"
    left = max(0, round(seconds))
    for size, name, small, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if left >= size:
            return f"{left // size} {name} {left % size // small} {small_name}"
    return f"{left} s"


def _since(at: datetime | None) -> str:
    return "–" if at is None else _span((datetime.now(UTC) - at).total_seconds())


def _short(repo: str) -> str:
    """The name of a repository, without the way to it."""
    return repo.rstrip("/").rpartition("/")[2].removesuffix(".git") or repo


def _figures(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """The columns that have numbers."""
    return {column for row in rows for column, value in row.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


FILTERS: dict[str, Callable[..., Any]] = {
    "figures": _figures, "moment": _moment, "short": _short,
    "shown": lambda value, column: shown(column, value), "since": _since, "span": _span, "usd": usd,
}  # fmt: skip
_pages = Environment(
    loader=PackageLoader("nightcrew.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_finalize,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters |= FILTERS
