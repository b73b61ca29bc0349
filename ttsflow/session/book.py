"""What a store remembers of a document beside its text: title, author, cover, and where chapters begin."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ttsflow.output import About, Chapter, Tag
from ttsflow.store import Place, Store
from ttsflow.text import Details, Document

_BOOK = "book"  # the name in the store


@dataclass(frozen=True, slots=True)
class Book:
    """The details of a document, the index and the title of the first place of each chapter, and which part
    of the input it is."""

    details: Details
    chapters: tuple[tuple[int, str], ...] = ()
    part: str | None = None

    @classmethod
    def read(cls, store: Store) -> Book:
        """What a store remembers; of one that remembers nothing, a book without a title."""
        noted = store.get(_BOOK)
        if not noted:
            return cls(Details())
        cover = noted["details"].pop("cover")
        details = Details(**noted["details"], cover=b64decode(cover) if cover else None)
        return cls(details, tuple((index, title) for index, title in noted["chapters"]), noted["part"])

    def write(self, store: Store) -> None:
        """Have a store remember it."""
        cover = self.details.cover
        details = asdict(self.details) | {"cover": b64encode(cover).decode() if cover else None}
        store.set(_BOOK, {"details": details, "chapters": self.chapters, "part": self.part})

    def about(self, store: Store, tag: Tag) -> About:
        """What the file says of itself that is made from a store as it is now; reads no audio.

        What is heard before the first chapter is one of its own, with the title of the book.
        """
        titles = dict(self.chapters)
        starts = [Chapter(titles[p.index], p.at_s) for p in store.passages() if p.index in titles]
        if starts and starts[0].start_s > 0.0:
            starts.insert(0, Chapter(self.details.title or "", 0.0))
        return About(tag, self.details, tuple(starts), store.extent().length_s)


class ChapterWatch:
    """Notes where chapters begin, as the places of a text pass by."""

    def __init__(self) -> None:
        self._seen: list[tuple[int, str]] = []

    def watch(self, places: Iterable[Place]) -> Iterator[Place]:
        """The same places."""
        for place in places:
            if place.chapter is not None:
                self._seen.append((place.job.index, place.chapter))
            yield place

    def book(self, document: Document) -> Book:
        """The book whose places have passed. A file without a title has that of its name."""
        details = document.details
        if details.title is None and document.identity.source is not None:
            details = replace(details, title=Path(document.name).stem)
        return Book(details, tuple(self._seen), document.part)
