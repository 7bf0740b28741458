"""The demo on the twin of GitHub: from labelled issues to merged pull requests."""

import time
from datetime import datetime

from rich.text import Text

from nightcrew.cli.app import ExitCode
from nightcrew.cli.demo.parts import (
    WORKERS,
    demo_home,
    demo_settings,
    make_repository,
    print_progress,
    serve_twin,
)
from nightcrew.cli.demo.story import CREW, OWNER, REVIEWER, Story
from nightcrew.cli.output import console, duration, mark, print_table
from nightcrew.crew.runs.reconciliation import reconcile
from nightcrew.crew.services import running_crew
from nightcrew.ledger.ledger import open_ledger
from nightcrew.testing.github.twin import GitHubTwin

QUERY = """SELECT task_type, model, pull_requests, merged, rounds, merged_share
FROM merged_changes ORDER BY task_type, model"""
_STYLES = {OWNER: "cyan", REVIEWER: "magenta", CREW: "green"}


def run_github_demo() -> ExitCode:
    """From three labelled issues to three merged pull requests; DONE only if all went as it should."""
    console.print("Nightcrew demo on GitHub. GitHub is a TWIN on this machine, and the models are SCRIPTED:")
    console.print(
        "no outside service is called and no money is spent. Crew, sandbox, gates, git and pull requests are "
        "real.\n"
    )
    with demo_home(keep=False) as home, serve_twin(home, "github") as (twin_url, _):
        settings = demo_settings(home, twin_url)
        code = make_repository(home / "stockroom")
        folder = home / "github"
        folder.mkdir()
        with (
            GitHubTwin(folder) as twin,
            running_crew(settings, workers=WORKERS, detach=False, progress=print_progress),
        ):
            print_progress(
                "The crew looks at the repository each second; at a real one, every two minutes.\n"
            )
            story = Story(settings, twin, code, _tell, lambda: reconcile(settings))
            began = time.monotonic()
            problems = story.run()
            _print_end(story, problems, duration(time.monotonic() - began))
            with open_ledger(settings) as ledger:
                rows = ledger.query(QUERY)
                if rows:
                    console.print("What people made of it, from the ledger, in SQL:")
                    console.print(QUERY, style="dim")
                    print_table("", tuple(rows[0]), [tuple(row.values()) for row in rows])
    return ExitCode.FAILED if problems else ExitCode.DONE


# ---------------------------------------------------------------------------------------------------------


def _tell(who: str, what: str) -> None:
    at = datetime.now().strftime("%H:%M:%S")
    first = what if len(what) <= 300 else f"{what[:299]}…"
    console.print(f"{at} ", Text(f"{who:>4}", style=_STYLES[who]), end=" ")
    console.print(" ".join(first.split()), soft_wrap=True)


def _print_end(story: Story, problems: list[str], took: str) -> None:
    rows = [
        (
            f"#{one.number}",
            one.title,
            f"#{one.closes}",
            one.branch,
            one.commit[:12],
            "merged" if one.merged else "open",
        )
        for one in story.pulls()
    ]
    console.print()
    print_table("", ("pull request", "title", "closes", "branch", "commit", "state"), rows)
    console.print("The branch main on the twin:")
    console.print(story.history(), style="dim", soft_wrap=True)
    for line in (
        "a label started the work, and one comment on each issue says how it went",
        "a review was answered with one more commit, judged like any other",
        "of two accepted changes in conflict, the later one was made again on top of the first",
    ):
        console.print(mark(not problems), line)
    console.print(f"From the first issue to the last merge: {took}.")
    for problem in problems:
        console.print(f"  {problem}", style="red")
    if not problems:
        console.print(
            "On your own repository, with a running crew: nightcrew watch add --repo "
            "https://x-access-token:TOKEN@github.com/you/shop (docs/from-issues.md)\n",
            soft_wrap=True,
        )
