"""Other files from what is kept of an output: another format, a file to a chapter or chunk, subtitles."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Literal

from ttsflow.errors import OutputError, StoreDamaged, StoreError
from ttsflow.output import About, Encoding, FileSink, Lease, format_named, read_tag
from ttsflow.output.partfile import PartFile
from ttsflow.output.pcm import SAMPLE_BYTES
from ttsflow.output.series import Part, file_name, playlist
from ttsflow.output.subtitles import SUBTITLES, Cue
from ttsflow.report.units import chunks
from ttsflow.session.book import Book
from ttsflow.session.recipe import Recipe, kept_beside
from ttsflow.store import Audio, Place, Store, add, build, heard
from ttsflow.text import Details

By = Literal["chapter", "chunk"]


class Export:
    """What is kept of an output, whole, to make other files of. Reads it, and changes nothing in it.

    Made by `exporting`. Every method raises OutputError where a file cannot be put at its place, SinkError
    where it cannot be written, and StoreDamaged.
    """

    def __init__(self, output: Path, store: Store, recipe: Recipe) -> None:
        self._output = output
        self._store = store
        self._recipe = recipe
        self._book = Book.read(store)

    def audio(self, target: Path, format: str, encoding: Encoding, *, overwrite: bool = False) -> None:
        """The whole in one file."""
        with self._place(target, overwrite=overwrite):
            about = self._book.about(self._store, self._recipe.tag)
            sink = FileSink(target, sample_rate=self._rate(), format=format, about=about, encoding=encoding)
            sink.open()
            try:
                build(self._store, sink, about)
            finally:
                sink.abort()

    def parts(
        self, folder: Path, by: By, format: str, encoding: Encoding, *, overwrite: bool = False
    ) -> list[Part]:
        """A file for each chapter, or for each chunk, in a folder that is made where there is none.

        Beside the chapters there is a playlist; beside the chunks there is `index.json`, with their texts.
        """
        folder.mkdir(exist_ok=True)
        rate, suffix = self._rate(), format_named(format).suffixes[0]
        numbers = self._chapter_numbers() if by == "chapter" else None
        titles = dict(enumerate(self._titles()))
        count = len(titles) if by == "chapter" else self._store.counts().places
        made, index = [], []
        listing = folder / (
            f"{file_name(self._title) or 'playlist'}.m3u8" if by == "chapter" else "index.json"
        )
        # It has no tag; beside files that have the tag of this text it was made with them.
        if not any(read_tag(path) == self._recipe.tag for path in folder.iterdir() if path.is_file()):
            self._check(listing, overwrite=overwrite)

        def group(heard: tuple[Place, Audio | None]) -> int:
            place = heard[0].job.index
            return place if numbers is None else numbers(place)

        for number, places in groupby(heard(self._store), group):
            title = titles.get(number, "") if by == "chapter" else ""
            name = f"{number + 1:0{len(str(count))}}{' ' if title else ''}{file_name(title)}{suffix}"
            self._check(folder / name, overwrite=overwrite)
            about = self._about(title, number + 1, count)
            sink = FileSink(folder / name, sample_rate=rate, format=format, about=about, encoding=encoding)
            samples, texts = self._write(sink, places, rate)
            if sink.published:
                made.append(Part(sink.path, title, samples / rate))
                index.append({"file": name, "index": number, "text": texts, "audio_s": samples / rate})
        if by == "chapter":
            _write_text(listing, playlist(made))
        else:
            _write_text(listing, json.dumps(index, ensure_ascii=False, indent=1) + "\n")
        return made

    def subtitles(self, target: Path, *, overwrite: bool = False) -> None:
        """The text of each chunk with its times: SubRip, WebVTT or JSON, as the suffix of `target` says."""
        write = SUBTITLES[target.suffix.lower()]
        with self._place(target, overwrite=overwrite):
            _write_text(target, write(list(self._cues())))

    def _write(
        self, sink: FileSink, places: Iterator[tuple[Place, Audio | None]], rate: int
    ) -> tuple[int, str]:
        """Write a file; how many samples it has, and the text."""
        sink.open()
        samples, texts = 0, []
        try:
            for place, audio in places:
                add(sink, place, audio)
                samples += 0 if audio is None else len(audio.samples) // SAMPLE_BYTES
                samples += round(place.job.pause_s * rate)
                texts.append(place.job.text)
            sink.finish()
        finally:
            sink.abort()
        return samples, " ".join(texts)

    def _about(self, title: str, number: int, count: int) -> About:
        book = self._book.details
        details = Details(title or None, book.author, book.language, book.cover)
        return About(self._recipe.tag, details, track=(number, count), album=book.title)

    @property
    def _title(self) -> str:
        return self._book.details.title or ""

    def _titles(self) -> list[str]:
        """The titles of the files that chapters make: what stands before the first has that of the book."""
        chapters = self._book.chapters
        titles = [title for _, title in chapters]
        return titles if chapters and chapters[0][0] == 0 else [self._title, *titles]

    def _chapter_numbers(self) -> Callable[[int], int]:
        return partial(bisect_right, [index for index, _ in self._book.chapters if index])

    def _rate(self) -> int:
        for _, audio in heard(self._store):
            if audio is not None:
                return audio.sample_rate
        raise StoreError(f"nothing is kept for {self._output} that could be heard")

    def _cues(self) -> Iterator[Cue]:
        for passage in self._store.passages():
            if passage.audio_s > 0.0:
                yield Cue(passage.at_s, passage.at_s + passage.audio_s, passage.text)

    def _check(self, target: Path, *, overwrite: bool) -> None:
        """Refuse to replace a file that was not made from this text."""
        if PartFile(target).check() and not overwrite and read_tag(target) != self._recipe.tag:
            raise OutputError(
                f"{target} is there already; to replace it, overwrite it (--overwrite), or choose another"
            )

    @contextmanager
    def _place(self, target: Path, *, overwrite: bool) -> Iterator[None]:
        """The lease of a file that may be put at `target`."""
        lease = Lease(target)
        try:
            self._check(target, overwrite=overwrite)
            yield
        finally:
            lease.release()


@contextmanager
def exporting(output: Path) -> Iterator[Export]:
    """What is kept of an output. Raises OutputError where it is not whole."""
    with Store.open(kept_beside(output), readonly=True) as store:
        if left := store.counts().left:
            raise OutputError(
                f"{output} is not whole yet, {chunks(left)} left; run the command that makes it again first"
            )
        try:
            yield Export(output, store, Recipe.read(store))
        except StoreDamaged as damage:
            raise StoreError(f"{damage}; run the command that made {output} again, which mends it") from None


def _write_text(path: Path, text: str) -> None:
    """Put a file of text in its place, whole or not at all. Raises OutputError."""
    part = PartFile(path)
    part.open()
    try:
        part.write(text.encode())
        part.publish()
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another place") from error
    finally:
        part.discard()
