"""The story of the demo on the twin of GitHub, with the crew's work done in this process."""

from pathlib import Path

from nightcrew.cli.demo.parts import make_repository
from nightcrew.cli.demo.story import CREW, ISSUES, REVIEWER, Story
from nightcrew.crew.dispatch import open_queue
from nightcrew.settings import load_settings
from nightcrew.task import TaskStatus
from nightcrew.testing.github.twin import GitHubTwin
from nightcrew.testing.scenario import shipped_scenario
from nightcrew.testing.twin import Twin
from nightcrew.work.crew import open_crew
from nightcrew.work.foreground import do_task


def test_three_issues_become_three_merged_pull_requests(tmp_path: Path, database_url: str) -> None:
    heard: list[tuple[str, str]] = []
    (tmp_path / "github").mkdir()
    with Twin(shipped_scenario("github")) as models, GitHubTwin(tmp_path / "github") as github:
        settings = load_settings(
            home=tmp_path / "home", database_url=database_url, base_url=models.base_url, api_key="sk-or-demo"
        )

        def work() -> None:
            with open_queue(settings) as queue:
                pending = list(queue.list(TaskStatus.PENDING))
            for queued in reversed(pending):
                with open_crew(settings) as crew:
                    do_task(crew, queued.task)

        code = make_repository(tmp_path / "stockroom")
        story = Story(settings, github, code, lambda who, what: heard.append((who, what)), work)
        assert story.run() == []
    assert [one.merged for one in story.pulls()] == [True] * len(ISSUES)
    by_crew = [what for who, what in heard if who == CREW]
    assert any("was accepted, and does not fit" in what for what in by_crew), by_crew
    assert any("This is round 1, which answers its reviews." in what for what in by_crew), by_crew
    assert sum("merges" in what for who, what in heard if who == REVIEWER) == len(ISSUES)
