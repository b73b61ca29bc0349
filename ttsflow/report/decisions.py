"""The decisions of a policy, as they are made: what it was shown, and what it chose."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ttsflow.errors import OutputError
from ttsflow.interface.costs import Costs
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import Listener, Policy, Ready, Running, View, WorkerSpec, WorkerView
from ttsflow.interface.profile import Profile
from ttsflow.version import __version__

FIRST = 8
"""ready jobs that a decision lists, of all"""

BEGINNING = b'{"ttsflow": '


@dataclass(frozen=True, slots=True)
class Chosen:
    """A job on a worker; `part` is the number of the part of the chunk, None for the whole."""

    stream: str
    index: int
    part: int | None
    worker: str | None = None

    @classmethod
    def of(cls, job: ChunkJob, worker: str | None = None) -> Chosen:
        return cls(job.stream, job.index, job.part[0] if job.part else None, worker)


@dataclass(frozen=True, slots=True)
class Decision:
    """A call of `place` or `dispatch`.

    `at_s` is the driver's clock; None for `place`, which is told no time. `ready` jobs could start, the
    `first` of them in fair order; `free` are the free slots by worker, `running` what was spoken. Of
    `dispatch`, `chosen` are the jobs that were started, `wake_s` in how many seconds it wished to be asked
    again, and whether it asked for another placement. Of `place`, `workers` are those that it wishes for.
    `note` is what the policy says of it.
    """

    asked: str
    at_s: float | None = None
    ready: int | None = None
    first: tuple[Chosen, ...] = ()
    free: Mapping[str, int] | None = None
    running: tuple[Chosen, ...] = ()
    chosen: tuple[Chosen, ...] = ()
    wake_s: float | None = None
    placed_again: bool = False
    workers: tuple[tuple[str, int], ...] = ()
    note: str | None = None

    def record(self, t0: float) -> dict[str, object]:
        """As JSON has it, times in seconds since `t0`; what is empty is left out."""
        data = _filled(asdict(self))
        for name in ("first", "running", "chosen"):
            if name in data:
                data[name] = [_filled(one) for one in data[name]]
        if self.at_s is not None:
            data["at_s"] = round(self.at_s - t0, 6)
        return data


def _filled(data: Mapping[str, Any]) -> dict[str, Any]:
    """What is not empty; 0 is not."""
    return {
        name: value
        for name, value in data.items()
        if value is not None and value is not False and value != () and value != {}
    }


Tell = Callable[[Decision], object]


class TracedPolicy(Policy):
    """A policy whose decisions are told; it decides as the policy itself does."""

    name = "traced"

    def __init__(self, policy: Policy, tell: Tell) -> None:
        super().__init__(policy.options)
        self._policy, self._tell = policy, tell
        self.name = policy.name  # type: ignore[misc]  # messages name the policy itself

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        specs = self._policy.place(devices, profile)
        return self._wished(specs) if isinstance(specs, Iterable) else specs  # the scheduler says what it is

    def _wished(self, specs: Iterable[WorkerSpec]) -> Iterator[WorkerSpec]:
        """One by one, as the scheduler takes no end of them."""
        wished: list[tuple[str, int]] = []
        for spec in specs:
            yield spec
            if isinstance(spec, WorkerSpec) and isinstance(spec.device, Device):
                wished.append((spec.device.id, spec.slots))
        self._tell(Decision("place", workers=tuple(wished), note=self._take_note()))

    def lane(self, job: ChunkJob) -> Hashable:
        return self._policy.lane(job)

    def dispatch(self, view: View) -> Iterable[tuple[ChunkJob, WorkerView]]:
        watched = _WatchedView(view)
        ready, first = len(view.ready), tuple(Chosen.of(job) for job in islice(view.ready, FIRST))
        free = dict(Counter(worker.id for worker in view.free))
        running = tuple(Chosen.of(each.job, each.worker.id) for each in view.running)
        shown = Decision("dispatch", view.now, ready, first, free, running)
        pairs: Any = None
        try:
            pairs = self._policy.dispatch(watched)
        finally:
            if not isinstance(pairs, Iterable):  # nothing, or what the scheduler complains of
                self._tell_of(shown, watched, ())
        return self._carried_out(pairs, shown, watched) if isinstance(pairs, Iterable) else pairs

    def _carried_out(
        self, pairs: Iterable[tuple[ChunkJob, WorkerView]], shown: Decision, watched: _WatchedView
    ) -> Iterator[tuple[ChunkJob, WorkerView]]:
        chosen: list[Chosen] = []
        try:
            for pair in pairs:
                yield pair
                chosen.append(Chosen.of(pair[0], pair[1].id))  # here, as it was carried out
        finally:
            self._tell_of(shown, watched, chosen)

    def _tell_of(self, shown: Decision, watched: _WatchedView, chosen: Iterable[Chosen]) -> None:
        wake_s = None if watched.wake is None else round(watched.wake - watched.now, 6)
        again, note = watched.placed_again, self._take_note()
        self._tell(replace(shown, chosen=tuple(chosen), wake_s=wake_s, placed_again=again, note=note))

    def _take_note(self) -> str | None:
        note, self._policy.note = self._policy.note, None
        return None if note is None else str(note)


class _WatchedView:
    """A view that remembers what it was asked for."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.wake: float | None = None
        self.placed_again = False

    @property
    def now(self) -> float:
        return self._view.now

    @property
    def ready(self) -> Ready:
        return self._view.ready

    @property
    def free(self) -> Iterable[WorkerView]:
        return self._view.free

    @property
    def workers(self) -> Collection[WorkerView]:
        return self._view.workers

    @property
    def running(self) -> Collection[Running]:
        return self._view.running

    @property
    def streams(self) -> Iterable[str]:
        return self._view.streams

    @property
    def costs(self) -> Costs:
        return self._view.costs

    def listener(self, stream: str) -> Listener | None:
        return self._view.listener(stream)

    def wake_at(self, when: float) -> None:
        self._view.wake_at(when)
        self.wake = when if self.wake is None else min(self.wake, when)

    def place_again(self) -> None:
        self._view.place_again()
        self.placed_again = True


class DecisionFile:
    """Decisions as lines of JSON, behind a line that says whose they are; `t0` is the start of the run.

    What is there from a run before goes with the first decision: where nothing is decided, it stays. Trouble
    in mid-run (a full disk) is kept: `close` returns it in words.
    """

    def __init__(self, path: Path, t0: float) -> None:
        self._path, self._t0 = path, t0
        self._file: IO[str] | None = None
        self._stale = False  # there is something from a run before
        self._trouble: str | None = None

    def open(self, policy: str, options: Mapping[str, object]) -> None:
        """Begin the file. Raises OutputError where it cannot be written, or something else is there."""
        try:
            if self._path.exists() and self._path.stat().st_size:
                with self._path.open("rb") as there:
                    if there.read(len(BEGINNING)) != BEGINNING:
                        raise OutputError(
                            f"{self._path} exists and is no trace of a policy; remove it, or choose another "
                            f"--trace-policy"
                        )
                self._stale = True
            self._file = self._path.open("a", encoding="utf-8")  # closed by `close`
        except OSError as error:
            raise OutputError(
                f"cannot write {self._path}: {error.strerror}; choose another --trace-policy"
            ) from error
        self._head = {"ttsflow": __version__, "policy": policy, "options": dict(options)}
        if not self._stale:
            self._write(self._head)

    def write(self, decision: Decision) -> None:
        """Append a decision."""
        if self._stale and self._file is not None:
            self._stale = False
            try:
                self._file.truncate(0)
            except OSError as error:
                self._trouble = error.strerror
            self._write(self._head)
        self._write(decision.record(self._t0))

    def close(self) -> str | None:
        """Complete the file; what went wrong with it, if anything did."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self._trouble = error.strerror
        if self._trouble is None:
            return None
        return f"the trace {self._path} is not complete: {self._trouble}; the audio is not affected"

    def _write(self, record: Mapping[str, object]) -> None:
        if self._file is None or self._trouble is not None:
            return
        try:
            self._file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
        except OSError as error:
            self._trouble = error.strerror
        except UnicodeError:  # half a character in the name of a stream
            self._file.write(json.dumps(record, default=str) + "\n")
