"""The engine of a program with an event loop: what it costs, and how its streams are left."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from itertools import count, repeat
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import soundfile

from tests.session.world import ONE_WORKER, SIM, text_of
from tests.store.world import chunks_kept
from ttsflow import (
    AsyncEngine,
    AudioPiece,
    ChunksFailed,
    Drained,
    Engine,
    Flush,
    InputError,
    Outcome,
    RunError,
    UsageError,
    WorkerError,
)
from ttsflow.session.engine import CUTTERS

T = TypeVar("T")
ONE = "The tea was cold when she came back to the house. "
TWO = "Nobody had touched the bread or the butter on the table. "
STUCK = "This is stuck " + "and goes on " * 18 + "for ever. "
"""one chunk that takes longer than a test may"""

SLOW = ONE_WORKER | {
    "backend.options.audio_s": None,
    "backend.options.rtf": 4.0,
    "backend.options.faults": [{"text": "stuck", "kind": "slow"}],
}
"""one slot, in which "Well." takes a second, and STUCK twenty minutes"""


def run(main: Awaitable[T]) -> T:
    """The result of a coroutine, in a loop that looks for what is forgotten."""

    async def limited() -> T:
        return await main

    return asyncio.run(limited(), debug=True)


def samples(pieces: list[AudioPiece]) -> np.ndarray:
    return np.concatenate([piece.samples for piece in pieces])


async def heard(engine: AsyncEngine, text: Any, **asked: Any) -> np.ndarray:
    return samples([piece async for piece in engine.stream(text, **asked)])


async def collect(stream: AsyncIterator[AudioPiece], pieces: list[AudioPiece]) -> None:
    """Add what is heard to `pieces`, up to an error."""
    async for piece in stream:
        pieces.append(piece)  # what came before an error is to be there


async def come(*pieces: str) -> AsyncIterator[str]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


async def until(holds: Callable[[], object]) -> None:
    """Wait until something is so, for as long as that takes: a test has a time limit of its own."""
    while not holds():
        await asyncio.sleep(0.01)


# ---------------------------------------------------------------- what is heard


def test_a_long_pause_comes_in_pieces_of_a_second() -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SIM) as engine:
            for pieces in (
                list(engine.engine.stream("One.\n\n[[pause: 7.5]]\n\nTwo.")),
                [piece async for piece in engine.stream("One.\n\n[[pause: 7.5]]\n\nTwo.")],
            ):
                pauses_s = [len(each.samples) / each.sample_rate for each in pieces if not each.samples.any()]
                assert 7.5 <= sum(pauses_s) < 9.0
                assert max(pauses_s) == 1.0

    run(main())


def test_a_loop_hears_what_a_thread_hears(tmp_path: Path) -> None:
    text = (ONE + "Yes. " + TWO) * 3 + "\n\n- One.\n- Two, too.\n\n***\n\nThe end."
    (tmp_path / "book.txt").write_text(text)

    async def main() -> None:
        async with AsyncEngine(settings=SIM | {"text.flush_s": 600}) as engine:
            whole = samples(list(engine.engine.stream(text)))
            assert np.array_equal(await heard(engine, text), whole)
            assert np.array_equal(await heard(engine, tmp_path / "book.txt"), whole)
            came = samples(list(engine.engine.stream([text])))
            for size in (1, 7, 100, len(text)):
                tokens = [text[at : at + size] for at in range(0, len(text), size)]
                assert np.array_equal(await heard(engine, come(*tokens)), came)
                assert np.array_equal(await heard(engine, tokens), came)

    run(main())


def test_a_ramp_shortens_a_text_that_comes_as_it_does_a_whole_one() -> None:
    async def main() -> None:
        ramp = {"text.ramp.first_s": 1.0, "text.ramp.growth": 1.3}
        async with AsyncEngine(settings=SIM | ramp) as engine:
            texts = []
            for text in ((ONE + TWO) * 3, come((ONE + TWO) * 3)):
                async with engine.play(await engine.request(text)) as playback:
                    items = [item async for item in everything(playback)]
                texts.append([item.job.text for item in items if isinstance(item, Outcome)])
            assert texts[0] == texts[1]
            assert len(texts[0]) > 6

    run(main())


async def everything(playback: Any) -> AsyncIterator[AudioPiece | Outcome]:
    while (item := await playback.take()) is not None:
        yield item


def test_a_playback_tells_of_each_chunk_when_all_of_it_was_taken() -> None:
    async def main() -> None:
        async with (
            AsyncEngine(settings=SIM | {"backend.options.pieces": 3}) as engine,
            engine.play(await engine.request(ONE + TWO, name="mine", pauses={"sentence_s": 0.5})) as playback,
        ):
            assert (playback.name, playback.position_s, playback.account) == ("mine", 0.0, None)
            kinds, positions, words = "", [], []
            while (item := await playback.take()) is not None:
                kinds += "p" if isinstance(item, AudioPiece) else "O"
                if isinstance(item, Outcome):
                    positions.append(round(playback.position_s, 2))
                    words.append(item.job.text)
            assert kinds == "ppppOppppO", "three pieces and a pause"
            assert positions == [0.6, 1.3]
            assert words == [ONE.strip(), TWO.strip()]
            assert playback.account is not None
            assert playback.account.delivered == 2

    run(main())


# ---------------------------------------------------------------- what it costs


@pytest.mark.usefixtures("quickly")
def test_two_hundred_streams_cost_a_few_threads() -> None:
    pools = CUTTERS + min(32, (os.cpu_count() or 1) + 4)  # the engine's, and that of any loop

    async def main() -> None:
        async with AsyncEngine(settings=SIM) as engine:
            await engine.ready()
            before = threading.active_count()
            streams = [engine.stream(text_of(20, f"part {number} of")) for number in range(100)]
            streams += [engine.stream(come(*repeat(f"This is {number}. ", 20))) for number in range(100)]
            firsts = await asyncio.gather(*(anext(stream) for stream in streams))
            assert threading.active_count() <= before + pools
            heard = [[first] for first in firsts]
            await asyncio.gather(*map(collect, streams, heard))
            assert len({len(samples(pieces)) for pieces in heard}) == 2
            assert len({samples(pieces).tobytes() for pieces in heard}) == 200, "each has its own"

    run(main())


def test_one_who_never_reads_holds_back_himself_alone() -> None:
    pulled = count()

    async def endless() -> AsyncIterator[str]:
        while True:
            next(pulled)
            yield ONE

    async def main() -> None:
        async with AsyncEngine(settings=ONE_WORKER | {"limits.look_ahead": 4}) as engine:
            idle = [engine.stream(text_of(1_000)), engine.stream(endless())]
            for stream in idle:
                await anext(stream)
            for number in range(5):
                assert len(await heard(engine, text_of(30, f"part {number} of"))) > 0
            asked = next(pulled)
            assert len(await heard(engine, text_of(30))) > 0
            assert next(pulled) == asked + 1, "nobody listens, and the source waits"
            for stream in idle:
                await stream.aclose()

    run(main())


def test_two_engines_in_one_loop() -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SIM) as one, AsyncEngine(settings=SIM) as two:
            both = await asyncio.gather(heard(one, ONE + TWO), heard(two, come(ONE, TWO)))
            assert np.array_equal(both[0][:2400], both[1][:2400])

    run(main())


# ---------------------------------------------------------------- how it is left


async def forever() -> AsyncIterator[str]:
    yield "Well. "
    await asyncio.Event().wait()


def blocks() -> Iterator[str]:
    yield "Well. "
    threading.Event().wait()


@pytest.mark.parametrize(
    "text", [lambda: "Well.\n\n" + STUCK, forever, blocks], ids=["whole", "comes", "blocks"]
)
@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_stream_that_is_left_in_its_middle_frees_its_slot_and_its_name(
    text: Callable[[], Any], how: str
) -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SLOW) as engine:
            first = asyncio.Event()

            async def listen() -> None:
                async with aclosing(engine.stream(text(), name="mine")) as pieces:
                    async for _ in pieces:
                        first.set()
                        if how == "close":
                            return

            listening = asyncio.create_task(listen())
            await first.wait()
            if how == "cancel":
                listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            assert listening.cancelled() == (how == "cancel")
            assert len(await heard(engine, "Well.", name="mine")) > 0

    run(main())


@pytest.mark.parametrize("text", [lambda: STUCK, lambda: come(STUCK), lambda: [STUCK]])
def test_a_stream_that_is_left_before_its_first_piece_frees_its_slot(text: Callable[[], Any]) -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SLOW) as engine:
            await engine.ready()
            listening = asyncio.create_task(heard(engine, text(), name="mine"))
            await asyncio.sleep(0.5)  # whatever it has come to
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            assert len(await heard(engine, "Well.", name="mine")) > 0

    run(main())


def test_a_stream_is_left_while_the_workers_load() -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SIM | {"backend.options.load_s": 3600}) as engine:
            listening = asyncio.create_task(heard(engine, ONE, name="mine"))
            with pytest.raises(TimeoutError, match=r"have not loaded within 0\.2 s: worker .* said"):
                await engine.ready(0.2)
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
            await engine.request(ONE, name="mine")
            await engine.close(now=True)

    run(main())


def test_another_task_ends_a_playback_without_an_error() -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SLOW) as engine:
            for _ in range(2):
                first = asyncio.Event()
                async with engine.play(await engine.request("Well.\n\n" + STUCK, name="mine")) as playback:

                    async def listen(playback: Any = playback, first: asyncio.Event = first) -> int:
                        pieces = 0
                        while (item := await playback.take()) is not None:
                            if isinstance(item, Outcome):
                                first.set()
                            pieces += isinstance(item, AudioPiece)
                        return pieces

                    listening = asyncio.create_task(listen())
                    await first.wait()
                    playback.cancel()
                    assert await listening > 0
                assert playback.account is not None
                assert playback.account.submitted == 2
                assert playback.account.not_reached >= 1

    run(main())


def test_a_source_that_is_left_is_closed() -> None:
    closed = []

    async def source() -> AsyncIterator[str]:
        try:
            yield ONE + TWO
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            closed.append("asynchronous")

    def threaded() -> Iterator[str]:
        try:
            while True:
                yield ONE
        finally:
            closed.append("threaded")

    async def main() -> None:
        async with AsyncEngine(settings=SIM) as engine:
            async with aclosing(engine.stream(source())) as pieces:
                await anext(pieces)
            assert closed == ["asynchronous"], "it is closed when the stream is"
            async with aclosing(engine.stream(threaded())) as pieces:
                await anext(pieces)
            await until(lambda: closed == ["asynchronous", "threaded"])

    run(main())


def test_a_setup_that_nobody_waits_for_leaves_no_worker(workers: Callable[[], int]) -> None:
    async def main() -> None:
        async def enter() -> None:
            async with AsyncEngine(settings=SIM):
                raise AssertionError("it was cancelled")

        for delay in (0, 0.01, 0.1):
            entering = asyncio.create_task(enter())
            await asyncio.sleep(delay)
            entering.cancel()
            with suppress(asyncio.CancelledError, AssertionError):
                await entering

    run(main())  # which waits for its threads
    assert workers() == 0


FORGOTTEN = """
import asyncio
from ttsflow import AsyncEngine, Engine

async def forever():
    yield "One. Two. Three. Four."
    await asyncio.Event().wait()

engine = Engine(settings={"backend.use": "sim", "backend.options.audio_s": 0.1})
loops = []
for text in ("One.\\n\\n" * 100, forever()):
    loops.append(asyncio.new_event_loop())
    pieces = AsyncEngine.of(engine).stream(text)
    loops[-1].run_until_complete(anext(pieces))
    loops[-1].close()
assert len(list(engine.stream("An engine that goes on."))) == 2
engine.close()
print("done")
"""


def test_an_engine_outlives_loops_that_are_closed_with_open_streams(tmp_path: Path) -> None:
    """In a program of its own: Python complains of what is forgotten, whenever it finds it."""
    done = subprocess.run(
        [sys.executable, "-c", FORGOTTEN], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr


def test_nothing_is_left_in_a_loop_when_its_streams_were_closed() -> None:
    left = []

    async def listen(engine: AsyncEngine) -> None:
        for text in (ONE + TWO, forever(), [ONE, TWO]):
            async with aclosing(engine.stream(text)) as pieces:
                await anext(pieces)

    with Engine(settings=SIM) as engine:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: left.append(context["message"]))
        loop.run_until_complete(listen(AsyncEngine.of(engine)))
        assert [task.get_name() for task in asyncio.all_tasks(loop)] == []
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        gc.collect()
    assert left == []


# ---------------------------------------------------------------- what goes wrong


def test_what_cannot_be_spoken_is_refused_before_anything_begins(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SIM, preload=False) as engine:
            for text, asked, said in (
                (5, {}, "not int"),
                ("", {}, "nothing to speak"),
                (tmp_path / "none.txt", {}, "does not exist"),
                (ONE, {"speed": 100.0}, "speeds from"),
                (ONE, {"weight": 0.0}, "weight"),
            ):
                with pytest.raises(UsageError, match=said):
                    await engine.request(text, **asked)  # type: ignore[arg-type]
                with pytest.raises(UsageError, match=said):
                    await anext(engine.stream(text, **asked))  # type: ignore[arg-type]
            request = await engine.request(come(ONE))
            async with engine.play(request) as playback:
                assert [piece async for piece in playback]
            with pytest.raises(InputError, match="comes only once"):
                async with engine.play(request):
                    pass
            with pytest.raises(UsageError, match="speak it with an AsyncEngine"):
                engine.engine.stream(come(ONE))  # type: ignore[arg-type]
            with pytest.raises(UsageError, match="can only be streamed"):
                await engine.speak(come(ONE), tmp_path / "out.wav")  # type: ignore[arg-type]

    run(main())
    with pytest.raises(UsageError, match="inside `async with"):
        run(AsyncEngine(settings=SIM).ready())


def test_a_name_that_is_taken_is_refused() -> None:
    async def main() -> None:
        async with AsyncEngine(settings=SIM) as engine:
            second = await engine.request(ONE, name="mine")
            async with engine.play(await engine.request(text_of(500), name="mine")) as playback:
                await anext(playback)
                with pytest.raises(UsageError, match="is being spoken already"):
                    await engine.request(ONE, name="mine")
                with pytest.raises(UsageError, match="is being spoken already"):
                    async with engine.play(second):
                        pass
            async with engine.play(second) as playback:
                assert [piece async for piece in playback]

    run(main())


@pytest.mark.parametrize("error", [LookupError("the model is gone"), asyncio.CancelledError("not by us")])
def test_all_that_came_before_a_failure_is_heard(error: BaseException) -> None:
    async def broken() -> AsyncIterator[str]:
        yield ONE + "Nobody had"
        raise error

    async def main() -> None:
        async with AsyncEngine(settings=SIM) as engine:
            pieces: list[AudioPiece] = []
            with pytest.raises(type(error), match=re.escape(str(error))):
                await collect(engine.stream(broken()), pieces)
            assert np.array_equal(samples(pieces), await heard(engine, [ONE + "Nobody had"]))
            with pytest.raises(InputError, match="is empty: there is nothing to speak"):
                await heard(engine, come("", " "))
            with pytest.raises(InputError, match="gave int where text was to come"):
                await heard(engine, come(ONE, 7))  # type: ignore[arg-type]

    run(main())


def test_a_quiet_source_is_flushed() -> None:
    async def main() -> None:
        over = asyncio.Event()

        async def source() -> AsyncIterator[str]:
            yield "A sentence that nobody ends, and then a"
            while not over.is_set():
                yield ""
                await asyncio.sleep(0.05)

        async with AsyncEngine(settings=SIM | {"text.flush_s": 0.2}) as engine:
            pieces = engine.stream(source())
            assert len((await anext(pieces)).samples) > 0
            over.set()
            assert [piece async for piece in pieces]

    run(main())


def test_what_is_flushed_is_spoken_as_it_is() -> None:
    async def main() -> None:
        heard, words = asyncio.Event(), []

        async def source() -> AsyncIterator[str | Flush]:
            yield "Good mor"
            yield Flush()
            await heard.wait()
            yield "ning to you"
            yield Flush()
            yield Flush()
            yield "all."

        async with (
            AsyncEngine(settings=SIM | {"text.flush_s": 600}) as engine,
            engine.play(await engine.request(source())) as playback,
        ):
            async for item in everything(playback):
                heard.set()
                if isinstance(item, Outcome):
                    words.append(item.job.text)
            assert words == ["Good mor", "ning to you", "all."]
            threaded = engine.engine.stream(iter(["Good mor", Flush(), "ning to you", Flush(), "all."]))
            assert sum(bool(piece.samples.any()) for piece in threaded) == 3

    run(main())


def test_chunks_that_fail_are_told_of_after_the_last_piece() -> None:
    faults = [{"at": 1, "kind": "refuse"}]

    async def main() -> None:
        async with AsyncEngine(settings=SIM | {"backend.options.faults": faults}) as engine:
            pieces: list[AudioPiece] = []
            with pytest.raises(ChunksFailed, match="1 of 3 chunks failed; the first is chunk 1") as caught:
                await collect(engine.stream(text_of(3)), pieces)
            assert caught.value.account.delivered == 2
            assert len(pieces) == 5, "two chunks, and three pauses"

    run(main())


def test_workers_that_cannot_load_end_the_streams() -> None:
    faults = [{"at": "load", "kind": "refuse"}]

    async def main() -> None:
        async with AsyncEngine(settings=SIM | {"backend.options.faults": faults}) as engine:
            with pytest.raises(WorkerError, match="sim does not load"):
                await engine.ready()
            with pytest.raises(WorkerError, match="sim does not load"):
                await heard(engine, ONE)

    run(main())


def test_streams_that_are_open_when_the_engine_ends_hear_why() -> None:
    slow = SIM | {"backend.options.chunk_s": 0.1}

    async def main(end: Callable[[AsyncEngine], Awaitable[None]], error: type[Exception], said: str) -> None:
        async with AsyncEngine(settings=slow) as engine:
            streams = [engine.stream(text_of(1_000)), engine.stream(come(*repeat(ONE, 1_000)))]
            for stream in streams:
                await anext(stream)
            await end(engine)
            for stream in streams:
                with pytest.raises(error, match=said):
                    async for _ in stream:
                        pass
            with pytest.raises(error):
                await heard(engine, ONE)

    run(main(AsyncEngine.close, RunError, "closed"))
    run(main(AsyncEngine.drain, Drained, "drained"))


# ---------------------------------------------------------------- files


def test_a_file_is_spoken_and_one_that_is_stopped_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"

    async def main() -> int:
        async with AsyncEngine(settings=SIM | {"backend.options.chunk_s": 0.2}) as engine:
            speaking = asyncio.create_task(engine.speak(text_of(200), path))
            await until(lambda: chunks_kept(tmp_path / "out.wav.ttsflow"))
            speaking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await speaking
            assert not path.exists()
        kept = chunks_kept(tmp_path / "out.wav.ttsflow")
        assert 0 < kept < 200
        async with AsyncEngine(settings=SIM) as engine:
            speech = await engine.speak(text_of(200), path)
            assert speech.account.delivered == 200 - kept
            return len(await heard(engine, text_of(200)))

    began = time.monotonic()
    length = run(main())
    assert soundfile.info(path).frames == length, f"after {time.monotonic() - began:.1f} s"
