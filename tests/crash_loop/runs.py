"""Runs of the program in processes of their own, watched from outside and killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from tests.cli.program import COMMAND, FAMILY

PLUGINS = Path(__file__).parent / "plugins"
NOTES = "TTSFLOW_NOTES"
LOOK_S = 0.0005  # between two looks at what a run does
STUCK_S = 60.0  # that a run may take until what is waited for has come


class Run:
    """`ttsflow run`, as it goes: the files by which its progress is seen, and its processes."""

    def __init__(
        self,
        folder: Path,
        number: int,
        output: Path,
        args: Iterable[str],
        env: Mapping[str, str],
        whole_bytes: int | None = None,
    ) -> None:
        self.output, self._whole_bytes = output, whole_bytes
        self._placed_before = _changed_ns(self.output)
        self.family = uuid.uuid4().hex
        self.killed_at: float | None = None
        self._frozen: list[psutil.Process] = []
        self._notes = folder / f"notes-{number}"
        self._errors = folder / f"errors-{number}"
        self._part = output.with_name(f".{output.name}.part")
        self._wal = output.with_name(f"{output.name}.ttsflow-wal")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*COMMAND, "run", *args, "-o", str(output), "--plugins-dir", str(PLUGINS)],
                cwd=folder,
                env={**env, FAMILY: self.family, NOTES: str(self._notes)},
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )

    # ------------------------------------------------------------ looking

    def until(self, reached: Callable[[], bool]) -> bool:
        """Wait until it is reached; False where the run has ended first."""
        give_up = time.monotonic() + STUCK_S
        while not reached():
            if self._process.poll() is not None:
                return False
            if time.monotonic() > give_up:
                raise AssertionError(f"nothing happens any more; it said:\n{self.said()}")
            time.sleep(LOOK_S)
        return self._process.poll() is None

    def wait(self, seconds: float) -> bool:
        """Let it go on for a while; False where it has ended."""
        until = time.monotonic() + seconds
        return self.until(lambda: time.monotonic() >= until)

    def speaks(self) -> bool:
        """Whether a worker has begun with a chunk."""
        return self._notes.exists()

    def builds(self) -> bool:
        """Whether audio is being written to the output."""
        return _size(self._part) > 4096  # more than a header

    def written(self) -> bool:
        """Whether all of the output has been written, beside its place."""
        return _size(self._part) == self._whole_bytes

    def built(self) -> bool:
        """Whether an output was put in its place since the run began."""
        return _changed_ns(self.output) not in (0, self._placed_before)

    def commits(self) -> Callable[[], int]:
        """Counts how often the store's log was written since now, as far as the file's times tell."""
        seen = {_changed_ns(self._wal)}

        def count() -> int:
            seen.add(_changed_ns(self._wal))
            return len(seen) - 1

        return count

    def begun(self) -> list[int]:
        """Indexes of the chunks that workers have begun with, again and again if they did."""
        if not self._notes.exists():
            return []
        return [int(line.split()[0]) for line in self._notes.read_text().splitlines()]

    def said(self) -> str:
        """What it has printed."""
        return self._errors.read_text("utf-8", "replace")

    # ------------------------------------------------------------ killing

    def workers(self) -> list[psutil.Process]:
        try:
            children = psutil.Process(self._process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [child for child in children if is_worker(child)]

    def kill_a_worker(self, rng: random.Random) -> bool:
        """SIGKILL to one of its workers; whether there was one."""
        if workers := self.workers():
            os.kill(rng.choice(workers).pid, signal.SIGKILL)
        return bool(workers)

    def freeze_a_worker(self, rng: random.Random) -> bool:
        """SIGSTOP to one of its workers, until the run is killed; whether there was one."""
        if workers := self.workers():
            frozen = rng.choice(workers)
            os.kill(frozen.pid, signal.SIGSTOP)
            self._frozen.append(frozen)
        return bool(workers)

    def kill(self) -> bool:
        """SIGKILL to the main process; False where it had ended by itself. What is frozen goes on."""
        ended = self._process.poll() is not None
        if not ended:
            self._process.kill()
            self.killed_at = time.monotonic()
        while self._frozen:
            with suppress(psutil.NoSuchProcess):  # it knows a process by its time of birth, too
                self._frozen.pop().resume()
        return not ended and self._process.wait() == -signal.SIGKILL

    def end(self) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(STUCK_S)

    def left_over_s(self, patience_s: float) -> float:
        """Seconds from the kill until nothing of the run was left; AssertionError where that takes longer."""
        assert self.killed_at is not None
        while left := [process for process in psutil.process_iter() if self._is_ours(process)]:
            took_s = time.monotonic() - self.killed_at
            if took_s > patience_s:
                raise AssertionError(f"{took_s:.1f} s after the kill there are still: {left}")
            time.sleep(0.005)
        return time.monotonic() - self.killed_at

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            return alive and process.environ().get(FAMILY) == self.family
        except psutil.Error:  # gone meanwhile
            return False

    def forget(self) -> None:
        """Remove its notes and what it said."""
        for file in (self._notes, self._errors):
            file.unlink(missing_ok=True)


def is_worker(process: psutil.Process) -> bool:
    try:
        return "ttsflow.workers.main" in process.cmdline()
    except psutil.Error:
        return False


def _size(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _changed_ns(path: Path) -> int:
    """When a file was changed last; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
