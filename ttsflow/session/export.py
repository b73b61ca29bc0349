"""Other files from what is kept of an output: another format, a file to a chapter or chunk, subtitles."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

from ttsflow.errors import OutputError, StoreDamaged, StoreError
from ttsflow.output import About, Encoding, FileSink, Format, Formats, Lease, read_tag
from ttsflow.output.folder import make_folder
from ttsflow.output.loudness import Gain
from ttsflow.output.partfile import PartFile
from ttsflow.output.pcm import SAMPLE_BYTES
from ttsflow.output.series import Part, file_name, playlist
from ttsflow.output.subtitles import SUBTITLES, Cue, shared_out
from ttsflow.registry import Boundary, Hearing, Registry
from ttsflow.report.units import chunks
from ttsflow.session.book import Book
from ttsflow.session.formats import formats_of
from ttsflow.session.recipe import Recipe, kept_beside
from ttsflow.store import Audio, Place, Store, add, build, find_gain, heard
from ttsflow.text import Details
from ttsflow.text.sentences import sentence_ends

By = Literal["chapter", "chunk"]


class Export:
    """What is kept of an output, whole, to make other files of. Reads it, and changes nothing in it.

    Made by `exporting`; `say` is told what was measured. Every method raises OutputError where a file cannot
    be put at its place, SinkError where it cannot be written, and StoreDamaged.
    """

    def __init__(
        self, output: Path, store: Store, recipe: Recipe, say: Callable[[str], object] = lambda text: None
    ) -> None:
        self._say = say
        self._output = output
        self._store = store
        self._recipe = recipe
        self._book = Book.read(store)

    def formats(self, plugins_dirs: Sequence[Path] = (), hearing: Hearing = nullcontext) -> Formats:
        """The formats of audio: with those of plugins in these folders, and of those that made the output."""
        files, folders = self._recipe.plugins
        boundary = Boundary(self._recipe.plugin_s, hearing)
        given = formats_of(Registry.load((), plugins_dirs, boundary))
        return given.over(formats_of(Registry.load(files, folders, boundary)))

    @property
    def loudness(self) -> float | None:
        """How loud the output is that is kept, in LUFS, where that was asked for."""
        return self._recipe.encoding.loudness

    def audio(
        self,
        target: Path,
        format: Format,
        encoding: Encoding,
        *,
        overwrite: bool = False,
        tell: Callable[[float], object] = lambda part: None,
    ) -> None:
        """The whole in one file; `tell` is told how much of it is made, from 0.0 to 1.0."""
        with self._place(target, overwrite=overwrite):
            about = self._book.about(self._store, self._recipe.tag)
            sink = FileSink(target, sample_rate=self._rate(), format=format, about=about, encoding=encoding)
            sink.open()
            try:
                build(self._store, sink, about, gain=self._gain(encoding), tell=tell)
            finally:
                sink.abort()

    def parts(
        self,
        folder: Path,
        by: By,
        format: Format,
        encoding: Encoding,
        *,
        overwrite: bool = False,
        ours: Collection[str] = (),
        begin: Callable[[], object] = lambda: None,
    ) -> list[Part]:
        """A file for each chapter, or for each chunk, in a folder that is made where there is none.

        Beside the chapters there is a playlist; beside the chunks there is `index.json`, with their texts.
        `ours` are names of files that were made from this text before, and may be replaced. `begin` is called
        when nothing stands in the way, before anything is written.
        """
        make_folder(folder)
        rate, gain = self._rate(), self._gain(encoding)
        numbers = self._chapter_numbers() if by == "chapter" else None
        titles = self._titles() if by == "chapter" else []
        *names, last = self.names(by, format.suffixes[0])
        made, index, listing = [], [], folder / last
        for name in names:
            self._check(folder / name, overwrite=overwrite or name in ours)
        # It has no tag; beside files that have the tag of this text it was made with them.
        if not any(read_tag(path) == self._recipe.tag for path in folder.iterdir() if path.is_file()):
            self._check(listing, overwrite=overwrite or last in ours)
        begin()

        def group(heard: tuple[Place, Audio | None]) -> int:
            place = heard[0].job.index
            return place if numbers is None else numbers(place)

        for number, places in groupby(heard(self._store, rate), group):
            title, name = titles[number] if titles else "", names[number]
            about = self._about(title, number + 1, len(names))
            sink = FileSink(folder / name, sample_rate=rate, format=format, about=about, encoding=encoding)
            samples, texts = self._write(sink, places, rate, gain)
            if sink.published:
                made.append(Part(sink.path, title, samples / rate))
                index.append({"file": name, "index": number, "text": texts, "audio_s": samples / rate})
        if by == "chapter":
            _write_text(listing, playlist(made))
        else:
            _write_text(listing, json.dumps(index, ensure_ascii=False, indent=1) + "\n")
        return made

    def names(self, by: By, suffix: str) -> list[str]:
        """The names of the files that `parts` makes; the last is that of the playlist or the index."""
        if by == "chapter":
            titles, listing = self._titles(), f"{file_name(self._title) or 'playlist'}.m3u8"
        else:
            titles, listing = [""] * self._store.counts().places, "index.json"
        digits = len(str(len(titles)))
        parts = (
            f"{number:0{digits}}{' ' if title else ''}{file_name(title)}{suffix}"
            for number, title in enumerate(titles, 1)
        )
        return [*parts, listing]

    def subtitle_text(self, suffix: str) -> str:
        """Each sentence with its times: SubRip, WebVTT or JSON, as the suffix says.

        The times of a chunk are known. Of several sentences in one chunk, each has a part of its time, by
        its characters.
        """
        return SUBTITLES[suffix.lower()](list(self._cues()))

    def subtitles(self, target: Path, text: str | None = None, *, overwrite: bool = False) -> None:
        """Write subtitles, the `text` or else that which the suffix of `target` asks for."""
        with self._place(target, overwrite=overwrite):
            _write_text(target, self.subtitle_text(target.suffix) if text is None else text)

    def _gain(self, encoding: Encoding) -> Gain | None:
        """That of the whole, for each part too: one chapter may be softer than another."""
        if encoding.loudness is None:
            return None
        return find_gain(self._store, self._rate(), encoding.loudness, self._say)

    def _write(
        self, sink: FileSink, places: Iterator[tuple[Place, Audio | None]], rate: int, gain: Gain | None
    ) -> tuple[int, str]:
        """Write a file; how many samples it has, and the text."""
        sink.open()
        samples, texts = 0, []
        try:
            sink.restart(gain)
            for place, audio in places:
                add(sink, place, audio)
                samples += 0 if audio is None else len(audio.samples) // SAMPLE_BYTES
                samples += round(place.job.pause_s * rate)
                texts.append(place.job.shown)
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
        for place in self._store.places():
            audio = None if place.key is None else self._store.read(place.key)
            if audio is not None:
                return audio.sample_rate
        raise StoreError(f"nothing is kept for {self._output} that could be heard")

    def _cues(self) -> Iterator[Cue]:
        for passage in self._store.passages():
            if passage.audio_s > 0.0:
                text = passage.text
                ends = [0, *sentence_ends(text, self._recipe.config["text"]["language"], in_quotations=True)]
                heard = Cue(passage.at_s, passage.at_s + passage.audio_s, text)
                yield from shared_out(heard, [text[start:end] for start, end in pairwise(ends)])

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
def exporting(output: Path, say: Callable[[str], object] = lambda text: None) -> Iterator[Export]:
    """What is kept of an output; `say` is told what is measured of it.

    Raises OutputError where it is not whole.
    """
    with Store.open(kept_beside(output), readonly=True) as store:
        if left := store.counts().left:
            raise OutputError(
                f"{output} is not whole yet, {chunks(left)} left; run the command that makes it again first"
            )
        try:
            yield Export(output, store, Recipe.read(store), say)
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
