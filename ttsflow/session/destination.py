"""Whether an output may go where it is to go: not over a text, nor over a file that somebody else made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ttsflow.config.model import OutputSection
from ttsflow.errors import OutputError, StoreError
from ttsflow.output import FORMATS, Formats, Tag, read_tag
from ttsflow.output.partfile import PartFile
from ttsflow.session.recipe import Recipe
from ttsflow.store import Place, Store, store_path
from ttsflow.text import Document

MOST = 0.5
"""part of the text before that an edited text must still have, to be known as the same one"""


def checked(path: str | Path, document: Document, output: OutputSection, formats: Formats = FORMATS) -> Path:
    """The path, at which a file can be written. Raises OutputError before anything is loaded."""
    if not str(path):
        raise OutputError("the name of the output file is empty")
    path = Path(path)
    if document.identity.source is not None and same_place(path, Path(document.name)):
        raise OutputError(f"{path} is the text that is to be spoken; choose another output")
    formats.of(path, output.format).check(output.encoding)  # and not under a name that would mislead
    PartFile(path).check()
    return path


def same_place(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place. Raises OutputError for one that leads nowhere."""
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links; a NUL in the path
        raise OutputError(f"cannot write {one}: {error}; choose another place") from error


def is_ours(path: Path, tag: Tag, places: Iterable[Place] = ()) -> bool:
    """Whether no file is there, or one that was made from the input with this tag or an earlier state of it.

    An input may have been edited, moved or renamed since. It is the same one where its path or its
    content is the same; else where most of the text that filled the store beside the file is still among
    these `places`. The caller has the lease of the output.
    """
    if not PartFile(path).check():
        return True
    made = read_tag(path) or _tag_in_store(path)
    return made is not None and (made.matches(tag) or _keeps_most(path, places))


def tag_of(document: Document) -> Tag:
    """What a later run recognises the input by."""
    return Tag(document.identity.source, document.identity.content)


def _tag_in_store(path: Path) -> Tag | None:
    """The tag of a file from which none is read: the store beside it knows a file that it was built to."""
    try:
        with Store.open(store_path(path), readonly=True) as store:
            recipe = Recipe.find(store)
            if recipe is not None and store.built(path) is not None:
                return recipe.tag
    except (OutputError, StoreError):  # there is none, or none that can be read
        pass
    return None


def _keeps_most(path: Path, places: Iterable[Place]) -> bool:
    """Whether most of the text in the store beside an output, by characters, is still among the places."""
    try:
        with Store.open(store_path(path), readonly=True) as store:
            before = set(store.texts())
    except (OutputError, StoreError):  # as above
        return False
    kept = before & {place.job.shown for place in places}
    return sum(map(len, kept)) > MOST * sum(map(len, before))
