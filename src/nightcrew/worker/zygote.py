"""A single-threaded process with all modules loaded, which forks a child for each flow run.

Run as `python -m nightcrew.worker.zygote DESCRIPTOR MODULE...`, where DESCRIPTOR is a connected unix socket.
A request is one line of JSON; it gets two answers: when the child has started, and when it has ended. A child
does the same as `python -m prefect.engine`, without the 1.5 CPU seconds of its imports.
"""

import atexit
import gc
import importlib
import importlib.util
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nightcrew.logs.process import log_what_ends_it
from nightcrew.secrets.logs import keep_secrets_out_of_logs
from nightcrew.work.traces.export import load as load_traces
from nightcrew.worker import run_resources

NUMPY = "numpy.random"


class Zygote:
    """Serves one worker over `channel`, until it closes and the last child has ended."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._received = b""
        self._runs: dict[int, str] = {}  # child -> id of its request

    def serve(self) -> None:
        """Fork on request, report every end."""
        wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker handles a terminal's Ctrl-C
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(wake_reader, selectors.EVENT_READ)
            connected = True
            while connected or self._runs:
                ready = {key.fileobj for key, _ in selector.select()}
                if wake_reader in ready:
                    os.read(wake_reader, 4096)
                    self._reap()
                if self._channel in ready and not self._read():
                    selector.unregister(self._channel)
                    connected = False

    def _read(self) -> bool:
        """Read requests and start their runs; False once the worker has closed the channel."""
        received = self._channel.recv(1 << 20)
        *lines, self._received = (self._received + received).split(b"\n")
        for line in lines:
            self._start(json.loads(line))
        return bool(received)

    def _start(self, request: dict[str, Any]) -> None:
        if (threads := count_threads()) != 1:
            # A lock held by another thread would stay locked in the child forever.
            self._send(
                {"id": request["id"], "refused": f"the zygote has {threads} threads, it must have one"}
            )
            return
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._channel.close()
            run_child(request)
        self._runs[pid] = request["id"]
        self._send({"id": request["id"], "pid": pid})

    def _reap(self) -> None:
        while self._runs:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            if (run := self._runs.pop(pid, None)) is not None:
                ended = {
                    "id": run,
                    "exit_code": os.waitstatus_to_exitcode(status),
                    "cpu_seconds": usage.ru_utime + usage.ru_stime,
                    "max_rss_kib": usage.ru_maxrss,
                }
                self._send(ended)

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return  # the worker has ended; the children still finish


def run_child(request: Mapping[str, Any]) -> None:
    """Become `python -m prefect.engine` in the request's environment and folder; does not return."""
    code = 1
    try:
        _become(request["env"], request["cwd"])
        engine = importlib.util.find_spec("prefect.engine")
        assert engine is not None and engine.origin is not None
        sys.argv = [engine.origin]
        runpy.run_path(engine.origin, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _exit(code)


def count_threads() -> int:
    """The number of threads, including those unknown to Python if the system reports them."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        return len(list(tasks.iterdir()))
    return threading.active_count()


def logging_of(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide how Prefect logs. A child that has others than its parent sets logging up."""
    return {key: value for key, value in env.items() if key.startswith("PREFECT_LOGGING_")}


# ---------------------------------------------------------------------------------------------------------


def _become(env: Mapping[str, str], cwd: str) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging_before = logging_of(os.environ)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    _refresh_prefect(logging_changed=logging_of(env) != logging_before)
    run_resources.remember(os.environ.pop(run_resources.VARIABLE, "[]"))
    if NUMPY in sys.modules:  # or all children would draw the same numbers
        sys.modules[NUMPY].seed()


def _exit(code: int) -> None:
    """End like an interpreter, but without finalising shared memory (like `multiprocessing`)."""
    with suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _refresh_prefect(*, logging_changed: bool) -> None:
    from prefect.context import refresh_global_settings_context
    from prefect.logging.configuration import setup_logging

    refresh_global_settings_context()
    if logging_changed:
        setup_logging(incremental=False)


def main(descriptor: int, modules: list[str]) -> None:
    """Load `modules` and serve."""
    keep_secrets_out_of_logs()
    log_what_ends_it()
    for module in modules:
        importlib.import_module(module)
    load_traces()
    gc.collect()
    gc.freeze()  # keeps these pages shared with children, as the collector leaves them alone
    with socket.socket(fileno=descriptor) as channel:
        Zygote(channel).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
