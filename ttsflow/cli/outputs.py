"""`ttsflow status`, `redo` and `clean`: what is kept beside an output, and what can be done with it."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ttsflow.cli.inventory import as_json_option
from ttsflow.cli.options import PATH, cluster_option, plugins_dir_option
from ttsflow.cli.signals import end_on_signals

if TYPE_CHECKING:
    from ttsflow.store import Audio, Extent, Made

NOT_BUILT = "the file itself is not built from it"
SHOWN_DOUBTS = 20

OUTPUT = click.argument("output", type=PATH, metavar="OUT")


@click.command()
@OUTPUT
def status(output: Path) -> None:
    """Tell what is kept for the output OUT, and what is in doubt.

    \b
    Examples:
      ttsflow status book.wav
    """
    from ttsflow.report.excerpt import excerpt
    from ttsflow.report.units import chunks, duration, size
    from ttsflow.session.recipe import Recipe, kept_beside
    from ttsflow.store import Store

    with Store.open(kept_beside(output), readonly=True) as store:
        counts, extent, recipe = store.counts(), store.extent(), Recipe.read(store)
        now, made = recipe.fingerprint(store), store.built(output)
        built = made is not None and made.fingerprint == now
        if counts.left:
            state = f"{chunks(counts.left)} left, {_part(extent)} of the text kept"
        else:
            state = "complete" if built else f"complete; {NOT_BUILT}: run the same command again"
        click.echo(f"{output}: {state}")
        _row("file", _file(output, made, built, extent.length_s))
        repeats = counts.speakable - counts.distinct
        repeated = f", {repeats:,} repeated" if repeats else ""
        _row("chunks", f"{counts.kept:,} of {counts.distinct:,} kept, {counts.flagged:,} in doubt{repeated}")
        speech = duration(extent.speech_s)
        _row(
            "audio",
            f"{speech} of speech" + ("" if counts.left else f", {duration(extent.length_s)} with pauses"),
        )
        _row("backend", recipe.backend)
        _row("store", f"{store.path} ({size(counts.bytes)})")
        if unused := counts.stored - counts.kept:
            _row("", f"{chunks(unused)} more in it, which the text no longer has")
        if (running := store.running()) is not None and not running.gone:
            _row("in use", f"by process {running.pid} on {running.host}, since {running.started}")
        for index, text, why in store.doubts(SHOWN_DOUBTS):
            _row("in doubt", f'chunk {index} "{excerpt(text)}": {why}')


@click.command()
@OUTPUT
@click.option("--play", is_flag=True, help="Play each chunk after its line.")
@as_json_option
def doubts(output: Path, play: bool, as_json: bool) -> None:
    """List what may be wrong in OUT, or is missing.

    Each chunk is listed with its time.

    \b
    Examples:
      ttsflow doubts book.wav
      ttsflow doubts book.wav --play
      ttsflow redo book.wav --at 1:02:03
    """
    import json
    from dataclasses import asdict

    from ttsflow.session.recipe import kept_beside
    from ttsflow.store import Store

    with Store.open(kept_beside(output), readonly=True) as store:
        found = [passage for passage in store.passages() if passage.status in ("flagged", None)]
        if as_json:
            click.echo(json.dumps([asdict(passage) for passage in found], ensure_ascii=False, indent=2))
            return
        kept = {passage.index for passage in found if play and passage.status is not None}
        keys = {place.job.index: place.key for place in store.places() if place.job.index in kept}
        for passage in found:
            click.echo(f"{passage}: {passage.why or 'has no audio'}")
            if (key := keys.get(passage.index)) is not None and (audio := store.read(key)) is not None:
                _play(audio)
    if not found:
        click.echo(f"nothing in {output} is in doubt")


@click.command()
@OUTPUT
@click.option(
    "--chunk", "chunks", type=click.IntRange(0), multiple=True, metavar="N",
    help="Number of a chunk, as reports and messages have it; may be repeated.",
)  # fmt: skip
@click.option(
    "--at", metavar="TIME", help="The chunk that is heard at this time in OUT, such as 1:23:45 or 83.5 (s)."
)
@click.option("--find", metavar="WORDS", help="The chunk whose text contains these words.")
@click.option("--seed", type=int, help="Random seed to speak with.  [default: the chunk's next take]")
@click.option("--text", "words", help="Speak these words instead; they are kept with OUT.")
@click.option(
    "--takes",
    type=click.IntRange(1, 99),
    metavar="N",
    help="Speak the chunk N times, to choose from; OUT stays as it is.",
)
@click.option("--take", type=click.IntRange(0), metavar="N", help="Put this take into OUT; 0 is the first.")
@cluster_option
@plugins_dir_option
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print what is decided and why, and what workers say.")
def redo(
    output: Path,
    chunks: tuple[int, ...],
    at: str | None,
    find: str | None,
    seed: int | None,
    words: str | None,
    takes: int | None,
    take: int | None,
    cluster: str | None,
    plugins_dirs: tuple[Path, ...],
    quiet: bool,
    verbose: bool,
) -> None:
    """Speak chunks of OUT again, and build OUT anew.

    They are named by number, or found by time or by words. They are spoken as the rest was; the audio
    that is there stays until the new one is whole.

    \b
    Examples:
      ttsflow redo book.wav --chunk 57
      ttsflow redo book.wav --chunk 57 --chunk 58 --seed 7
      ttsflow redo book.wav --at 1:23:45
      ttsflow redo book.wav --find "said the Mock Turtle"
      ttsflow redo book.wav --chunk 57 --text "Doctor Mock Turtle said"
      ttsflow redo book.wav --chunk 57 --takes 3
      ttsflow redo book.wav --chunk 57 --take 2
    """
    from ttsflow.cli import speech
    from ttsflow.session.redo import Choice

    end_on_signals()
    speech.set_up_logging(quiet=quiet, verbose=verbose)
    choice, mending = Choice(chunks, at, find), speech.Mending(seed, words, takes, take)
    with redirect_stdout(sys.stderr):  # plugins print
        sys.exit(speech.mend(output, choice, mending, cluster, plugins_dirs, quiet=quiet))


@click.command()
@OUTPUT
@click.option("--unused", is_flag=True, help="Remove only chunks that the text no longer has.")
def clean(output: Path, unused: bool) -> None:
    """Remove what is kept for the output OUT; OUT itself stays.

    \b
    Examples:
      ttsflow clean book.wav
      ttsflow clean book.wav --unused
    """
    from ttsflow.output import Lease
    from ttsflow.session.recipe import kept_beside

    path = kept_beside(output)
    with Lease(output):  # no run may be writing it
        click.echo(_without_unused(path) if unused else _removed(output, path))


def _play(audio: Audio) -> None:
    from ttsflow.output import PlayerSink

    sink = PlayerSink(sample_rate=audio.sample_rate)
    sink.open()
    try:
        sink.play(audio.samples)
        sink.finish()
    finally:
        sink.abort()


def _removed(output: Path, path: Path) -> str:
    from ttsflow.report.units import chunks, size
    from ttsflow.session.corrections import Corrections
    from ttsflow.session.takes import takes_of
    from ttsflow.store import remove

    mended = len(Corrections.of(output).words)
    words = f", with the other words of {chunks(mended)}" if mended else ""
    said = f"removed {path} ({size(remove(path))}){words}"
    return f"{said}; the files in {takes_of(output)} stay" if takes_of(output).exists() else said


def _without_unused(path: Path) -> str:
    from ttsflow.report.units import chunks, size
    from ttsflow.store import Store, compact

    Store.open(path).close()  # which brings one of an earlier version up to date
    removed, freed = compact(path)
    if not removed:
        return f"nothing to remove: the text has every chunk in {path}"
    return f"removed {chunks(removed)} that the text no longer has from {path} ({size(freed)})"


def _file(output: Path, made: Made | None, built: bool, length_s: float) -> str:
    """The file that is there, and whether it is made from what is kept."""
    from ttsflow.report.units import duration, size

    try:
        large = size(output.stat().st_size)
    except OSError:
        return "none"
    if made is None:
        return f"{large}; not as a run left it"
    if built:
        return f"{duration(length_s)}, {large}"
    long = "" if made.length_s is None else f"{duration(made.length_s)}, "
    return f"{long}{large}; of an earlier state"


def _part(extent: Extent) -> str:
    return f"{extent.kept_chars / max(extent.chars, 1):.0%}"


def _row(label: str, text: str) -> None:
    click.echo(f"{label:<11} {text}")
