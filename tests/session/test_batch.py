"""Many texts in one engine: real workers, real stores, several in work at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.session.world import ONE_WORKER, SIM, text_of
from tests.store.world import chunks_kept
from ttsflow import Drained, Engine, Task, TaskResult, UsageError, WorkerError

# A stand-in that speaks no "part" before the file `go` is in the folder of the plugin.
GATED = """
import time
from pathlib import Path
from ttsflow import hookimpl
from ttsflow_plugins.sim import Sim

class Gated(Sim):
    name = "gated"
    def start(self, job):
        while "part" in job.text and not (Path(__file__).parent / "go").exists():
            time.sleep(0.01)
        super().start(job)

@hookimpl
def ttsflow_backends():
    return [Gated]
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(settings=SIM) as opened:
        yield opened


def gated(folder: Path, **settings: Any) -> dict[str, Any]:
    """Arguments of an engine that waits for the file `plugins/go`."""
    (folder / "plugins").mkdir()
    (folder / "plugins" / "gated.py").write_text(GATED)
    return {
        "settings": ONE_WORKER | {"backend.use": "gated"} | settings,
        "plugins_dirs": [folder / "plugins"],
    }


def tasks(folder: Path, count: int, chunks: int = 2) -> list[Task]:
    return [Task(text_of(chunks, f"text {n} part"), folder / f"{n}.wav") for n in range(count)]


def states(results: list[TaskResult]) -> dict[str, str]:
    return {result.task.path.name: result.state for result in results}


def test_each_text_becomes_a_file_as_if_it_were_alone(engine: Engine, tmp_path: Path) -> None:
    results = list(engine.speak_all(tasks(tmp_path / "made" / "now", 5)))
    assert states(results) == {f"{n}.wav": "spoken" for n in range(5)}
    for n in range(5):
        alone = engine.speak(text_of(2, f"text {n} part"), tmp_path / f"{n}.wav")
        assert (tmp_path / "made" / "now" / f"{n}.wav").read_bytes() == alone.path.read_bytes()
    for result in results:
        assert (result.account.submitted, result.account.delivered) == (2, 2)
        assert result.counts is not None
        assert (result.counts.kept, result.counts.left) == (2, 0)
        samples, rate = soundfile.read(result.task.path)
        assert result.length_s == pytest.approx(len(samples) / rate)


def test_what_is_complete_is_passed_over_and_nothing_is_written(tmp_path: Path, workers: Any) -> None:
    with Engine(settings=SIM) as engine:
        list(engine.speak_all(tasks(tmp_path, 4)))
    (tmp_path / "2.wav").unlink()
    before = {path: path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())}
    ours = workers()
    with Engine(settings=SIM, preload=False) as engine:
        results = list(engine.speak_all(tasks(tmp_path, 4)))
        assert workers() == ours, "what is missing can be built from what is kept"
    assert states(results) == {f"{n}.wav": "spoken" if n == 2 else "complete" for n in range(4)}
    assert [result.length_s for result in results] == [pytest.approx(2 * 0.7)] * 4
    for path, changed in before.items():
        assert path.stat().st_mtime_ns == changed or path.name.startswith("2.wav")


def test_an_edited_text_is_not_complete(engine: Engine, tmp_path: Path) -> None:
    list(engine.speak_all(tasks(tmp_path, 2)))
    edited = [tasks(tmp_path, 2)[0], Task(text_of(3, "text 1 part"), tmp_path / "1.wav")]
    results = {result.task.path.name: result for result in engine.speak_all(edited)}
    assert results["0.wav"].state == "complete"
    assert (results["1.wav"].state, results["1.wav"].account.submitted) == ("spoken", 1)
    [fresh] = engine.speak_all(edited[:1], fresh=True)
    assert (fresh.state, fresh.account.submitted) == ("spoken", 2)
    [other] = engine.speak_all([Task(text_of(2, "text 0 part"), tmp_path / "0.wav", seed=7)])
    assert (other.state, other.account.submitted) == ("spoken", 2)


def open_stores() -> int:
    """The stores that this process has open."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            name = str(descriptor.readlink())
        except OSError:  # it was closed meanwhile
            continue
        if ".ttsflow" in name:
            found.add(name.partition(".ttsflow")[0])
    return len(found)


def test_a_bounded_number_of_texts_is_in_work(engine: Engine, tmp_path: Path) -> None:
    opened, pulled = [], []

    def coming() -> Iterator[Task]:
        for number, task in enumerate(tasks(tmp_path, 30)):
            opened.append(open_stores())
            pulled.append(number)
            yield task

    for ended, _ in enumerate(engine.speak_all(coming(), at_a_time=3)):
        assert len(pulled) <= 30
        assert ended < len(pulled), "a text is pulled before it ends"
    assert pulled == list(range(30))
    assert max(opened) <= 2, "beside the text that begins there are two more"


def test_tasks_are_pulled_when_it_is_their_turn(tmp_path: Path) -> None:
    given = gated(tmp_path)
    pulled = []

    def coming() -> Iterator[Task]:
        for task in tasks(tmp_path, 9):
            pulled.append(task)
            if len(pulled) == 4:  # three are in work, and none can end
                assert len(list(tmp_path.glob("*.ttsflow"))) == 3
            yield task

    with Engine(**given) as engine:
        results = engine.speak_all(coming(), at_a_time=4)
        (tmp_path / "plugins" / "go").touch()
        assert len(list(results)) == len(pulled) == 9


def test_a_weight_is_a_share_of_the_work(tmp_path: Path) -> None:
    given = gated(tmp_path, **{"backend.options.chunk_s": 0.01})

    def both(light: str, heavy: str) -> Iterator[Task]:
        yield Task(text_of(60, f"{light} part"), tmp_path / f"{light}.wav", weight=1.0)
        yield Task(text_of(90, f"{heavy} part"), tmp_path / f"{heavy}.wav", weight=8.0)
        while not (tmp_path / f"{heavy}.wav.ttsflow").exists():
            time.sleep(0.01)
        (tmp_path / "plugins" / "go").touch()  # the heavy one may begin some 48 chunks later

    with Engine(**given) as engine:
        ends = [result.task.path.name for result in engine.speak_all(both("light", "heavy"), at_a_time=3)]
    assert ends == ["heavy.wav", "light.wav"]


def test_one_at_a_time_ends_in_order(engine: Engine, tmp_path: Path) -> None:
    results = engine.speak_all(tasks(tmp_path, 6), at_a_time=1)
    assert [result.task.path.name for result in results] == [f"{n}.wav" for n in range(6)]


def test_a_text_that_cannot_be_read_ends_the_batch_unless_it_keeps_going(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "bad.txt").write_bytes(bytes(range(256)))
    mine = [*tasks(tmp_path, 1), Task(tmp_path / "bad.txt", tmp_path / "bad.wav"), *tasks(tmp_path, 3)[1:]]
    results = list(engine.speak_all(mine, at_a_time=1))
    assert states(results) == {"0.wav": "spoken", "bad.wav": "refused"}
    assert "binary data" in str(results[1].error)
    results = list(engine.speak_all(mine, keep_going=True))
    expected = {"0.wav": "complete", "bad.wav": "refused", "1.wav": "spoken", "2.wav": "spoken"}
    assert states(results) == expected


def test_what_is_in_work_is_carried_through_when_another_text_fails(tmp_path: Path) -> None:
    given = gated(tmp_path)

    def coming() -> Iterator[Task]:
        yield from tasks(tmp_path, 2, chunks=5)
        (tmp_path / "plugins" / "go").touch()
        yield Task("", tmp_path / "empty.wav")
        raise AssertionError("no other is begun")

    with Engine(**given) as engine:
        results = list(engine.speak_all(coming(), at_a_time=3))
    assert states(results) == {"empty.wav": "refused", "0.wav": "spoken", "1.wav": "spoken"}


def test_chunks_that_fail_are_those_of_their_text(tmp_path: Path) -> None:
    faults = [{"text": "text 1 part 0", "kind": "refuse"}, {"text": "text 2", "kind": "refuse"}]
    with Engine(settings=SIM | {"backend.options.faults": faults}) as engine:
        results = {r.task.path.name: r for r in engine.speak_all(tasks(tmp_path, 4), keep_going=True)}
    assert {name: result.state for name, result in results.items()} == {
        "0.wav": "spoken", "1.wav": "failed", "2.wav": "failed", "3.wav": "spoken",
    }  # fmt: skip
    one, two = results["1.wav"], results["2.wav"]
    assert [outcome.job.index for outcome in one.failed] == [0]
    assert (one.account.delivered, one.account.failed) == (1, 1)
    assert one.length_s == pytest.approx(0.1 + 2 * 0.6)
    assert (two.account.failed, two.length_s, (tmp_path / "2.wav").exists()) == (2, None, False)


def test_a_batch_that_is_left_stops_what_is_in_work_and_keeps_what_is_done(tmp_path: Path) -> None:
    with Engine(**gated(tmp_path, **{"limits.timeouts.cancel_s": 0.1})) as engine:
        short = Task("Soon over.", tmp_path / "short.wav")
        long = Task(f"This is kept.\n\n{text_of(20)}", tmp_path / "long.wav")
        results = engine.speak_all([short, long], at_a_time=2)
        assert next(results).task is short
        while not (store := tmp_path / "long.wav.ttsflow").exists() or not chunks_kept(store):
            time.sleep(0.02)
        results.close()  # type: ignore[attr-defined]  # it is a generator
        assert not (tmp_path / "long.wav").exists()
        assert not list(tmp_path.glob(".*")), "nothing of it is locked, and nothing half written"
        assert engine.speak("And after.", tmp_path / "after.wav").account.delivered == 1
    assert chunks_kept(store) == 1


def test_an_engine_that_is_drained_ends_the_batch(tmp_path: Path) -> None:
    with Engine(**gated(tmp_path, **{"limits.timeouts.drain_s": 0.1})) as engine:
        results = engine.speak_all(
            [Task("Soon over.", tmp_path / "short.wav"), Task(text_of(20), tmp_path / "long.wav")],
            keep_going=True,
        )
        assert next(results).state == "spoken"
        engine.drain()
        stopped = next(results)
        assert (stopped.state, type(stopped.error)) == ("stopped", Drained)
        assert stopped.account.settled
        with pytest.raises(Drained):
            next(results)
        with pytest.raises(Drained):
            engine.speak_all([])


def test_an_engine_without_workers_ends_the_batch(tmp_path: Path) -> None:
    settings = ONE_WORKER | {"backend.options.faults": [{"at": "load", "kind": "die"}], "limits.restarts": 0}
    results: list[TaskResult] = []
    with Engine(settings=settings, preload=False) as engine, pytest.raises(WorkerError):
        results.extend(engine.speak_all(tasks(tmp_path, 20), at_a_time=2, keep_going=True))
    assert {result.state for result in results} == {"stopped"}
    assert len(results) < 20


def test_an_error_of_the_tasks_is_raised_after_the_last_result(engine: Engine, tmp_path: Path) -> None:
    def coming() -> Iterator[Task]:
        yield from tasks(tmp_path, 2)
        raise KeyError("the list is gone")

    results: list[TaskResult] = []
    with pytest.raises(KeyError, match="the list is gone"):
        results.extend(engine.speak_all(coming()))
    assert states(results) == {"0.wav": "spoken", "1.wav": "spoken"}


def test_what_a_task_says_is_its_own(engine: Engine, tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    story.write_text("Hello.")
    read: list[str] = []

    def later() -> Path:
        read.append("now")
        return story

    quick = Task(story, tmp_path / "quick.wav", speed=2.0)
    wrong = Task(story, tmp_path / "wrong.wav", voice="nobody")
    results = engine.speak_all([quick, wrong, Task(later, tmp_path / "later.wav")], keep_going=True)
    assert states(list(results)) == {"quick.wav": "spoken", "wrong.wav": "refused", "later.wav": "spoken"}
    assert read == ["now"]


def test_a_store_is_not_kept_where_nobody_wants_it(engine: Engine, tmp_path: Path) -> None:
    list(engine.speak_all(tasks(tmp_path, 2), keep_store=False))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.wav", "1.wav"]


def test_a_file_of_somebody_else_is_not_replaced_unasked(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "0.wav").write_text("mine")
    [refused] = engine.speak_all(tasks(tmp_path, 1))
    assert (refused.state, (tmp_path / "0.wav").read_text()) == ("refused", "mine")
    [spoken] = engine.speak_all(tasks(tmp_path, 1), overwrite=True)
    assert spoken.state == "spoken"


def test_what_cannot_be_asked_is_refused_at_once(engine: Engine) -> None:
    for number in (0, 65):
        with pytest.raises(UsageError, match=f"`at_a_time` must be 1 to 64, not {number}"):
            engine.speak_all([], at_a_time=number)


@pytest.mark.parametrize("name", ["file/out.wav", "a\0b/out.wav"])
def test_an_output_for_which_no_folder_can_be_made_is_refused(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").touch()
    [refused] = engine.speak_all([Task("Hello.", tmp_path / name)])
    assert refused.state == "refused"
    assert "choose another place" in str(refused.error)
