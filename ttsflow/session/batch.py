"""Many texts in one engine: several are in work at a time, each on its way to a file of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, Unpack

from ttsflow.errors import OutputError, RunError, StoreError, TtsflowError, UsageError
from ttsflow.interface.filling import fill
from ttsflow.interface.jobs import Account, Outcome
from ttsflow.output.folder import make_folder
from ttsflow.report.passage import Passage
from ttsflow.runner.waits import INTERRUPTIBLE_S
from ttsflow.session.completeness import complete_store
from ttsflow.session.recording import Recording
from ttsflow.session.request import Request
from ttsflow.session.setup import Setup
from ttsflow.session.streams import Speaking
from ttsflow.store import Counts, Store
from ttsflow.text import Document

if TYPE_CHECKING:
    from ttsflow.session.engine import Asked, Engine

LEAST, MOST = 4, 32
"""texts that are in work at a time where nobody says how many"""

ALLOWED = 64
"""texts at a time: each has some ten files open, and systems allow a process a thousand"""

TEXTS_PER_SLOT = 2
"""one is spoken while another one is read or built"""

PATIENCE_S = 5.0
"""seconds that `close` waits for texts that are being read or built; nothing of them is lost"""

NOTHING = Account()

State = Literal["spoken", "complete", "failed", "refused", "stopped"]


@dataclass(init=False, slots=True)
class Task:
    """A text, and the file that it is spoken to; `asked` is what it says for itself, as a request does.

    The text is a string, a Path to a file, a Document, or a function that gives one of these when it is the
    task's turn. Of tasks that are in work at a time no two may have the same `name` or path.
    """

    text: str | Path | Document | Callable[[], str | Path | Document]
    path: Path
    asked: Asked

    def __init__(
        self,
        text: str | Path | Document | Callable[[], str | Path | Document],
        path: str | Path,
        **asked: Unpack[Asked],
    ) -> None:
        self.text, self.path, self.asked = text, Path(path), asked

    def read(self) -> str | Path | Document:
        """The text, now that it is the task's turn."""
        return self.text() if callable(self.text) else self.text


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of a task.

    `state` is "spoken"; "complete": all was there before; "failed": chunks failed, and the file is there
    without them, unless all did; "refused": the text cannot be read, or the file cannot be written; or
    "stopped": what is finished is kept, and the same task goes on with it. `error` tells why one was refused
    or stopped. `account` is of the chunks that were spoken now, `failed` names those that failed. `counts`
    are of the whole text, and None where it was not cut. `length_s` is that of the file in seconds, None
    where none was written.
    """

    task: Task
    state: State
    error: TtsflowError | None = None
    account: Account = NOTHING
    failed: tuple[Outcome, ...] = ()
    counts: Counts | None = None
    length_s: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the file has all of the text."""
        return self.state in ("spoken", "complete")


Ask = Callable[[Task], Request]
"""Makes the request of a task whose turn it is."""

Passages = Callable[[], Iterable[Passage]]
Watch = Callable[[Request, Passages, Counts], AbstractContextManager[object]]
"""What is entered when a task's store is open, and left before it is closed; it is given what is heard, and
how much is there."""


class Batch:
    """Speaks tasks with one engine, `at_a_time` of them, and iterates their results as they end.

    Tasks are pulled when it is their turn, and begun in their order: the next one when the one before is read
    and cut. When a task does not end well, no other is begun, and those in work are carried through; with
    `keep_going` all others follow. What ends the engine is raised after the last result.

    It works inside its `with` block, and what is in work when that is left is stopped; what became of that
    can be iterated afterwards. Ctrl-C interrupts the wait for a result alone: the iteration may go on.
    `ask` and `watch` are called on threads of the batch.
    """

    def __init__(
        self,
        engine: Engine,
        tasks: Iterable[Task],
        *,
        at_a_time: int | None = None,
        keep_going: bool = False,
        overwrite: bool = False,
        fresh: bool = False,
        keep_store: bool = True,
        ask: Ask | None = None,
        watch: Watch = lambda request, passages, counts: nullcontext(),
    ) -> None:
        if at_a_time is not None and not 1 <= at_a_time <= ALLOWED:
            raise UsageError(f"`at_a_time` must be 1 to {ALLOWED}, not {at_a_time}")
        self._engine = engine
        self._tasks = iter(tasks)
        self._keep_going, self._overwrite, self._fresh = keep_going, overwrite, fresh
        self._keep_store = keep_store
        self._ask = ask or self._usual_request
        self._watch = watch
        self._turn = Lock()  # of the one that begins
        self._lock = Lock()  # of what several threads change
        self._stopped = self._closed = False
        self._error: BaseException | None = None
        self._speaking: set[Speaking] = set()
        self._results: SimpleQueue[TaskResult | None] = SimpleQueue()
        count = usual_at_a_time(engine.setup) if at_a_time is None else at_a_time
        self._threads = [
            Thread(target=self._work, name=f"ttsflow batch {number}", daemon=True) for number in range(count)
        ]
        self._at_work = count

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[TaskResult]:
        return self

    def __next__(self) -> TaskResult:
        while not self._results.empty() or (self._at_work and not self._closed):
            with suppress(Empty):
                result = self._results.get(timeout=INTERRUPTIBLE_S)
                if result is not None:
                    return result
        if self._error is not None and not self._closed:
            raise self._error
        raise StopIteration

    def stop(self) -> None:
        """Begin no other task; those in work are carried through."""
        self._stopped = True

    def close(self) -> None:
        """Stop what is in work; its finished chunks are kept."""
        self.stop()
        with self._lock:
            self._closed = True
            for speaking in self._speaking:
                speaking.cancel()
        until = time.monotonic() + PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    # ------------------------------------------------------------ on the threads of the batch

    def _work(self) -> None:
        try:
            while (result := self._next_result()) is not None:
                self._results.put(result)
        except BaseException as error:  # of the tasks' iterator, or a bug: whoever iterates gets it
            self._give_up(error)
        finally:
            with self._lock:
                self._at_work -= 1
            self._results.put(None)  # so that nobody waits for another one

    def _next_result(self) -> TaskResult | None:
        """Take the next task when it is its turn, and carry it through; None where there is none."""
        with ExitStack() as turn:
            turn.enter_context(self._turn)
            task = None if self._stopped else next(self._tasks, None)
            if task is None:
                return None
            try:
                result = self._carry_through(task, begun=turn.close)
            except TtsflowError as error:
                result = TaskResult(task, _ended_by(error), error)
            except OSError as error:  # of this text alone: a folder that is gone, too many files
                why = OutputError(f"{task.path} cannot be made: {error.strerror or error}; see to it")
                result = TaskResult(task, "refused", why)
            if not (result.is_whole or self._keep_going):
                self.stop()
            if result.error is not None:
                self._check_engine()
        return result

    def _carry_through(self, task: Task, begun: Callable[[], object]) -> TaskResult:
        """Speak a task; `begun` is called when its text is cut, and others may begin."""
        request, path = self._ask(task), task.path
        if not self._fresh:
            with complete_store(request, path) as store:
                if store is not None:
                    begun()
                    with self._watch(request, store.passages, store.counts()):
                        return _counted(TaskResult(task, "complete"), store)
        make_folder(path.parent)
        recorded = self._engine.recording(request, path, overwrite=self._overwrite, fresh=self._fresh)
        with recorded as recording:
            with self._watch(request, recording.passages, recording.counts()):
                result = self._record(task, request, recording, begun)
            if not self._keep_store and result.is_whole:
                recording.discard()
        return result

    def _record(
        self, task: Task, request: Request, recording: Recording, begun: Callable[[], object]
    ) -> TaskResult:
        if not recording.counts().left:  # else it begins when it is spoken; to build it takes a time, too
            begun()
        if recording.is_complete:
            return _counted(TaskResult(task, "complete"), recording.store)
        state: State = "stopped"
        written, error = False, None
        try:
            written = self._engine.complete(recording, request, partial(self._wait, begun))
            state = "failed" if recording.failed else "spoken"
        except TtsflowError as stopped:
            state, error = _ended_by(stopped), stopped
        result = TaskResult(task, state, error, recording.account or NOTHING, tuple(recording.failed))
        with suppress(StoreError):  # why it was stopped is known already
            result = _counted(result, recording.store, written=written)
        return result

    def _wait(self, begun: Callable[[], object], speaking: Speaking) -> None:
        begun()
        with self._lock:
            self._speaking.add(speaking)
            if self._closed:
                speaking.cancel()
        try:
            speaking.wait()
        finally:
            with self._lock:
                self._speaking.discard(speaking)

    def _usual_request(self, task: Task) -> Request:
        return self._engine.request(task.read(), **task.asked)

    def _check_engine(self) -> None:
        """Give up where it was not the task's fault: with this engine no other can be spoken."""
        try:
            self._engine.check_usable()
        except TtsflowError as error:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self.stop()
        with self._lock:
            self._error = self._error or error


def usual_at_a_time(setup: Setup) -> int:
    """How many texts are in work at a time: enough that no worker waits, also where they are short."""
    slots = sum(spec.slots for spec in fill(setup.devices, setup.profile))
    return min(max(LEAST, TEXTS_PER_SLOT * slots), MOST)


def _ended_by(error: TtsflowError) -> State:
    """How a task ended that was ended by an error."""
    return "stopped" if isinstance(error, RunError) else "refused"


def _counted(result: TaskResult, store: Store, *, written: bool = True) -> TaskResult:
    """The result, with what the store tells of the text and of the file. Raises StoreError."""
    length_s = store.extent().length_s if written else None
    return replace(result, counts=store.counts(), length_s=length_s)
