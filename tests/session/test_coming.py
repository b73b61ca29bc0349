"""Text that still comes: spoken while it comes, in an iterator or an event loop, and left at any time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier, Event

import numpy as np
import pytest

from tests.conftest import patience
from tests.session.world import SIM
from ttsflow import AudioPiece, Engine, InputError, UsageError
from ttsflow.text import Coming

ONE = "The tea was cold when she came back to the house. "
TWO = "Nobody had touched the bread or the butter on the table. "


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(settings=SIM | {"text.flush_s": 600}) as opened:
        opened.ready()
        yield opened


def samples(pieces: list[AudioPiece]) -> int:
    return sum(len(piece.samples) for piece in pieces)


def test_a_sentence_is_heard_before_the_next_one_has_come(engine: Engine) -> None:
    heard = Event()

    def source() -> Iterator[str]:
        yield ONE
        yield "Nobody "
        assert heard.wait(patience(60)), "the first sentence was not spoken while the second had not come"
        yield TWO.removeprefix("Nobody ")

    pieces = engine.stream(source())
    first = next(pieces)
    heard.set()
    rest = list(pieces)
    assert samples([first, *rest]) == samples(list(engine.stream(ONE + TWO)))


def test_the_same_audio_in_whatever_pieces_the_text_comes(engine: Engine) -> None:
    text = (ONE + "Yes. " + TWO) * 3 + "\n\n- One.\n- Two, too.\n"
    whole = np.concatenate([piece.samples for piece in engine.stream([text])])
    for size in (1, 7, 100):
        tokens = (text[at : at + size] for at in range(0, len(text), size))
        assert np.array_equal(np.concatenate([piece.samples for piece in engine.stream(tokens)]), whole)


def test_a_quiet_source_is_flushed() -> None:
    over = Event()

    def source() -> Iterator[str]:
        yield "A sentence that nobody ends, and then a"
        over.wait(patience(60))

    with Engine(settings=SIM | {"text.flush_s": 0.2}) as engine:
        pieces = engine.stream(source())
        assert len(next(pieces).samples) > 0
        over.set()
        assert len(list(pieces)) > 0


def test_a_sentence_that_never_ends_is_heard_while_it_comes(engine: Engine) -> None:
    heard = Event()

    def source() -> Iterator[str]:
        for _ in range(200):
            yield "word "
        assert heard.wait(patience(60)), "1,000 characters have come, and nothing was spoken"
        for _ in range(2_000):
            yield "word "

    pieces = engine.stream(source())
    first = next(pieces)
    heard.set()
    assert samples([first, *pieces]) == samples(list(engine.stream(["word " * 2_200])))


@pytest.mark.parametrize(
    "text",
    [ONE * 100_000, "a\n" * 100_000],
    ids=["a line of 5 MB", "100,000 lines of one character"],
)
def test_a_long_text_of_a_strange_shape_is_heard_from_its_beginning_on(text: str, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text(text)
    with Engine(settings=SIM) as engine:  # of its own: it learns that a character takes as long as a sentence
        for source in (path, text, [text], iter(text)):
            pieces = engine.stream(source)
            assert len(next(pieces).samples) > 0
            pieces.close()


def test_a_source_that_blocks_for_ever_can_be_left(engine: Engine) -> None:
    def source() -> Iterator[str]:
        yield ONE + TWO
        Event().wait()

    pieces = engine.stream(source(), name="blocks")
    next(pieces)
    pieces.close()
    assert samples(list(engine.stream("Well.", name="blocks"))) > 0, "its name is free again"


def test_two_that_come_at_once(engine: Engine) -> None:
    both = Barrier(2)

    def source() -> Iterator[str]:
        for _ in range(3):
            yield ONE
            both.wait(patience(60))

    with ThreadPoolExecutor(2) as threads:
        heard = [threads.submit(lambda: samples(list(engine.stream(source())))) for _ in range(2)]
        assert {future.result() for future in heard} == {samples(list(engine.stream(iter([ONE] * 3))))}


def test_a_source_is_asked_for_little_more_than_is_spoken(engine: Engine) -> None:
    pulled = count()

    def source() -> Iterator[str]:
        while True:
            next(pulled)
            yield ONE

    pieces = engine.stream(source())
    next(pieces)
    time.sleep(0.5)
    asked = next(pulled)
    time.sleep(0.5)
    assert next(pulled) == asked + 1, "nobody listens, and the source waits"
    pieces.close()


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (lambda: iter([ONE, None]), InputError, "gave NoneType where text was to come"),
        (lambda: iter([ONE, b"bytes"]), InputError, "gave bytes where text was to come"),
        (lambda: iter(["so \ud83d"]), InputError, "half of a character"),
        (lambda: iter([ONE, "\0"]), InputError, "NUL"),
        (lambda: iter([]), InputError, "is empty: there is nothing to speak"),
        (lambda: iter([" ", "\n"]), InputError, "is empty: there is nothing to speak"),
        (lambda: (1 / 0 for _ in "a"), ZeroDivisionError, "division by zero"),
    ],
)
def test_what_is_wrong_with_the_text_is_raised_by_the_iterator(engine, given, error, said) -> None:
    async def later() -> AsyncIterator[str]:
        for piece in given():
            yield piece

    async def listen() -> None:
        async for _ in engine.astream(later()):
            pass

    pieces = engine.stream(given())
    with pytest.raises(error, match=said):
        list(pieces)
    with pytest.raises(error, match=said):
        asyncio.run(asyncio.wait_for(listen(), patience(60)))
    assert samples(list(engine.stream("All is well."))) > 0


def test_pieces_without_text_are_no_sign_of_text_that_comes() -> None:
    over = Event()

    def source() -> Iterator[str]:
        yield "A sentence that nobody ends, and then a"
        while not over.wait(0.05):
            yield ""

    with Engine(settings=SIM | {"text.flush_s": 0.2}) as engine:
        pieces = engine.stream(source())
        assert len(next(pieces).samples) > 0
        over.set()
        pieces.close()


def test_a_second_use_is_refused_and_leaves_the_first_alone(engine: Engine) -> None:
    text = Coming(iter([ONE, TWO]))
    pieces = engine.stream(text)
    first = next(pieces)
    with pytest.raises(InputError, match="comes only once"):
        list(engine.stream(text))
    assert samples([first, *pieces]) == samples(list(engine.stream([ONE, TWO])))


def test_a_generator_that_is_left_is_closed(engine: Engine) -> None:
    closed, closed_later = Event(), Event()

    def source() -> Iterator[str]:
        try:
            while True:
                yield ONE
        finally:
            closed.set()

    async def later() -> AsyncIterator[str]:
        try:
            while True:
                yield ONE
                await asyncio.sleep(0)
        finally:
            closed_later.set()

    async def listen() -> None:
        pieces = engine.astream(later())
        await anext(pieces)
        await pieces.aclose()
        while not closed_later.is_set():
            await asyncio.sleep(0.01)

    pieces = engine.stream(source())
    next(pieces)
    pieces.close()
    assert closed.wait(patience(60))
    asyncio.run(asyncio.wait_for(listen(), patience(60)))


def heard_until(error: type[Exception], pieces: Iterator[AudioPiece]) -> int:
    """Samples that are heard before the error."""
    heard: list[AudioPiece] = []
    with pytest.raises(error):
        heard.extend(pieces)
    return samples(heard)


@pytest.mark.parametrize(
    ("bad", "before"),
    [
        (None, ""),
        (b"bytes", ""),
        ("\0", ""),
        (". It is late. He\0 so.", ". It is late. He"),
        ("!\ud83d so.", "!"),
    ],
)
def test_all_that_came_before_bad_text_is_heard(engine: Engine, bad: object, before: str) -> None:
    came = [ONE + "Yes. ", TWO + "Nobody had"]
    whole = samples(list(engine.stream([*came, before])))
    assert heard_until(InputError, engine.stream([*came, bad, "And more. "])) == whole  # type: ignore[list-item]


def test_the_place_of_a_fault_counts_all_that_came(engine: Engine) -> None:
    with pytest.raises(InputError, match=f"NUL at character {len(ONE) + 4}\\."):
        list(engine.stream([ONE, "so \0"]))


def test_a_failure_waits_until_the_listener_has_heard_what_came(engine: Engine) -> None:
    failed = Event()

    def source() -> Iterator[str]:
        yield (ONE + TWO) * 3
        failed.set()
        raise LookupError("the model is gone")

    pieces = engine.stream(source())
    first = next(pieces)
    assert failed.wait(patience(60))
    rest = heard_until(LookupError, pieces)
    assert len(first.samples) + rest == samples(list(engine.stream([(ONE + TWO) * 3])))


def test_what_cannot_come_is_refused_at_once(engine: Engine, tmp_path: Path) -> None:
    for wrong in (7, {"a": 1}):
        with pytest.raises(UsageError, match="a text must be a string, a Path, a Document or an iterable"):
            engine.stream(wrong)
    with pytest.raises(UsageError, match="still comes, and can only be streamed"):
        engine.speak(iter([ONE]), tmp_path / "out.wav")  # type: ignore[arg-type]


# ---------------------------------------------------------------- in an event loop


async def come(*pieces: str) -> AsyncIterator[str]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


def test_an_event_loop_hears_what_a_thread_hears(engine: Engine) -> None:
    async def listen() -> list[AudioPiece]:
        return [piece async for piece in engine.astream(come(ONE, "Yes", ". ", TWO))]

    assert samples(asyncio.run(listen())) == samples(list(engine.stream(iter([ONE, "Yes. ", TWO]))))


def test_a_loop_is_never_blocked_and_breaks_off_at_once(engine: Engine) -> None:
    cancelled = []

    async def source() -> AsyncIterator[str]:
        try:
            yield ONE + TWO
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def listen() -> None:
        heard = asyncio.Event()

        async def speak() -> None:
            async for _ in engine.astream(source(), name="cut short"):
                heard.set()

        speaking = asyncio.create_task(speak())
        await asyncio.wait_for(heard.wait(), patience(60))
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking
        while not cancelled:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(listen(), patience(60)))
    assert cancelled


def test_errors_and_whole_texts_in_an_event_loop(engine: Engine) -> None:
    async def listen(text: object) -> int:
        return samples([piece async for piece in engine.astream(text)])  # type: ignore[arg-type]

    assert asyncio.run(listen(ONE)) == samples(list(engine.stream(ONE)))
    with pytest.raises(UsageError, match="not int"):
        asyncio.run(listen(5))


@pytest.mark.parametrize("error", [LookupError("the model is gone"), asyncio.CancelledError("not by us")])
def test_an_event_loop_hears_all_that_came_before_a_failure(engine: Engine, error: BaseException) -> None:
    heard: list[AudioPiece] = []

    async def broken() -> AsyncIterator[str]:
        yield ONE + "Nobody had"
        raise error

    async def listen() -> None:
        async for piece in engine.astream(broken()):
            heard.append(piece)

    with pytest.raises(type(error)):
        asyncio.run(listen())
    assert samples(heard) == samples(list(engine.stream([ONE + "Nobody had"])))
