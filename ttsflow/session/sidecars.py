"""What is made anew beside an output whenever it is: subtitles, and a file to each chapter or chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ttsflow.errors import OutputError, StoreError
from ttsflow.output import Format, Formats, read_tag
from ttsflow.output.subtitles import SUBTITLES
from ttsflow.report.units import files
from ttsflow.session.book import Book
from ttsflow.session.export import By, Export
from ttsflow.session.recipe import Recipe
from ttsflow.store import Store, store_path
from ttsflow.store.files import stamp

Made = dict[str, Any]
"""what a store notes of the files beside its output"""

_NOTE = "beside"  # the name in the store: what was made, and from what


def subtitles_of(output: Path, format: str | None) -> Path | None:
    """Where the subtitles of an output go; None where none are wanted."""
    return None if format is None else output.with_suffix(f".{format}")


def parts_of(output: Path, split: By | None) -> Path | None:
    """The folder of the parts of an output; None where none are wanted.

    Raises OutputError for an output whose name leaves no name for it.
    """
    if split is not None and not output.suffix:
        raise OutputError(
            f"the parts of {output} would go into a folder of the same name; give the file a suffix"
        )
    return None if split is None else output.with_suffix("")


@dataclass(frozen=True, slots=True)
class Sidecars:
    """The subtitles and the parts that a recipe wants beside an output; None for those that it does not."""

    output: Path
    recipe: Recipe
    subtitles: Path | None = None
    folder: Path | None = None
    split: By | None = None

    @classmethod
    def of(cls, output: Path, recipe: Recipe) -> Sidecars:
        """What the recipe wants. Raises OutputError as `parts_of` does."""
        wanted = recipe.config["output"]  # neither is in older stores
        split = wanted.get("split")
        return cls(
            output, recipe, subtitles_of(output, wanted.get("subtitles")), parts_of(output, split), split
        )

    def check(self, text: Path | None = None, *, overwrite: bool = False) -> None:
        """Raise OutputError where something would be lost: the `text`, or a file that was not made here.

        The store of the output must not be open.
        """
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise OutputError(f"{self.folder} is a file, and the parts need a folder; name another output")
        target = self.subtitles
        if target == self.output:
            raise OutputError(f"the audio and the subtitles would both be {target}; name another output")
        if target is not None and target.is_dir():
            raise OutputError(f"{target} is a folder, and the subtitles would go there; name another output")
        if target is None or not target.exists():
            return
        if text is not None and text.exists() and target.samefile(text):
            raise OutputError(f"{target} is the text, and the subtitles would go there; name another output")
        made = _noted_closed(self.output)
        if not overwrite and _digest(target) not in (made.get("subtitles"), made.get("coming")):
            why = "was changed since it was made" if made.get("subtitles") else "is there already"
            raise OutputError(f"{target} {why}, and the subtitles would go there; move it away")

    def is_made(self, store: Store) -> bool:
        """Whether all of it is there, made from what is kept now."""
        if self.subtitles is None and self.split is None:
            return True
        note = _noted(store)
        note.pop("stamps", None)
        return note == self._stated(store, note.get("parts", [])) and (
            self.folder is None or all((self.folder / name).exists() for name in note["parts"])
        )

    def make(self, store: Store, format: Format, *, overwrite: bool = False) -> Iterator[str]:
        """Make all of it, the parts in this format; says what was made.

        It also says what is there still of an earlier time.

        What will be there is noted before it is: so whenever a run ends, the next one knows its own files.
        Raises as `Export` does.
        """
        before = _noted(store)
        yield from self._stale(before)
        if self.subtitles is None and self.folder is None:
            return
        export, known = Export(self.output, store, self.recipe), before.get("parts", [])
        if self.subtitles is not None:
            text = export.subtitle_text(self.subtitles.suffix)
            store.set(_NOTE, before | {"coming": hashlib.blake2b(text.encode()).hexdigest()})
            export.subtitles(self.subtitles, text, overwrite=True)
            yield f"subtitles: {self.subtitles}"
        names: list[str] = []
        if self.folder is not None and self.split is not None:
            names = export.names(self.split, format.suffixes[0])
            coming = self._stated(store, sorted({*known, *names})) | {"from": None}
            parts = export.parts(
                self.folder,
                self.split,
                format,
                self.recipe.encoding,
                overwrite=overwrite,
                ours=known,
                begin=partial(store.set, _NOTE, coming),
            )
            names = [name for name in names if (self.folder / name).exists()]
            self._remove(set(known).difference(names), before.get("stamps", {}))
            yield f"{files(len(parts))} in {self.folder}"
        stamps = {} if self.folder is None else {name: stamp(self.folder / name) for name in names}
        store.set(_NOTE, self._stated(store, names) | {"stamps": stamps})

    def _stale(self, before: Made) -> Iterator[str]:
        """What there is of an earlier time, and is not made anew now."""
        for option, name, now in (
            ("--subtitles", before.get("subtitles_at"), self.subtitles),
            ("--split", before.get("parts_at"), self.folder),
        ):
            if name is not None and now is None and (path := self.output.with_name(name)).exists():
                yield f"{path} is of an earlier time; {option} makes it anew"

    def _remove(self, names: Iterable[str], stamps: Mapping[str, list[int] | None]) -> None:
        """Remove what was made of chapters that there are no longer.

        A file is known by its tag; one whose format has none by its `stamps`, as it was when it was made.
        """
        for path in (self.folder / name for name in names if self.folder is not None):
            tag, now = read_tag(path), stamp(path)
            if (tag is not None and tag.matches(self.recipe.tag)) or (
                tag is None and now is not None and now == stamps.get(path.name)
            ):
                path.unlink()

    def _stated(self, store: Store, parts: list[str]) -> Made:
        """What is there now, to be compared with what was noted."""
        whole = f"{self.recipe.fingerprint(store)} {Book.read(store)!r}"
        return {
            "from": hashlib.blake2b(whole.encode("utf-8", "replace")).hexdigest(),
            "subtitles": None if self.subtitles is None else _digest(self.subtitles),
            "subtitles_at": None if self.subtitles is None else self.subtitles.name,
            "split": self.split,
            "parts": parts if self.folder is not None else [],
            "parts_at": None if self.folder is None else self.folder.name,
        }


def is_sidecar(path: Path, formats: Formats) -> bool:
    """Whether a file is the subtitles that were made beside an output in one of the formats."""
    if path.suffix.lower() not in SUBTITLES:
        return False
    outputs = map(path.with_suffix, formats.suffixes)
    return any(
        store_path(output).exists() and _noted_closed(output).get("subtitles_at") == path.name
        for output in outputs
    )


def _noted(store: Store) -> Made:
    """What was made beside the output of a store, as far as it knows."""
    return dict(store.get(_NOTE) or {})


def _noted_closed(output: Path) -> Made:
    """The same of an output, whose store is not open, and may not be there."""
    try:
        with Store.open(store_path(output), readonly=True) as store:
            return _noted(store)
    except (OutputError, StoreError):  # there is none, or none that can be read
        return {}


def _digest(path: Path) -> str | None:
    """What stands for the content of a file; None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:
        return None
