"""One slice: tasks are submitted, faults are made, recoveries are timed, and everything comes to its end."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.faults.strike import CannotBeDone, Kind, NotNow, Strike
from benchmarks.chaos.look import Look, look_at
from benchmarks.chaos.stage import Stage
from benchmarks.chaos.tasks import Wanted, batch_of

LOOK_SECONDS = 1.0
MOST_STUCK_SECONDS = 300.0
MOST_OPEN = 4  # faults whose recovery is still waited for
WAVES = 6  # in which the tasks are submitted
LONGEST_PAUSE = 6.0  # between two faults
OVERLAP = 0.15  # how often a fault of the whole crew does not wait for the last one's recovery
RESTART_SECONDS = 2.0  # what a service manager waits before it starts the engine again


@dataclass
class Made:
    """A fault that was made, and how long it took until all was well again after it had ended."""

    kind: Kind
    strike: Strike
    at: float
    ended_at: float | None = None
    recovery_seconds: float | None = None
    trouble: str = ""  # the last one that was seen meanwhile

    @property
    def is_open(self) -> bool:
        return self.recovery_seconds is None


@dataclass
class Campaign:
    """The course of a slice."""

    stage: Stage
    tasks: Sequence[Wanted]
    kinds: Iterator[Kind]
    faults: int
    made: list[Made] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    submitted: int = 0
    stuck: list[str] = field(default_factory=list)
    _changed_at: float = 0.0
    _moment: tuple[object, ...] = ()
    _next_fault_at: float = 0.0
    _restart_at: float | None = None

    def run(self) -> Look:
        """From the first task to the last one's end; returns the last look."""
        self._changed_at = time.monotonic()
        self._submit()
        while True:
            look = look_at(self.stage)
            self._tend_engine(look)
            self._follow(look)
            if self._is_over(look) or self.stuck:
                return look
            if len(self.made) < self.faults and time.monotonic() >= self._next_fault_at:
                self._strike(look)
            self._submit()
            time.sleep(LOOK_SECONDS)

    # ------------------------------------------------------------------------------------------------------

    def _is_over(self, look: Look) -> bool:
        done = self.submitted == len(self.tasks) and look.tasks is not None and not look.unfinished
        return done and not any(made.is_open for made in self.made)

    def _submit(self) -> None:
        """Submit the next tasks: as many of all as there were faults of all."""
        share = 1.0 if self.faults == len(self.made) else (len(self.made) + 1) / self.faults
        due = min(len(self.tasks), -(-int(share * WAVES + 1) * len(self.tasks) // WAVES))
        if due <= self.submitted:
            return
        file = self.stage.folder / "batch.json"
        try:
            file.write_text(batch_of(self.tasks[:due]))
            done = self.stage.command("submit-batch", str(file))
        except (OSError, subprocess.TimeoutExpired):
            return  # the disk is full, or PostgreSQL hangs: later
        if done.returncode == 0:
            self.submitted = due
        else:
            say(f"submit-batch: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")

    def _strike(self, look: Look) -> None:
        open_faults = [made for made in self.made if made.is_open]
        kind = next(self.kinds)
        busy = any(made.kind.is_heavy for made in open_faults) and self.stage.dice.random() > OVERLAP
        if len(open_faults) >= MOST_OPEN or (kind.is_heavy and busy) or kind.name in self.skipped:
            return
        try:
            strike = kind.cause(self.stage, look)
        except (NotNow, OSError, subprocess.TimeoutExpired):
            return  # nothing to strike, or an earlier fault is in the way, such as a full disk
        except CannotBeDone as error:
            self.skipped[kind.name] = str(error)
            return
        now = time.monotonic()
        self.made.append(Made(kind, strike, now, None if strike.lasts else now))
        self._next_fault_at = now + self.stage.dice.uniform(0.0, LONGEST_PAUSE)
        say(f"fault {len(self.made)}: {kind.name}, {strike.about}, {strike.lasts:.0f} s")

    def _follow(self, look: Look) -> None:
        """Lift what has lasted long enough, and note who has recovered, and whether anything goes on."""
        for made in self.made:
            if made.ended_at is None and look.at - made.at >= made.strike.lasts:
                self._lift(made)
                if made.ended_at is None and look.at - made.at > made.strike.lasts + MOST_STUCK_SECONDS:
                    self.stuck.append(f"{made.kind.name} ({made.strike.about}) cannot be lifted")
            elif made.is_open and made.ended_at is not None and look.at > made.ended_at:
                made.trouble = look.trouble or made.trouble
                if not look.trouble:
                    made.recovery_seconds = round(look.at - made.ended_at, 1)
                elif look.at - made.ended_at > MOST_STUCK_SECONDS:
                    self.stuck.append(f"{made.kind.name} ({made.strike.about}): {look.trouble}")
        if look.moment != self._moment or any(made.ended_at is None for made in self.made):
            self._moment, self._changed_at = look.moment, look.at
        if look.at - self._changed_at > MOST_STUCK_SECONDS and look.unfinished:
            self.stuck += [f"{task.task_id} {task.status}: {task.detail}" for task in look.unfinished]

    def _lift(self, made: Made) -> None:
        try:
            made.strike.lift()
        except (NotNow, OSError):
            return  # Prefect does not answer: a person tries again
        made.ended_at = time.monotonic()

    def _tend_engine(self, look: Look) -> None:
        """Start the engine again when it has ended, as a service manager does; by itself it should not."""
        engine = self.stage.engine
        if engine is None or engine.poll() is None:
            return
        if self._restart_at is None:
            self._restart_at = look.at + RESTART_SECONDS
            if not self.stage.stopped_by_us:
                words = (self.stage.folder / "engine.log").read_text(errors="replace")[-400:]
                self.stage.surprises.append(f"run-engine ended by itself, {engine.returncode}: {words}")
        elif look.at >= self._restart_at:
            self._restart_at = None
            self.stage.start_engine()


def say(text: str) -> None:
    """A line about the course."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
