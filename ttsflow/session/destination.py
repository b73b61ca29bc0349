"""Whether an output may go where it is to go: not over a text, nor over what somebody else made."""

from __future__ import annotations

from pathlib import Path

from ttsflow.errors import OutputError, StoreError
from ttsflow.output import Tag, format_for, read_tag
from ttsflow.output.partfile import PartFile
from ttsflow.session.recipe import Recipe
from ttsflow.session.request import Request
from ttsflow.store import Store, fingerprint, store_path
from ttsflow.text import Document

IN_COMMON = 0.1
"""part of its chunks, or of those before, by which a text is known as the same one, edited"""


def checked(path: str | Path, document: Document, format: str | None) -> Path:
    """The path, at which a file can be written. Raises OutputError before anything is loaded."""
    if not str(path):
        raise OutputError("the name of the output file is empty")
    path = Path(path)
    if document.identity.source is not None and same_place(path, Path(document.name)):
        raise OutputError(f"{path} is the text that is to be spoken; choose another output")
    format_for(path, format)  # which refuses a name that would mislead
    PartFile(path).check()
    return path


def same_place(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place. Raises OutputError for one that leads nowhere."""
    try:
        return one.resolve() == other.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links; a NUL in the path
        raise OutputError(f"cannot write {one}: {error}; choose another place") from error


def check_owner(path: Path, request: Request) -> None:
    """Raise OutputError for a file that was not made from this input, nor from an earlier state of it.

    An input may have been edited, moved or renamed since. It is the same one where its path or its
    content is the same; else where the store beside the file was filled from a text that shares a part of
    its chunks with this one.
    """
    if not PartFile(path).check():
        return
    tag = read_tag(path) or _tag_in_store(path)
    if tag is not None and (tag.matches(tag_of(request.document)) or _shares_chunks(path, request)):
        return
    kept = store_path(path)
    stays = f" (the chunks in {kept.name} stay)" if kept.exists() else ""
    raise OutputError(
        f"{path} exists and was not made by ttsflow for this input; use --overwrite to replace it{stays}, "
        f"or another -o"
    )


def tag_of(document: Document) -> Tag:
    """What a later run recognises the input by."""
    return Tag(document.identity.source, document.identity.content)


def _tag_in_store(path: Path) -> Tag | None:
    """The tag of a file whose format carries none: the store beside it knows a file that it was built to."""
    try:
        with Store.open(store_path(path), readonly=True) as store:
            recipe = Recipe.find(store)
            if recipe is not None and store.is_built(path, fingerprint(store, recipe.format)):
                return recipe.tag
    except (OutputError, StoreError):  # there is none, or none that can be read
        pass
    return None


def _shares_chunks(path: Path, request: Request) -> bool:
    """Whether the text of the store beside an output shares a part of its chunks with this one."""
    try:
        with Store.open(store_path(path), readonly=True) as store:
            before = {place.key for place in store.places() if place.key is not None}
    except (OutputError, StoreError):  # as above
        return False
    now = {place.key for place in request.places() if place.key is not None}
    return len(before & now) > IN_COMMON * min(len(before), len(now))
