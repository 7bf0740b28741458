"""The pages in headless Chromium: at both widths, light and dark, by keyboard, full and empty."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from nightcrew.crew.api_access import make_password
from nightcrew.crew.processes import free_port
from nightcrew.dashboard.app import dashboard
from nightcrew.queue.state_store import StateStore, create_schema
from nightcrew.queue.task_queue import TaskQueue
from nightcrew.settings import Settings
from nightcrew.task import TaskStatus
from tests.conftest import fresh_database
from tests.dashboard.browser import CHROMIUM, Browser, running_browser
from tests.ledger.story import record_night, task

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

PAGES = ("", "tasks", "tasks?batch=spring", "tasks/t-tests", "tasks/t-none")
SCREENS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
TAB, ENTER = ("Tab", 9), ("Enter", 13)
LEAST_CONTRAST = 4.5  # of WCAG, for text of this size
FAINT = """(() => {
  const part = (value) =>
    value <= 10.02 ? value / 255 / 12.92 : ((value / 255 + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (one) => {
    const found = colour(getComputedStyle(one).backgroundColor);
    return found.length < 4 || found[3] > 0 ? found : behind(one.parentElement);
  };
  const ratio = (one) => {
    const both = [light(colour(getComputedStyle(one).color)), light(behind(one))];
    return (Math.max(...both) + .05) / (Math.min(...both) + .05);
  };
  const hasText = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("main *, header *")]
    .filter((one) => hasText(one) && one.tagName !== "title" && ratio(one) < %s)
    .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 30)} ${ratio(one)}`);
})()
"""
FOCUSED = """(() => {
  const one = document.activeElement, style = getComputedStyle(one);
  const place = [...document.querySelectorAll("*")].indexOf(one);
  return [place, one.tagName, style.outlineStyle !== "none"];
})()"""
REACHABLE = """document.querySelectorAll("a, button, input, select, summary, [tabindex='0']").length"""


@dataclass(frozen=True)
class Crew:
    """A crew whose dashboard is served."""

    settings: Settings
    url: str

    @property
    def queue(self) -> TaskQueue:
        store = StateStore(str(self.settings.database_url))
        return TaskQueue(store, 100, admit=lambda _: "a" * 40)


@contextmanager
def served(postgres_url: str, home: Path) -> Iterator[Crew]:
    with fresh_database(postgres_url) as database:
        settings = Settings(home=home, database_url=database)
        with StateStore(database) as store:
            create_schema(store)
        port = free_port(0)
        config = uvicorn.Config(dashboard(settings), host="127.0.0.1", port=port, log_level="warning")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        make_password(home)
        thread.start()
        try:
            yield Crew(settings, f"http://127.0.0.1:{port}/nightcrew/")
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def full(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """A crew with the ledger of a night, a running task, one for a person and a batch that waits."""
    with served(postgres_url, tmp_path_factory.mktemp("full")) as crew:
        record_night(crew.settings.ledger_dir)
        queue = crew.queue
        for name in ("t-tests", "t-docs", "t-waits"):
            batch = "spring" if name == "t-waits" else None
            words = f"{name} with <b>text</b> that is quite long, " + "word " * 30
            queue.submit(task(name).model_copy(update={"batch": batch, "description": words}))
        for name in ("t-tests", "t-docs"):
            queue.update(name, status=TaskStatus.RUNNING)
        queue.update("t-docs", status=TaskStatus.NEEDS_REVIEW, detail="Is it wanted?")
        yield crew


@pytest.fixture(scope="module")
def empty(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    with served(postgres_url, tmp_path_factory.mktemp("empty")) as crew:
        yield crew


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


def opened(browser: Browser, crew: Crew, page: str) -> None:
    """The page with the ledger's figures, as somebody sees it who has logged in."""
    browser.login(make_password(crew.settings.home))
    browser.open(crew.url + page)
    deadline = time.monotonic() + 60
    while browser.evaluate("document.querySelector('[data-soon]') !== null"):
        assert time.monotonic() < deadline
        time.sleep(0.3)  # the page brings itself up to date
    browser.errors[:] = [one for one in browser.errors if "404" not in one]  # of the task that is missing


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("crew", ["full", "empty"])
def test_a_page_fits_and_can_be_read(
    browser: Browser, request: pytest.FixtureRequest, crew: str, page: str, width: int, scheme: str
) -> None:
    browser.show(width, scheme)
    opened(browser, request.getfixturevalue(crew), page)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(FAINT % LEAST_CONTRAST) == []
    assert browser.evaluate(FAINT % 21.1), "no text has more than black on white: the check finds texts"
    is_dark = browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 28)"
    assert is_dark == (scheme == "dark")
    assert browser.errors == []


@pytest.mark.parametrize("page", ["", "tasks", "tasks/t-tests"])
def test_everything_is_reached_by_keyboard_and_shows_the_focus(
    browser: Browser, full: Crew, page: str
) -> None:
    browser.show(1280, "light")
    opened(browser, full, page)
    places = {}
    for _ in range(browser.evaluate(REACHABLE)):
        browser.press(*TAB)
        place, tag, is_shown = browser.evaluate(FOCUSED)
        assert is_shown or tag == "BODY", (place, tag)
        places[place] = tag
    assert len(places) == browser.evaluate(REACHABLE)


def test_a_task_is_opened_by_keyboard(browser: Browser, full: Crew) -> None:
    browser.show(1280, "light")
    opened(browser, full, "tasks")
    for _ in range(40):
        browser.press(*TAB)
        if browser.evaluate("document.activeElement.textContent") == "t-docs":
            break
    browser.press(*ENTER)
    deadline = time.monotonic() + 20
    while browser.evaluate("location.pathname") != "/nightcrew/tasks/t-docs":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_overview_brings_itself_up_to_date_but_not_under_a_reader(browser: Browser, full: Crew) -> None:
    browser.show(1280, "light")
    opened(browser, full, "")
    full.queue.submit(task("t-late").model_copy(update={"description": "come later"}))
    shown = "document.body.textContent.includes('t-late')"
    browser.evaluate("document.querySelector('#main a').focus()")
    browser.evaluate("update()")
    assert not browser.evaluate(shown), "somebody is at a link of the page"
    browser.evaluate("document.activeElement.blur()")
    browser.evaluate("update()")
    assert browser.evaluate(shown)
