"""Inputs that are named one by one, as folders or as patterns: the texts that they stand for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path

from ttsflow.errors import InputError
from ttsflow.session.backlog import Backlog
from ttsflow.session.batch import Task

Found = tuple[Path, Path]
"""a text, and the folder below that of the outputs to which it goes"""


def are_many(inputs: Sequence[str]) -> bool:
    """Whether inputs may stand for more than one text."""
    return len(inputs) > 1 or any(_is_folder(name) or _is_pattern(name) for name in inputs)


def add_inputs(backlog: Backlog, inputs: Iterable[str], folder: Path, stem_end: str = "") -> None:
    """Add a task for each text that the inputs stand for; it goes to STEM.SUFFIX in the folder.

    Files are taken as they are named. Of folders all files are taken that a reader has a suffix for, in
    the order of their names (2 before 10), and what lies in folders of theirs goes to such folders.
    Patterns are opened as a shell does, with `**` for any folders.
    """
    for name in inputs:
        try:
            for path, below in _texts_of(name, folder, backlog):
                output = folder / below / f"{path.stem}{stem_end}{backlog.suffix}"
                backlog.add(str(path), Task(path, output, name=str(path)))
        except InputError as error:
            backlog.refuse(name, error)


def _texts_of(name: str, outputs: Path, backlog: Backlog) -> Iterator[Found]:
    if name in ("", "-"):
        what = "the name of an input is empty" if not name else "standard input is one text: give it alone"
        raise InputError(what)
    names = sorted(glob(name, recursive=True), key=_in_order) if _is_pattern(name) else [name]  # noqa: PTH207  # it may be absolute
    if not names:
        raise InputError(f"no file fits {name}. Check the pattern")
    for path in map(Path, names):
        if path.is_dir():
            yield from _texts_in(path, outputs, backlog)
        else:
            yield path, Path()


def _texts_in(folder: Path, outputs: Path, backlog: Backlog) -> Iterator[Found]:
    """The texts in a folder; not those in the folder of the outputs, nor subtitles of what was spoken."""
    found = False
    for at, folders, files in os.walk(folder, onerror=_refuse):
        here = Path(at)
        folders[:] = sorted((n for n in folders if not _is_left_out(here / n, outputs)), key=_in_order)
        for name in sorted(files, key=_in_order):
            if not name.startswith(".") and backlog.is_text(here / name):
                found = True
                yield here / name, here.relative_to(folder)
    if not found:
        known = ", ".join(backlog.text_suffixes)
        raise InputError(f"{folder} has no text; a text is a file that ends in one of {known}")


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sorts names as people do: numbers in them by their value."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if number % 2 else (0, part) for number, part in enumerate(parts)]


def _is_left_out(folder: Path, outputs: Path) -> bool:
    return folder.name.startswith(".") or folder.resolve() == outputs.resolve()


def _is_folder(name: str) -> bool:
    return bool(name) and Path(name).is_dir()


def _is_pattern(name: str) -> bool:
    return has_magic(name) and not os.path.lexists(name)


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read: {error.strerror}. Change its permissions") from error
