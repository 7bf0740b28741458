"""Whatever a process of the crew writes is a log line: what is printed in it, warnings, and what ends it."""

import json
import os
import subprocess
import sys

CODE = """
import logging, sys, warnings
from nightcrew.logs.process import Printed, log_as_the_crew
log_as_the_crew(logging.INFO)
sys.stdout = Printed("printed")
print("one\\ntwo", end="")
print(" and more\\n\\n")
warnings.warn("old")
class Shut(logging.Handler):
    def emit(self, record):
        try:
            raise RuntimeError("it is too late")
        except RuntimeError:
            self.handleError(record)
logging.getLogger("late").addHandler(Shut())
logging.getLogger("late").warning("for the server")
raise KeyError("nobody catches it")
"""


def test_what_a_process_writes_is_one_object_a_line() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTCREW_")}
    env = clean | {"NIGHTCREW_LOG_FORMAT": "json"}
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(one["logger"], one["level"]) for one in lines] == [
        ("printed", "info"),
        ("printed", "info"),
        ("py.warnings", "warning"),
        ("nightcrew.logs.process", "warning"),
        ("late", "warning"),
        ("nightcrew.logs.process", "critical"),
    ]
    assert [one["event"] for one in lines[:2]] == ["one", "two and more"]
    assert "old" in lines[2]["event"]
    assert lines[3]["event"] == "a line of late is not passed on: it is too late"
    assert lines[5]["exception"].endswith("KeyError: 'nobody catches it'")
