"""`ttsflow chapters`: what is in a book."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ttsflow.cli.inventory import as_json_option
from ttsflow.cli.options import (
    PATH,
    OneOf,
    Sources,
    config_option,
    given,
    input_formats,
    plugins_dir_option,
    set_option,
)
from ttsflow.cli.tables import print_table

if TYPE_CHECKING:
    from ttsflow.text import ChapterText, Document

COLUMNS = ("chapter", "words", "length", "title")


@click.command()
@click.argument("book", type=PATH, metavar="BOOK")
@click.option(
    "--backend", help="TTS engine by whose speed the length is predicted; it need not be installed."
)
@click.option("--language", help="Language code of the text.  [default: as the book says, or en]")
@click.option("--input-format", type=OneOf(input_formats), help="Format of the text.")
@config_option
@set_option
@plugins_dir_option
@as_json_option
def chapters(
    book: Path,
    backend: str | None,
    language: str | None,
    input_format: str | None,
    config_file: Path | None,
    assignments: tuple[str, ...],
    plugins_dirs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """List the chapters of BOOK, with their lengths.

    The lengths are those of the audio, with pauses, as the engine is expected to speak.

    \b
    Examples:
      ttsflow chapters book.epub
      ttsflow run book.epub --chapters 3-5,8 -o some.m4b
    """
    from ttsflow.config import resolve_text_rules
    from ttsflow.config.model import SpeakerSection
    from ttsflow.report.units import duration
    from ttsflow.session.cast import Cast
    from ttsflow.session.request import chunks_of
    from ttsflow.session.setup import foreseen
    from ttsflow.session.wording import TextRules
    from ttsflow.text import chapters_of, read_file
    from ttsflow.text.directions import speakers_heard

    flags = given(
        backend=("--backend", "backend.use", backend),
        language=("--language", "text.language", language),
        input_format=("--input-format", "text.format", input_format),
    )
    sources = Sources(config_file=config_file, assignments=assignments, plugins_dirs=plugins_dirs)
    settings = sources.settings(flags)
    document = read_file(book, sources.reading(settings))
    settings, registry = settings.in_language_of(document), sources.registry(settings)
    _, profile, asked = foreseen(settings, registry)
    rules = TextRules(resolve_text_rules(settings, registry))
    heard = speakers_heard(document.blocks())
    speakers = dict.fromkeys(heard, SpeakerSection())  # whoever they are, it takes as long
    asked = asked.model_copy(update={"speakers": speakers})
    rate = profile.rate(asked.language)
    found, length_s, number = chapters_of(document), defaultdict[int, float](float), 0
    for chunk in chunks_of(document, Cast(asked, profile, rules=rules)):
        number += chunk.chapter is not None
        length_s[number] += len(chunk.text) / rate / asked.speed + chunk.pause_s
    lengths = [length_s[chapter.number] for chapter in found]
    if as_json:
        click.echo(_json(document, found, lengths))
        return
    details = document.details
    said = ", ".join(filter(None, (details.title, details.author, details.language)))
    click.echo(f"{book}: {said}\n" if said else f"{book}\n")
    rows = [
        (str(chapter.number), f"{chapter.words:,}", duration(length_s), chapter.title)
        for chapter, length_s in zip(found, lengths, strict=True)
    ]
    words = sum(chapter.words for chapter in found)
    print_table([COLUMNS, *rows, ("all", f"{words:,}", duration(sum(lengths)), "")])


def _json(document: Document, found: Sequence[ChapterText], lengths: Sequence[float]) -> str:
    details = document.details
    whole = {
        "title": details.title,
        "author": details.author,
        "language": details.language,
        "chapters": [
            {
                "number": chapter.number,
                "title": chapter.title,
                "words": chapter.words,
                "chars": chapter.chars,
                "audio_s": round(length_s, 1),
            }
            for chapter, length_s in zip(found, lengths, strict=True)
        ],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)
