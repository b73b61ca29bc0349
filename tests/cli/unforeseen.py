"""`python -m tests.cli.unforeseen`: errors that nobody foresaw, at random times in each thread."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

import click

from tests.cli.program import Ended, Program, paragraphs, sim

INJECTING = Path(__file__).with_name("injecting.py")
UNTRACED = ("env", "-u", "COVERAGE_PROCESS_START", sys.executable, str(INJECTING))
"""coverage has code of its own in each thread, which the error would break"""

Output = Literal["file", "listener"]

ENDING: dict[Output, Sequence[str]] = {
    "file": ("store of", "source of", "ttsflow runner", "MainThread"),
    "listener": ("sink of", "source of", "ttsflow runner", "MainThread"),
}
"""threads without which the run ends"""

OTHERS = ("watchdog", "standard error", "output of", "reader of")
"""threads without which it goes on, or that are begun again"""

T = TypeVar("T")

LONGEST = 300
"""looks at a thread until the error, at most: in a shorter run, none"""

HANGS_S = 120
"""A run of seconds that takes so long hangs."""


def arguments(workers: int) -> list[str]:
    """What both the disturbed and the undisturbed run speak."""
    policy = ["--policy", "bounded-parallel", "--set", f"policy.options.max_concurrent={workers}"]
    return ["--text", paragraphs(24), *policy]


def speak(program: Program) -> bytes:
    """The samples of a file, of which nothing or a part is there, when all of it is."""
    program("run", *arguments(2), *sim(rtf=0))
    return (program.folder / "speech.wav").read_bytes().partition(b"data")[2]


def trial(program: Program, name: str, when: int | str, output: Output, workers: int = 2) -> Ended:
    """Run with an error in a thread, at this time. Raises AssertionError for what must not be."""
    target = ("-o", "-") if output == "listener" else ()
    process = program.start(
        "run", *target, *arguments(workers), *sim(chunk_s=0.2), before=[*UNTRACED, name, str(when)]
    )
    ended = program.finish(process, hangs_s=HANGS_S)
    assert ended.code in (0, 3), ended.err
    if ended.code == 3:
        assert len([line for line in ended.err.splitlines() if line.startswith("ttsflow: error:")]) == 1
    return ended


@click.command()
@click.option("--times", type=click.IntRange(1), default=20, show_default=True, help="Errors in each thread.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the moments.")
@click.option("--at-once", type=click.IntRange(1), default=2, show_default=True, help="Runs at a time.")
def main(times: int, seed: int, at_once: int) -> None:
    """Inject errors into runs to a file and to a listener, with one worker and with three."""
    rng = random.Random(seed)
    outputs: Sequence[Output] = ("file", "listener")
    planned = [
        (name, rng.randrange(LONGEST), output, workers)
        for output in outputs
        for workers in (1, 3)
        for name in (*ENDING[output], *OTHERS)
        for _ in range(times)
    ]
    root = Path(tempfile.mkdtemp(prefix="unforeseen-"))
    undisturbed = in_folder(root / "undisturbed", speak)

    def run(number: int) -> tuple[bool, str | None]:
        name, after, output, workers = planned[number]

        def tried(program: Program) -> bool:
            injected = "INJECTED" in trial(program, name, after, output, workers).err
            program.await_end()
            assert output == "listener" or speak(program) == undisturbed, "the samples differ"
            return injected

        try:
            return in_folder(root / str(number), tried), None
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return False, f"{planned[number]}, in {root / str(number)}: {error}"

    injected: Counter[str] = Counter()
    failures = []
    with ThreadPoolExecutor(at_once) as pool, click.progressbar(length=len(planned)) as bar:
        for (name, *_), (was, failure) in zip(planned, pool.map(run, range(len(planned))), strict=True):
            injected[name] += was
            failures += [failure] if failure else []
            bar.update(1)
    for name, count in injected.items():
        click.echo(f"{name}: {count} of {sum(name == other for other, *_ in planned)} runs had one")
    click.echo("\n".join([f"failures: {len(failures)}", *failures]))
    if failures:
        sys.exit(1)
    shutil.rmtree(root)


def in_folder(folder: Path, do: Callable[[Program], T]) -> T:
    """Do something with the program in a folder that is removed unless it fails."""
    folder.mkdir()
    program = Program(folder, folder)
    try:
        done = do(program)
    finally:
        program.end()
    shutil.rmtree(folder)
    return done


if __name__ == "__main__":
    main()
