"""Worker processes: what they answer, how they die, and that nothing of them is left."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
import psutil
import pytest

from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob, Doubt
from ttsflow.interface.policy import WorkerSpec
from ttsflow.report import WorkerInfo
from ttsflow.scheduler.messages import (
    Alive,
    Cancelled,
    Died,
    Failed,
    Finished,
    LoadFailed,
    Piece,
    TooLong,
    WorkerLoading,
)
from ttsflow.workers.process import WorkerProcess

HERE = Path(__file__).parent
CPU = Device("cpu", "cpu", binding=(("CUDA_VISIBLE_DEVICES", ""),))

SILENT = Doubt("silent", "silent throughout (below -60 dBFS)")


class Talk:
    """One worker process, and its events as they come."""

    def __init__(self, recipe: Any, device: Device = CPU, slots: int = 1) -> None:
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.signs: SimpleQueue[Any] = SimpleQueue()
        self.process = WorkerProcess("w0", 1, WorkerSpec(device, slots), recipe, self.post)
        self.jobs = 0
        self.memory_bytes = 0
        """that the last Finished has told"""

    def post(self, event: Any) -> None:
        (self.signs if isinstance(event, Alive) else self.inbox).put(event)

    def next(self) -> Any:
        """The next event; what a Finished tells of memory is different each time, and put aside."""
        event = self.inbox.get(timeout=60)
        if isinstance(event, Finished):
            self.memory_bytes = event.memory_bytes
            return replace(event, memory_bytes=0)
        return event

    def ready(self) -> Talk:
        info = self.next()
        assert isinstance(info, WorkerInfo)
        assert (info.worker, info.generation) == ("w0", 1)
        assert info is self.process.info
        return self

    def start(self, text: str) -> int:
        token = 100 + self.jobs
        self.process.start_job(token, ChunkJob("s", self.jobs, text))
        self.jobs += 1
        return token

    def until_end(self) -> list[Any]:
        """Events up to one that ends a job or the worker."""
        events = [self.next()]
        while isinstance(events[-1], Piece):
            events.append(self.next())
        return events

    def end_of(self, text: str) -> Any:
        self.start(text)
        return self.until_end()[-1]


@pytest.fixture
def speakers(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HERE))
    import speakers

    return speakers


@pytest.fixture
def talk(speakers: Any) -> Iterator[Callable[..., Talk]]:
    """Starts workers; afterwards no process, thread or open pipe of theirs is left."""
    threads = set(threading.enumerate())
    talks: list[Talk] = []

    def begin(*args: Any, chorus: bool = False, slots: int = 1, device: Device = CPU, **options: Any) -> Talk:
        recipe = args[0] if args else speakers.SpeakerRecipe(tuple(options.items()), chorus)
        talks.append(Talk(recipe, device, slots))
        return talks[-1]

    yield begin
    for each in talks:
        each.process.kill()
        assert each.process.join(60)
        if each.process.info:
            assert not alive(each.process.info.pid)
    assert set(threading.enumerate()) <= threads
    gc.collect()  # a pipe left open would warn


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def gone(pid: int) -> bool:
    """Whether a process ends, long before it would by itself."""
    return comes(lambda: not alive(pid))


def comes(holds: Callable[[], bool], within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()


def test_a_job_gives_its_pieces_unchanged_then_its_end(talk: Any, speakers: Any) -> None:
    worker = talk(size=250_000).ready()
    for index in range(3):
        token = worker.start("hello")
        *pieces, end = worker.until_end()
        assert end == Finished(token)
        assert [piece.token for piece in pieces] == [token, token]
        assert [piece.number for piece in pieces] == [0, 1]
        assert [piece.audio_s for piece in pieces] == [250_000 / speakers.RATE] * 2
        got = np.concatenate([piece.payload.samples for piece in pieces])
        assert got.dtype == np.float32
        assert got.tobytes() == speakers.sound(index, size=250_000).tobytes()
        assert {piece.payload.sample_rate for piece in pieces} == {speakers.RATE}
        assert [piece.checksum for piece in pieces] == [zlib.crc32(piece.payload.samples) for piece in pieces]


def test_the_same_samples_have_the_same_checksum_and_others_another(talk: Any) -> None:
    worker = talk().ready()
    sums = []
    for text in ("constant 0.1 0.2", "constant 0.1 0.3"):
        worker.start(text)
        *pieces, _ = worker.until_end()
        sums.append([piece.checksum for piece in pieces])
    (one, two), (again, other) = sums
    assert one == again != two
    assert other not in (one, two)


def test_a_worker_tells_how_much_memory_it_takes(talk: Any) -> None:
    known = Path("/proc/self/statm").exists()
    worker = talk().ready()
    assert worker.end_of("hello") == Finished(100)
    before = worker.memory_bytes
    seen = psutil.Process(worker.process.info.pid).memory_info().rss if known else 0
    assert before == pytest.approx(seen, rel=0.1)
    assert worker.end_of(f"grow {100 * 2**20}") == Finished(101)
    assert worker.memory_bytes - before == pytest.approx(100 * 2**20 if known else 0, rel=0.1)


def test_a_worker_sees_its_device_and_tells(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    gpu = Device("cuda:1", "cuda", binding=(("CUDA_VISIBLE_DEVICES", "GPU-1234"),))
    for device, seen in ((gpu, "GPU-1234"), (CPU, "")):
        began = time.monotonic()
        info = talk(device=device).ready().process.info
        assert info.cuda_visible_devices == seen
        assert (info.worker, info.generation, info.device, info.slots) == ("w0", 1, device.id, 1)
        assert info.pid != os.getpid()
        assert 0 <= info.load_s < time.monotonic() - began


FAILURES = [
    ("raise", "ValueError: no such thing (speakers.py:", "error"),
    ("refuse", "this cannot be spoken", "refused"),
    ("shape", "float32 samples of shape (2, 5)", "bad audio"),
    ("dtype", "float64 samples of shape (5,)", "bad audio"),
    ("list", "list as samples", "bad audio"),
    ("rate", "8001 Hz, and its profile says 8000 Hz", "bad audio"),
    ("nan", "not finite", "bad audio"),
    ("nothing", "the backend made no audio", "bad audio"),
    ("ask", "EOFError", "error"),
    ("error CUDA out of memory", "RuntimeError: CUDA out of memory (speakers.py:", "out of memory"),
    ("wrapped CUDA error: device-side assert triggered", "ValueError: the library", "broken worker"),
    ("error GPU is lost", "RuntimeError: GPU is lost (speakers.py:", "device lost"),
]


def test_a_failed_job_says_why_and_its_worker_lives_on(talk: Any, tmp_path: Path) -> None:
    worker = talk(relieved=str(tmp_path / "relieved")).ready()
    for text, why, kind in FAILURES:
        failed = worker.end_of(text)
        assert isinstance(failed, Failed), text
        assert why in failed.why
        assert "\n" not in failed.why
        assert failed.kind == kind
        assert isinstance(worker.end_of("hello"), Finished)


def test_audio_that_is_doubtful_is_flagged(talk: Any) -> None:
    worker = talk().ready()
    assert worker.end_of("constant 0 0.0001") == Finished(100, (SILENT,))
    assert worker.end_of("constant 1 -1 0.5") == Finished(
        101, (Doubt("clipped", "clipped throughout (67% of it at full scale)"),)
    )
    assert worker.end_of("constant 0 0.3") == Finished(102), "each chunk is judged by itself"
    several = talk(chorus=True, slots=2).ready()
    assert several.end_of("silent doubt") == Finished(100, (Doubt("engine", "a doubt"), SILENT))
    assert several.end_of("silent") == Finished(101, (SILENT,))


def test_a_backend_gives_memory_back_before_the_next_job(talk: Any, tmp_path: Path) -> None:
    relieved = tmp_path / "relieved"
    worker = talk(relieved=str(relieved)).ready()
    assert worker.end_of("raise").kind == "error"
    assert worker.end_of("hello") == Finished(101)
    assert not relieved.exists(), "it was not for want of memory"
    assert worker.end_of("memory").kind == "out of memory"
    assert worker.end_of("hello") == Finished(103)
    assert relieved.read_text().split() == ["free"], "nothing holds on to what the job that failed had made"


def test_jobs_that_share_a_worker_give_memory_back_once(talk: Any, tmp_path: Path) -> None:
    relieved = tmp_path / "relieved"
    worker = talk(chorus=True, slots=3, relieved=str(relieved)).ready()
    long = worker.start("long")
    tokens = {long, worker.start("collapse CUDA out of memory")}
    failed = [event for event in worker.until_end() + worker.until_end() if isinstance(event, Failed)]
    assert {event.token for event in failed} == tokens
    assert {event.kind for event in failed} == {"out of memory"}
    assert worker.end_of("memory at once").kind == "out of memory"
    assert worker.end_of("hello") == Finished(103)
    assert len(relieved.read_text().split()) == 2


def test_a_backend_that_cannot_give_memory_back_lives_on(talk: Any, tmp_path: Path) -> None:
    worker = talk(load="cannot relieve", relieved=str(tmp_path / "relieved")).ready()
    assert worker.end_of("memory").kind == "out of memory"
    assert worker.end_of("hello") == Finished(101)
    assert (tmp_path / "relieved").exists()


def test_a_text_that_is_too_long_is_answered_with_its_parts(talk: Any) -> None:
    worker = talk().ready()
    assert worker.end_of("parts one two three") == TooLong(100, ["one", "two", "three"])
    assert isinstance(worker.end_of("hello"), Finished)
    several = talk(chorus=True, slots=2).ready()
    long = several.start("long")
    assert several.start("long at once") == 101
    assert several.start("parts") == 102
    assert several.until_end()[-1] == TooLong(101, ["long", "at once"])
    assert several.until_end()[-1] == TooLong(102, ["one", "two"])
    several.process.cancel_job(long)
    assert several.until_end()[-1] == Cancelled(long)


SPLITS = [
    ("parts none", "gave no text for its parts; two are the least"),
    ("parts single", "gave 1 text for its parts; two are the least"),
    ("parts text", "gave 1 text for its parts; two are the least"),
    ("parts blank", "gave an empty text for a part of it"),
    ("parts numbers", "gave int for a part of it, not a text"),
    ("late", "found the text too long after it had made audio of it"),
]


def test_a_split_that_makes_no_sense_fails_the_job_for_good(talk: Any) -> None:
    worker = talk().ready()
    for text, why in SPLITS:
        failed = worker.end_of(text)
        assert isinstance(failed, Failed), text
        assert why in failed.why
        assert failed.kind == "refused"
        assert isinstance(worker.end_of("hello"), Finished)
    several = talk(chorus=True, slots=2).ready()
    assert several.end_of("parts as text") == Failed(
        100, "the backend found the text too long and gave str for its parts, not a tuple of texts", "refused"
    )
    assert several.end_of("parts with audio") == Failed(
        101, "the backend found the text too long after it had made audio of it", "refused"
    )


def test_what_a_backend_prints_disturbs_nothing(talk: Any) -> None:
    worker = talk().ready()
    assert worker.end_of("print") == Finished(100)
    assert worker.end_of("empty") == Finished(101)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kill", "killed by signal 9 (SIGKILL)"),
        ("segfault", "killed by signal 11 (SIGSEGV)"),
        ("exit", "exit code 3: the last words"),
    ],
)
def test_a_death_is_told_after_what_came_before_it(talk: Any, tmp_path: Path, text: str, why: str) -> None:
    worker = talk().ready()
    worker.start(f"{text} {tmp_path / 'flag'}")
    piece, died = worker.until_end()
    assert isinstance(piece, Piece)
    assert died == Died("w0", 1, why)
    assert worker.process.join(60)
    worker.process.start_job(7, ChunkJob("s", 1, "hello"))  # to the dead, without harm
    worker.process.cancel_job(7)
    worker.process.close()
    worker.process.kill()


def test_a_death_is_noticed_without_a_question(talk: Any) -> None:
    worker = talk().ready()
    os.kill(worker.process.info.pid, signal.SIGKILL)
    assert isinstance(worker.next(), Died)


def test_a_forked_child_neither_hides_the_death_nor_outlives_it(talk: Any) -> None:
    worker = talk().ready()
    group = worker.process.info.pid
    assert isinstance(worker.end_of("child"), Died)
    assert worker.process.join(60)
    assert comes(lambda: not group_exists(group))


@pytest.mark.parametrize("ending", ["close", "exit", "kill"])
def test_a_helper_that_a_backend_started_ends_with_its_worker(talk: Any, tmp_path: Path, ending: str) -> None:
    worker = talk().ready()
    assert isinstance(worker.end_of(f"helper {tmp_path / 'helper'}"), Finished)
    helper = int((tmp_path / "helper").read_text())
    assert alive(helper)
    if ending == "close":
        worker.process.close()
    else:
        worker.start(f"{ending} {tmp_path / 'flag'}")
    assert isinstance(worker.until_end()[-1], Died)
    assert gone(helper)


def group_exists(group: int) -> bool:
    return any(alive(pid) and group_of(pid) == group for pid in psutil.pids())


def group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


@pytest.mark.parametrize(
    ("load", "why", "permanent"),
    [
        ("refuse", "the weights are not there; run `fetch weights`", True),
        ("import", "ModuleNotFoundError: No module named 'a_module_that_does_not_exist'", True),
        ("raise", "RuntimeError: CUDA is busy (speakers.py:", False),
        ("memory", "no model can be made", False),
        ("broken", "no model can be made", False),
    ],
)
def test_a_backend_that_cannot_be_loaded(talk: Any, load: str, why: str, permanent: bool) -> None:
    worker = talk(load=load)
    failed = worker.next()
    assert isinstance(failed, LoadFailed)
    assert why in failed.why
    assert failed.permanent is permanent
    assert worker.process.join(60)
    assert worker.inbox.empty()


def test_a_backend_tells_what_it_loads(talk: Any) -> None:
    worker = talk(load="tell")
    assert worker.next() == WorkerLoading("w0", 1, "reading the weights")
    assert worker.next() == WorkerLoading("w0", 1, "x" * 200)
    worker.ready()
    assert worker.end_of("hello") == Finished(100)
    worker = talk(load="tell and raise")
    assert worker.next() == WorkerLoading("w0", 1, "looking for the weights")
    assert isinstance(worker.next(), LoadFailed)


def test_what_is_told_too_late_disturbs_nothing(talk: Any, speakers: Any) -> None:
    worker = talk(load="chatter", size=1000)
    told = [worker.next()]
    while told[-1] == WorkerLoading("w0", 1, "still loading"):
        told.append(worker.next())
    assert len(told) > 1
    assert told[-1] is worker.process.info
    for index in range(20):
        token = worker.start("hello")
        *pieces, end = worker.until_end()
        assert end == Finished(token)
        audio = np.concatenate([piece.payload.samples for piece in pieces])
        assert np.array_equal(audio, speakers.sound(index, size=1000))


def test_a_recipe_that_cannot_be_built(talk: Any, speakers: Any) -> None:
    failed = talk(speakers.BrokenRecipe()).next()
    assert isinstance(failed, LoadFailed)
    assert failed.permanent
    assert "ValidationError" in failed.why


def test_a_worker_that_exits_while_it_loads(talk: Any) -> None:
    assert talk(load="exit").next() == Died("w0", 1, "exit code 7: cannot go on")


def test_an_interpreter_that_cannot_even_start(talk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    died = talk().next()
    assert isinstance(died, Died)
    assert "exit code 1: " in died.why
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(FileNotFoundError):
        talk()


def test_several_slots_cancel_and_flag(talk: Any) -> None:
    worker = talk(chorus=True, slots=3).ready()
    long, doubt = worker.start("long"), worker.start("doubt")
    seen = []
    while not (seen and isinstance(seen[-1], Finished)):
        seen.append(worker.next())
    assert seen[-1] == Finished(doubt, (Doubt("engine", "a doubt"),))
    assert {event.token for event in seen} == {long, doubt}
    for token in (long, doubt):
        numbers = [event.number for event in seen if isinstance(event, Piece) and event.token == token]
        assert numbers == list(range(len(numbers)))
    worker.process.cancel_job(long)
    assert worker.until_end()[-1] == Cancelled(long)
    worker.process.cancel_job(long)  # no second answer
    assert worker.end_of("hello") == Finished(102)


@pytest.mark.parametrize(
    ("text", "why"),
    [("collapse", "the model collapsed"), ("mistake", "not given"), ("too long", "TextTooLong: the text is")],
)
def test_a_step_that_raises_fails_every_job_of_the_worker(talk: Any, text: str, why: str) -> None:
    worker = talk(chorus=True, slots=2).ready()
    tokens = {worker.start("long"), worker.start(text)}
    failed = [event for event in worker.until_end() + worker.until_end() if isinstance(event, Failed)]
    assert {event.token for event in failed} == tokens
    assert all(why in event.why for event in failed)


def test_a_polite_close_lets_the_step_at_hand_end(talk: Any) -> None:
    worker = talk().ready()
    worker.start("sleep 0.3")
    assert isinstance(worker.next(), Piece)
    worker.process.close()
    assert worker.until_end()[-1] == Died("w0", 1, "exit code 0")
    assert worker.process.join(60)


def test_what_a_library_does_at_the_end_of_its_process_is_done(talk: Any, tmp_path: Path) -> None:
    worker = talk(load="leave", started=str(tmp_path / "notes")).ready()
    worker.process.close()
    assert worker.until_end() == [Died("w0", 1, "exit code 0")]
    _pid, *notes = (tmp_path / "notes").read_text().splitlines()
    assert notes == ["thread", "at exit"]


def test_a_worker_that_still_loads_is_closed_by_force(talk: Any) -> None:
    worker = talk(load="hang")
    worker.process.close()
    assert worker.next() == Died("w0", 1, "killed by signal 9 (SIGKILL)")


def test_a_stopped_worker_does_not_block_its_owner(talk: Any) -> None:
    worker = talk().ready()
    os.kill(worker.process.info.pid, signal.SIGSTOP)
    for token in range(20):
        worker.process.start_job(token, ChunkJob("s", token, "x" * 1000))
        worker.process.cancel_job(token)
    worker.process.kill()  # it has come this far: nothing waited for an answer
    assert isinstance(worker.next(), Died)


def test_ctrl_c_at_the_terminal_does_not_reach_a_worker(talk: Any) -> None:
    worker = talk().ready()
    pid = worker.process.info.pid
    assert os.getpgid(pid) == pid != os.getpgid(0)
    os.kill(pid, signal.SIGINT)
    assert worker.end_of("hello") == Finished(100)


PARENT = """
import os, signal, sys, time
from queue import SimpleQueue
sys.path.insert(0, sys.argv[1])
from speakers import SpeakerRecipe
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.policy import WorkerSpec
from ttsflow.workers.process import WorkerProcess

inbox = SimpleQueue()
spec = WorkerSpec(Device("cpu", "cpu"))
workers = [WorkerProcess(f"w{n}", 1, spec, SpeakerRecipe(), inbox.put) for n in range(2)]
for _ in workers:
    inbox.get()
workers[0].start_job(1, ChunkJob("s", 0, "sleep 600"))
inbox.get()
print(*[worker.info.pid for worker in workers], flush=True)
time.sleep(600)
"""


def test_workers_busy_or_idle_end_with_a_coordinator_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), str(HERE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        parent.kill()
    assert all(gone(pid) for pid in pids)


def test_a_worker_watches_for_its_coordinators_end_before_it_imports_anything_large() -> None:
    """On a busy machine the imports take seconds, and all that time it would be an orphan."""
    assert imported_with("ttsflow.workers.main") & {"numpy", "pydantic", "ttsflow.interface"} == set()


def test_a_worker_imports_what_it_needs_and_starts_soon() -> None:
    names = imported_with("ttsflow.workers.service, ttsflow.registry")  # the second with what it is sent
    others = ("scheduler", "text", "runner", "config", "session", "report")
    assert {name for name in names if name.startswith(tuple(f"ttsflow.{room}." for room in others))} == {
        "ttsflow.scheduler.messages"
    }


def imported_with(module: str) -> set[str]:
    """The names of all modules that a Python has after importing this one."""
    command = [sys.executable, "-P", "-c", f"import sys, {module}; print(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


class TestSignsOfLife:
    def test_a_ready_worker_tells_that_it_lives_whatever_its_engine_does(self, talk: Any) -> None:
        it = talk().ready()
        for _ in range(2):
            assert it.signs.get(timeout=60) == Alive("w0", 1)

    def test_a_stopped_one_tells_nothing_until_it_goes_on(self, talk: Any) -> None:
        it = talk().ready()
        it.signs.get(timeout=60)
        pid = it.process.info.pid
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
        while not it.signs.empty():
            it.signs.get()
        with pytest.raises(Empty):
            it.signs.get(timeout=3.0)
        os.kill(pid, signal.SIGCONT)
        assert it.signs.get(timeout=60) == Alive("w0", 1)
