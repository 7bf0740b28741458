"""The gate for pull requests: the steps of the action and of GitLab's recipe, as their runners run them."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from nightcrew.cli.verdict_page import MARKER, verdict_page
from nightcrew.task import Task
from nightcrew.validation.verdict import Finding, GateOutcome, GateResult, Verdict, VerdictKind
from tests.cli.commands.changes.test_verify import git
from tests.cli.commands.changes.test_verify import slugs as slugs  # a fixture

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
GITLAB: dict[str, Any] = yaml.safe_load((ROOT / "deployments/gitlab/nightcrew-verify.yml").read_text())
GH = """\
#!/bin/sh
printf "%s\\n" "$@" >> "$GH_LOG"
case "$*" in *--paginate*) printf "%s" "$GH_KNOWN" ;; esac
"""


class Runner:
    """A runner with `nightcrew` installed where the action puts it, and a `gh` that writes down its words."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.temp = folder / "runner"
        (self.temp / "nightcrew" / "bin").mkdir(parents=True)
        (self.temp / "bin").mkdir()
        (self.temp / "nightcrew" / "bin" / "nightcrew").symlink_to(Path(sys.executable).parent / "nightcrew")
        (self.temp / "bin" / "gh").write_text(GH)
        (self.temp / "bin" / "gh").chmod(0o755)
        self.output, self.summary = self.temp / "output", self.temp / "summary.md"
        self.env = {
            "PATH": f"{self.temp / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home),
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GH_LOG": str(self.temp / "gh.log"),
        }

    def step(self, name: str, folder: Path, **env: str) -> int:
        """The exit code of one step of the action, run by the shell and the options that GitHub uses."""
        (step,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
        assert step["shell"] == "bash" and "${{" not in step["run"], "nothing of a pull request becomes code"
        assert step["env"].keys() - {"ACTION"} <= env.keys()
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(words, cwd=folder, env=self.env | env, timeout=300).returncode


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path, tmp_path / "home")


def judged(runner: Runner, folder: Path, head: str, **env: str) -> int:
    known = {"BASE": git(folder, "rev-parse", "main").strip(), "HEAD": git(folder, "rev-parse", head).strip()}
    usual = {"TASK_TYPE": "unit_test", "TARGET_FILE": "slug.py", "THRESHOLD": "0.7", "ACCEPTANCE": ""}
    return runner.step("Judge", folder, **(known | usual | env))


def test_it_is_installed_with_a_python_that_it_supports() -> None:
    steps = {step["name"]: step for step in ACTION["runs"]["steps"]}
    python = steps["Python"]
    supported = SpecifierSet(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    assert python["with"]["python-version"] in supported
    assert python["with"]["update-environment"] is False
    assert steps["Install"]["env"]["PYTHON"] == "${{ steps." + python["id"] + ".outputs.python-path }}"
    assert steps["Install"]["run"].startswith('"$PYTHON" -m venv ')
    assert list(steps).index("Python") < list(steps).index("Install")


def test_a_good_pull_request_passes_and_gets_one_comment(runner: Runner, slugs: Path) -> None:
    assert judged(runner, slugs, "tests") == 0
    assert runner.output.read_text() == "verdict=accepted\n"
    page = runner.summary.read_text()
    assert page.startswith(MARKER) and "| mutation | ✅ |" in page
    about = {"GH_TOKEN": "t", "REPOSITORY": "o/r", "NUMBER": "7"}
    for known, words in (
        ("", ["-X\nPOST", "repos/o/r/issues/7/comments"]),
        ("12", ["-X\nPATCH", "comments/12"]),
    ):
        assert runner.step("Comment", slugs, **about, GH_KNOWN=known) == 0
        asked = (runner.temp / "gh.log").read_text()
        assert all(word in asked for word in words) and f"body=@{runner.temp}/verdict.md" in asked


def test_a_bad_pull_request_shows_why_and_its_check_fails(runner: Runner, slugs: Path) -> None:
    git(slugs, "checkout", "-q", "-b", "bad", "main")
    (slugs / "test_slug.py").write_text("def test_slug():\n    assert True\n")
    git(slugs, "add", "-A")
    git(slugs, "commit", "-qm", "bad")
    git(slugs, "checkout", "-q", "main")
    assert judged(runner, slugs, "bad") == 0
    assert runner.output.read_text() == "verdict=rejected\n"
    assert "**What to do:**" in runner.summary.read_text()
    env = {"PERSON_FAILS": "true"}
    assert runner.step("Decide", slugs, VERDICT="rejected", **env) == 1


@pytest.mark.parametrize(
    ("verdict", "person_fails", "code"),
    [
        ("accepted", "true", 0), ("rejected", "false", 1), ("infrastructure_fault", "false", 1),
        ("", "false", 1),        ("not_measurable", "true", 1), ("not_measurable", "false", 0),
    ],
)  # fmt: skip
def test_the_check_fails_unless_the_change_is_accepted(
    runner: Runner, tmp_path: Path, verdict: str, person_fails: str, code: int
) -> None:
    assert runner.step("Decide", tmp_path, VERDICT=verdict, PERSON_FAILS=person_fails) == code


def test_what_cannot_be_judged_for_wrong_input_fails_at_once(runner: Runner, slugs: Path) -> None:
    assert judged(runner, slugs, "tests", BASE="gone") == 2
    assert not runner.output.exists()


def test_only_the_comment_gets_a_token_and_forks_get_no_comment() -> None:
    steps = {step["name"]: step for step in ACTION["runs"]["steps"]}
    with_token = [name for name, step in steps.items() if "token" in str(step.get("env", {})).lower()]
    assert with_token == ["Comment"]
    assert "head.repo.full_name == github.repository" in steps["Comment"]["if"]


def test_gitlabs_recipe_judges_a_merge_request(slugs: Path, runner: Runner) -> None:
    venv = slugs / ".nightcrew" / "venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "nightcrew").symlink_to(Path(sys.executable).parent / "nightcrew")
    env = {
        "NIGHTCREW_HOME": str(slugs / ".nightcrew"),
        "NIGHTCREW_TASK_TYPE": "unit_test",
        "NIGHTCREW_TARGET_FILE": "slug.py",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(slugs, "rev-parse", "main").strip(),
        "CI_COMMIT_SHA": "no-such-commit",
    }
    script = "\n".join(GITLAB["nightcrew-verify"]["script"])
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=slugs, env=runner.env | env, timeout=300
    )
    assert done.returncode == 2, "there is no such commit, which ends with the exit code of bad input"


def test_nothing_in_a_comment_calls_people_or_becomes_markup() -> None:
    evil = "@everyone <img src=x> | a | [link](http://x) `code` <!-- nightcrew-verify -->\n# head"
    gate = GateResult("lost", GateOutcome.FAIL, evil, evil, findings=(Finding("w", "src/a.py", 3),))
    verdict = Verdict(VerdictKind.REJECTED, 0.1, (gate,), evil, evil, not_reached=("mutation",))
    task = Task.model_validate({"description": "x y z", "repo": "/r", "task_type": "bug_fix"})
    page = verdict_page(verdict, task, "a" * 40)
    assert page.count(MARKER) == 1 and page.startswith(MARKER)
    shown = page.replace("\\<", "").replace("\\]", "")  # escaped, they are text
    assert "@everyone" not in shown and "<img" not in shown and "](" not in shown and "\n# head" not in shown
    row = next(line for line in page.splitlines() if line.startswith("| lost"))
    assert row.replace("\\|", "").count("|") == 4 and "src/a.py:3" in row
