"""One host: its own address, name, processes and home. Killed, all of it ends at once, as without power."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.hosts.network import namespace_of
from nightcrew.crew.api_access import password_of

START_SECONDS = 300.0
STOP_SECONDS = 90.0
ASK_SECONDS = 120.0


@dataclass
class Node:
    """A host of the crew, and what it runs: an engine, or only a worker that joins."""

    name: str
    address: str
    home: Path
    shared: Mapping[str, str]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def api_url(self) -> str:
        """The address of its Prefect server, if it runs an engine."""
        return f"http://{self.address}:4257/api"

    @property
    def password(self) -> str:
        """The password of its server."""
        return password_of(self.home) or ""

    def run_engine(self, workers: int) -> None:
        """Start an engine, and wait until it is ready."""
        self._start("run-engine", "--workers", str(workers))

    def join(self, other: "Node", workers: int) -> None:
        """Start a worker for another host's engine, and wait until it is ready."""
        words = ("worker", "--join", other.api_url, "--workers", str(workers))
        self._start(*words, PREFECT_API_AUTH_STRING=other.password)

    def cut_power(self) -> None:
        """End every process of the host, without a moment's notice."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def stop(self) -> None:
        """Stop what it runs, cleanly."""
        for process in self.processes:
            inside = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, check=False)
            for pid in inside.stdout.split():
                os.kill(int(pid), signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self.processes.clear()

    def ask(self, *command: str) -> Any:
        """The answer of a command, as JSON; None if it failed."""
        asked = subprocess.run(
            [*self._prefix(), *command, "--json"],
            env=self._variables(),
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
        return json.loads(asked.stdout) if asked.returncode == 0 else None

    # --- private ------------------------------------------------------------------------------------------

    def _start(self, *command: str, **more: str) -> None:
        self.home.mkdir(mode=0o700, exist_ok=True)
        log = (self.home.parent / f"{self.name}.log").open("a")
        process = subprocess.Popen(
            [*self._prefix(), *command, "--json"],
            env=self._variables() | more,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout is not None
        began = time.monotonic()
        if "{" not in process.stdout.readline():
            sys.exit(f"{self.name} did not start, see {log.name}")
        print(f"{self.name} is ready after {time.monotonic() - began:.0f} s", flush=True)

    def _prefix(self) -> Sequence[str]:
        """Everything of its own but the files; its first process ends with the program that we started."""
        own = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"]
        named = ["/bin/sh", "-c", f'hostname {self.name} && exec "$@"', "sh"]
        return [
            "ip",
            "netns",
            "exec",
            namespace_of(self.name),
            *own,
            *named,
            sys.executable,
            "-m",
            "nightcrew.cli",
        ]

    def _variables(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("NIGHTCREW_", "PREFECT_"))
        }
        own = {"NIGHTCREW_HOME": str(self.home), "NIGHTCREW_SERVER_ADDRESS": self.address}
        return kept | dict(self.shared) | own
