"""kill -9 and SIGSTOP of each kind of process, the power, and a clean stop."""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import psutil

from benchmarks.chaos.faults.strike import Kind, NotNow, Strike
from benchmarks.chaos.look import Look
from benchmarks.chaos.stage import Stage

MOST_KILLS = 2  # of a task's own process: a third one may fail it
LONGEST_STOP = 20.0
HUNG = 130.0  # so long that the supervisor has to notice

type Finder = Callable[[Stage, Look], tuple[Sequence[psutil.Process], str]]


def engine(stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """`run-engine` itself."""
    return _alive([stage.engine.pid if stage.engine else 0]), ""


def service(name: str, stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """A service of the status file."""
    return _alive([stage.services.alive.get(name, 0)]), ""


def zygote(stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """The process that flow runs are forked from."""
    found = _below(stage.services.alive.get("worker", 0), "nightcrew.worker.zygote")
    return found[:1], ""  # the others are runs, which go on without it


def run(stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """The process of a flow run that works on a task."""
    able = [task for task in look.running if task.pid and stage.killed[task.task_id] < MOST_KILLS]
    if not able:
        return [], ""
    task = stage.dice.choice(able)
    return _alive([task.pid or 0]), task.task_id


def sandbox(stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """What runs in a sandbox for a task."""
    for task in stage.dice.sample(look.running, len(look.running)):
        if found := _below(task.pid or 0, "bwrap"):
            return found[:1], task.task_id
    return [], ""


def postmaster(stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """PostgreSQL's first process."""
    return _alive([_postmaster(stage)]), ""


def backend(stage: Stage, look: Look) -> tuple[Sequence[psutil.Process], str]:
    """A process of PostgreSQL that answers a client; the others are ended with it."""
    found = _below(_postmaster(stage), "idle", "postgres:")
    found = [process for process in found if process.pid != stage.own_backend]
    return ([stage.dice.choice(found)] if found else []), ""


def kill(find: Finder, stage: Stage, look: Look) -> Strike:
    """kill -9."""
    found, task_id = find(stage, look)
    if not found:
        raise NotNow
    if task_id and find is run:
        stage.killed[task_id] += 1
    if find is engine:
        stage.stopped_by_us = True
    _send(found, signal.SIGKILL)
    return Strike(task_id or _name(found))


def halt(find: Finder, stage: Stage, look: Look, *, longest: float = LONGEST_STOP) -> Strike:
    """SIGSTOP, and SIGCONT after a while."""
    found, task_id = find(stage, look)
    if not found:
        raise NotNow
    _send(found, signal.SIGSTOP)
    lasts = stage.dice.uniform(2.0, longest) if longest < HUNG else HUNG
    return Strike(task_id or _name(found), lasts, partial(_send, found, signal.SIGCONT))


def cut_power(stage: Stage, look: Look) -> Strike:
    """Every process ends at the same moment; then `run-engine` is started again."""
    stage.stopped_by_us = True
    return Strike(f"{stage.end_all()} processes")


def stop_cleanly(stage: Stage, look: Look) -> Strike:
    """SIGTERM, as a service manager stops it; then it is started again."""
    stage.stopped_by_us = True
    if stage.engine is None:
        raise NotNow
    stage.engine.terminate()
    return Strike("SIGTERM")


def stop_by_command(stage: Stage, look: Look) -> Strike:
    """`nightcrew stop-engine` from another terminal."""
    stage.stopped_by_us = True
    return Strike(stage.command("stop-engine").stdout.strip())


FINDERS: dict[str, tuple[Finder, bool]] = {  # name: how to find it, whether it touches the whole crew
    "engine": (engine, True),
    "guard": (partial(service, "guard"), False),
    "server": (partial(service, "server"), True),
    "worker": (partial(service, "worker"), True),
    "zygote": (zygote, False),
    "run": (run, False),
    "sandbox": (sandbox, False),
    "postmaster": (postmaster, True),
    "backend": (backend, True),
}
KINDS: tuple[Kind, ...] = (
    *(Kind(f"kill {name}", partial(kill, find), 3, heavy) for name, (find, heavy) in FINDERS.items()),
    *(Kind(f"stop {name}", partial(halt, find), 2, heavy) for name, (find, heavy) in FINDERS.items()),
    Kind("hang server", partial(halt, partial(service, "server"), longest=HUNG), 1, is_heavy=True),
    Kind("power cut", cut_power, 4, is_heavy=True),
    Kind("clean stop", stop_cleanly, 2, is_heavy=True),
    Kind("stop-engine", stop_by_command, 1, is_heavy=True),
)


# ---------------------------------------------------------------------------------------------------------


def _postmaster(stage: Stage) -> int:
    try:
        return int((stage.settings.home / "postgres" / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _alive(pids: Sequence[int]) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in pids if pid and psutil.pid_exists(pid)]


def _below(pid: int, *words: str) -> list[psutil.Process]:
    """The processes below `pid` with all of these words in their command lines, outermost first."""
    found = []
    with suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True) if pid else ():
            with suppress(psutil.Error):
                command = " ".join(process.cmdline())
                if all(word in command for word in words):
                    found.append(process)
    return found


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)


def _name(processes: Sequence[psutil.Process]) -> str:
    return f"process {processes[0].pid}"
