"""`ttsflow run`: speak a document."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from ttsflow.cli.options import (
    PATH,
    OneOf,
    Sources,
    audio_formats,
    cluster_option,
    configured,
    error_modes,
    given,
    input_formats,
    subtitle_formats,
)
from ttsflow.cli.signals import end_on_signals


@click.command()
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option("--text", help="Speak this text instead of a file.")
@click.option(
    "--jobs", metavar="FILE.jsonl", help="Speak a text for each line of this file; - is standard input."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where the audio goes; - is standard output; of several texts, a folder.  [default: STEM.wav]",
)
@click.option("--play", is_flag=True, help="Play the audio as it comes, instead of writing a file.")
@configured
@click.option("--backend", help="TTS engine; `ttsflow backends` lists them.")
@cluster_option
@click.option("--language", help="Language code of the text.  [default: en]")
@click.option("--voice", help="Name of a voice; `ttsflow voices` lists them.")
@click.option(
    "--reference", type=PATH, multiple=True, help="Recording of the voice to speak with; may be repeated."
)
@click.option(
    "--speed", type=float, help="Of speaking: 2 is twice as fast; engines have limits.  [default: 1]"
)
@click.option("--seed", type=int, help="Random seed of the run.  [default: 0]")
@click.option(
    "--format",
    "format_",
    type=OneOf(audio_formats),
    help="Format of the audio.  [default: as the suffix of FILE says, or wav]",
)
@click.option("--bit-rate", type=int, metavar="KBIT", help="kbit/s of compressed audio.  [default: 64]")
@click.option("--sample-rate", type=int, metavar="HZ", help="Of the audio.  [default: the engine's]")
@click.option("--loudness", type=float, metavar="LUFS", help="Of the whole, by EBU R 128, such as -18.")
@click.option("--trim/--no-trim", default=None, help="Shorten silence at the edges of chunks.  [default: no]")
@click.option("--subtitles", type=OneOf(subtitle_formats), help="Beside FILE: each sentence with its times.")
@click.option(
    "--split", type=click.Choice(["chapter", "chunk"]), help="Beside FILE: a folder, a file for each."
)
@click.option(
    "--input-format", type=OneOf(input_formats), help="Format of the text.  [default: as the suffix says]"
)
@click.option("--chapters", metavar="3-5,8", help="Only these chapters; `ttsflow chapters` lists them.")
@click.option(
    "--sample",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="SECONDS",
    help="Only about so much of the beginning.",
)
@click.option("--encoding", help="Encoding of text files.  [default: utf-8]")
@click.option(
    "--encoding-errors",
    type=OneOf(error_modes),
    help="What becomes of bytes that are not valid in it.  [default: strict]",
)
@click.option(
    "--report",
    metavar="FILE",
    help="Write what happened: data (.json, or - for standard output), a page with the timeline (.html), "
    "a trace (.trace.json).",
)
@click.option(
    "--trace-policy",
    type=PATH,
    metavar="FILE",
    help="Write each decision of the policy, a line of JSON each; the timeline of --report shows them.",
)
@click.option(
    "--keep-going", is_flag=True, help="Of several texts, speak the others where one cannot be spoken."
)
@click.option(
    "--at-a-time",
    type=int,
    metavar="N",
    help="Texts in work at a time, of several.  [default: as many as keep all workers busy]",
)
@click.option("--overwrite", is_flag=True, help="Replace an output file whoever made it.")
@click.option("--fresh", is_flag=True, help="Speak everything anew; what was kept of runs before is removed.")
@click.option(
    "--keep-store/--no-keep-store",
    default=True,
    help="Keep the chunks after the end, or not.  [default: keep]",
)
@click.option(
    "--dry-run",
    is_flag=False,
    flag_value="text",
    type=click.Choice(["text", "json"]),
    help="Speak nothing; print the chunks as they would be spoken.",
)
@click.option(
    "--strict", is_flag=True, help="End with exit code 1 where a chunk or the text is in doubt, too."
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Print what is decided and why, and what workers say.")
def run(
    inputs: tuple[str, ...],
    text: str | None,
    jobs: str | None,
    output: str | None,
    play: bool,
    sources: Sources,
    backend: str | None,
    cluster: str | None,
    language: str | None,
    voice: str | None,
    reference: tuple[Path, ...],
    speed: float | None,
    seed: int | None,
    format_: str | None,
    bit_rate: int | None,
    sample_rate: int | None,
    loudness: float | None,
    trim: bool | None,
    subtitles: str | None,
    split: str | None,
    input_format: str | None,
    chapters: str | None,
    sample: float | None,
    encoding: str | None,
    encoding_errors: str | None,
    report: str | None,
    trace_policy: Path | None,
    keep_going: bool,
    at_a_time: int | None,
    overwrite: bool,
    fresh: bool,
    keep_store: bool,
    dry_run: str | None,
    strict: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Speak INPUT: a text or book, or - for standard input.

    Several inputs, folders and patterns become a file each, in the folder that -o names.

    Read are plain text, Markdown, HTML, EPUB, DOCX, PDF, FB2, SRT and WebVTT.

    \b
    Examples:
      ttsflow run book.epub -o book.m4b
      ttsflow run chapter.md --language de --voice de -o - | aplay
      ttsflow run one.txt two.epub chapters/ -o audio --format mp3
      ttsflow run book.txt --policy bounded-parallel --set policy.options.max_concurrent=2

    Finished chunks are kept beside the output, in FILE.ttsflow: the same command goes on where it was
    stopped, and after a change speaks what has changed.

    Exit codes: 0 every chunk was delivered, 1 a chunk failed, 2 usage or configuration, 3 stopped before
    the end (the same command goes on), 130 interrupted (143 by SIGTERM), 141 the reader of standard
    output has left.
    """
    from ttsflow.cli import batch, speech
    from ttsflow.report.file import report_place

    end_on_signals()
    speech.set_up_logging(quiet=quiet, verbose=verbose)
    flags = given(
        backend=("--backend", "backend.use", backend),
        cluster=("--cluster", "cluster.address", cluster),
        language=("--language", "text.language", language),
        voice=("--voice", "text.voice", voice),
        reference=("--reference", "text.reference", list(reference) or None),
        speed=("--speed", "text.speed", speed),
        seed=("--seed", "text.seed", seed),
        format=("--format", "output.format", format_),
        bit_rate=("--bit-rate", "output.bit_rate", bit_rate),
        sample_rate=("--sample-rate", "output.sample_rate", sample_rate),
        loudness=("--loudness", "output.loudness", loudness),
        trim=("--trim", "output.trim", trim),
        subtitles=("--subtitles", "output.subtitles", subtitles),
        split=("--split", "output.split", split),
        input_format=("--input-format", "text.format", input_format),
        encoding=("--encoding", "text.encoding", encoding),
        encoding_errors=("--encoding-errors", "text.encoding_errors", encoding_errors),
    )
    chosen = sources.settings(flags)
    if chosen.defaults is not None and not quiet:
        click.echo(f"ttsflow: with the defaults of {chosen.defaults}", err=True)
    place = None if report is None else report_place(report)
    destination = speech.Destination(
        output, overwrite, place, fresh, keep_store, strict, sample=sample is not None, play=play,
        trace=trace_policy, formats=sources.formats(chosen),
    )  # fmt: skip
    if batch.is_order(inputs, jobs):
        if text is not None:
            raise click.UsageError("give INPUT, --jobs or --text, and not two of them")
        if chapters is not None:
            raise click.UsageError("--chapters is of one book: give that alone")
        reading = sources.reading(chosen)
        order = batch.Order(inputs, jobs, destination, chosen, reading, sample, at_a_time, keep_going)
        if dry_run is not None:
            sys.exit(batch.show_all(order, sources, as_json=dry_run == "json"))
        with redirect_stdout(sys.stderr):  # plugins print
            sys.exit(batch.speak_all(order, sources, quiet=quiet))
    source = inputs[0] if inputs else None
    reading = sources.reading(chosen)
    to_speak = speech.read_input(source, text, reading, listening=destination.listening)
    to_speak, chosen = speech.chosen_parts(to_speak, chosen, chapters, sample)
    if dry_run is not None:
        speech.show(to_speak, chosen, sources, as_json=dry_run == "json")
        return
    with redirect_stdout(sys.stderr):  # it may carry the audio, and plugins print
        code = speech.speak(to_speak, chosen, sources, destination, quiet=quiet)
    if code:
        sys.exit(code)
