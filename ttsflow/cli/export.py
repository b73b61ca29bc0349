"""`ttsflow export`: other files from what is kept of an output."""

from __future__ import annotations

from pathlib import Path

import click

from ttsflow.cli.options import PATH, OneOf, audio_formats, plugins_dir_option
from ttsflow.cli.signals import end_on_signals
from ttsflow.cli.stdout import hearing

LOUDNESS = click.FloatRange(-70.0, -5.0)


@click.command()
@click.argument("output", type=PATH, metavar="OUT")
@click.argument("target", type=PATH, metavar="NEW")
@click.option("--split", type=click.Choice(["chapter", "chunk"]), help="NEW is a folder; a file for each.")
@click.option(
    "--format", "format_", type=OneOf(audio_formats), help="Format.  [default: as NEW's suffix says]"
)
@click.option("--bit-rate", type=int, metavar="KBIT", help="kbit/s of compressed audio.  [default: 64]")
@click.option("--sample-rate", type=int, metavar="HZ", help="Of the audio.  [default: the engine's]")
@click.option("--loudness", type=LOUDNESS, metavar="LUFS", help="Of the whole, by EBU R 128, such as -18.")
@click.option("--overwrite", is_flag=True, help="Replace a file whoever made it.")
@plugins_dir_option
def export(
    output: Path,
    target: Path,
    split: str | None,
    format_: str | None,
    bit_rate: int | None,
    sample_rate: int | None,
    loudness: float | None,
    overwrite: bool,
    plugins_dirs: tuple[Path, ...],
) -> None:
    """Make NEW from what is kept of OUT.

    NEW is in another format, or in parts, or subtitles. Nothing is spoken.

    \b
    Examples:
      ttsflow export book.m4b book.mp3 --bit-rate 48
      ttsflow export book.m4b chapters --split chapter --format mp3
      ttsflow export book.m4b book.srt
    """
    from ttsflow.cli.meter import Meter
    from ttsflow.errors import UsageError
    from ttsflow.output import Encoding
    from ttsflow.output.subtitles import SUBTITLES
    from ttsflow.report.units import size
    from ttsflow.session.export import exporting

    end_on_signals()
    if target.exists() and output.exists() and target.samefile(output):
        raise UsageError(f"{target} is the output itself; name another file")
    with exporting(output, click.echo) as kept:
        encoding = Encoding(bit_rate, sample_rate, kept.loudness if loudness is None else loudness)
        if split is None and target.suffix.lower() in SUBTITLES:
            kept.subtitles(target, overwrite=overwrite)
            click.echo(f"written: {target}")
            return
        formats = kept.formats(plugins_dirs, hearing)
        if split is None and format_ is None and formats.with_suffix(target.suffix.lower()) is None:
            known = ", ".join((*formats.suffixes, *SUBTITLES))
            raise UsageError(f"{target} has no suffix that says its format; there are {known}")
        format = formats.of(None if split else target, format_ or (None if not split else "mp3"))
        format.check(encoding)
        if split is None:
            kept.audio(target, format, encoding, overwrite=overwrite, tell=Meter("encoding"))
            click.echo(f"written: {target} ({size(target.stat().st_size)})")
            return
        if target.exists() and not target.is_dir():
            raise UsageError(f"{target} is a file, and the parts need a folder; name another")
        parts = kept.parts(
            target, "chapter" if split == "chapter" else "chunk", format, encoding, overwrite=overwrite
        )
        click.echo(f"written: {len(parts):,} files in {target}")
