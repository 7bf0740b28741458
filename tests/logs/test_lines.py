"""What a log line holds in both forms, that text in it forges nothing, and that every process writes so."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nightcrew.crew.environment import PREFECT
from nightcrew.logs import context
from nightcrew.logs.context import LogContext, log_for_attempt, log_for_task
from nightcrew.logs.lines import CrewFormatter
from nightcrew.logs.reading import last_entries
from nightcrew.logs.rotation import KEPT, rotate_logs

FORGED = "one\n2026-01-01 00:00:00.000 | INFO    | t-other | x - forged \x1b[2J"


@pytest.fixture(autouse=True)
def at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_current", LogContext())
    log_for_task("t-1", "run-1")
    log_for_attempt("t-1:2", "a/b:free")


def line(monkeypatch: pytest.MonkeyPatch, form: str, text: str, error: BaseException | None = None) -> str:
    monkeypatch.setenv("NIGHTCREW_LOG_FORMAT", form)
    caught = (type(error), error, None) if error else None
    record = logging.LogRecord("nightcrew.x", logging.WARNING, "x.py", 1, "%s", (text,), caught)
    return CrewFormatter().format(record)


def test_a_json_line_is_one_object_with_the_ids_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    written = line(monkeypatch, "json", FORGED, ValueError("v"))
    assert "\n" not in written and "\x1b" not in written
    fields = json.loads(written)
    assert fields["event"] == FORGED and fields["exception"] == "ValueError: v"
    ids = {name: fields[name] for name in ("task", "attempt", "run", "model", "level", "logger")}
    assert ids == {
        "task": "t-1", "attempt": "t-1:2", "run": "run-1", "model": "a/b:free",
        "level": "warning", "logger": "nightcrew.x",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_lines_of_a_task_are_found_and_no_text_passes_for_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    log_for_task("t-2", "run-2")
    other = line(monkeypatch, form, "of another task")
    log_for_task("t-1", "run-1")
    (tmp_path / "worker.log.1").write_text(line(monkeypatch, form, "first") + "\n")
    (tmp_path / "worker.log").write_text(f"{other}\n{line(monkeypatch, form, FORGED)}\nno record\n")
    found = "\n".join(entry.text for entry in last_entries(tmp_path, "t-1", 10))
    assert "first" in found and "forged" in found and "no record" in found and "another" not in found
    assert last_entries(tmp_path, "t-other", 10) == []
    assert len(last_entries(tmp_path, None, 2)) == 2


def test_a_rotated_log_loses_no_line_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(KEPT + 2):
            writer.write(b"%d\n" % number * 10)
            assert rotate_logs(tmp_path, most_bytes=10) == [log]
        writer.write(b"last\n")
        assert rotate_logs(tmp_path, most_bytes=10) == []
    assert log.read_bytes() == b"last\n"
    kept = [(tmp_path / f"worker.log.{number}").read_bytes()[:1] for number in range(1, KEPT + 1)]
    assert kept == [b"5", b"4", b"3", b"2"] and len(list(tmp_path.iterdir())) == KEPT + 1


def test_prefects_processes_log_in_this_form(tmp_path: Path) -> None:
    code = (
        "import logging\nfrom prefect import flow\n"
        "logging.getLogger('prefect.x').info('is :warning: kept')\n"
        "logging.getLogger('uvicorn').error('from the server')"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NIGHTCREW_", "PREFECT_"))}
    env = clean | PREFECT | {"NIGHTCREW_LOG_FORMAT": "json", "PREFECT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    events = [json.loads(written)["event"] for written in done.stderr.splitlines()]
    assert events == ["is :warning: kept", "from the server"]
