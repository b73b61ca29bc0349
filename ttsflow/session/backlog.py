"""Texts that wait to be spoken in one batch; what is wrong with one is told before any is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ttsflow.config.model import OutputSection, TextSection
from ttsflow.errors import OutputError, UsageError
from ttsflow.output import Formats
from ttsflow.output.partfile import PartFile
from ttsflow.report.spool import Spool
from ttsflow.session.batch import Task
from ttsflow.session.request import asked_for
from ttsflow.session.sidecars import is_sidecar, parts_of, subtitles_of
from ttsflow.store.files import resolved
from ttsflow.text import ReadOptions, read_file
from ttsflow.text.readers import SUFFIXES, can_read, reader_for


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something that was given cannot be spoken; `where` it was given."""

    where: str
    why: str

    def __str__(self) -> str:
        """For a person: "jobs.jsonl, line 3: speed is 'fast', but must be a number"."""
        return self.why if self.where in self.why else f"{self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task, and `where` it was given; the kind of its text, by its suffix, and its size in bytes."""

    where: str
    task: Task
    kind: str = ""
    size: int = 0

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.task.asked.get("name") or ""


class Backlog:
    """Tasks in their order, each with a name, and problems with what was given.

    A task takes a row, however long its text is.

    `output` says in which of the `formats` outputs are written, and `reading` how texts are read.
    """

    def __init__(self, output: OutputSection, formats: Formats, reading: ReadOptions) -> None:
        self.waiting: list[Waiting] = []
        self.problems: list[Problem] = []
        self._output, self._formats, self._reading = output, formats, reading
        self._inputs: dict[Path, str] = {}
        self._outputs: dict[Path, str] = {}
        self._names: dict[str, str] = {}
        self._texts = Spool(None)
        self._sizes: dict[object, int] = {}  # of the texts that are kept
        self._kept = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._texts.close()

    @property
    def suffix(self) -> str:
        """That of the outputs that are not named."""
        return self._formats.of(None, self._output.format).suffixes[0]

    @property
    def text_suffixes(self) -> tuple[str, ...]:
        """Those that readers have."""
        others = (suffix for reader in self._reading.others for suffix in reader.suffixes)
        return (*SUFFIXES, *others)

    def is_text(self, path: Path) -> bool:
        """Whether a file in a folder is one that a reader has a suffix for, and was not made beside audio."""
        return can_read(path, self._reading.others) and not is_sidecar(path, self._formats)

    def tasks(self) -> Iterator[Task]:
        """The tasks in their order."""
        return (waiting.task for waiting in self.waiting)

    def where(self, task: Task) -> str:
        """Where a task was given."""
        return self._names[task.asked.get("name") or ""]

    def text(self, text: str) -> Callable[[], str]:
        """Keep a text on the disk until it is its turn."""
        number, self._kept = self._kept, self._kept + 1
        self._texts.put(number, {"text": text})

        def kept() -> str:
            return str((self._texts.get(number) or {})["text"])

        self._sizes[kept] = len(text)
        return kept

    def add(self, where: str, task: Task) -> None:
        """Add a task, or the problem with it if there is one that can be known now."""
        try:
            self._check(where, task)
        except UsageError as error:
            self.refuse(where, error)
        else:
            self.waiting.append(Waiting(where, task, *self._size_of(task)))

    def refuse(self, where: str, error: UsageError) -> None:
        """Add a problem."""
        self.problems.append(Problem(where, str(error)))

    def check(self, check: Callable[[TextSection], object], usual: TextSection, language: str | None) -> None:
        """Refuse the tasks whose voice, language or speed cannot be: `check` raises a UsageError for them.

        What a task leaves out is as `usual`. Where no language was chosen for all, a text may be in one of
        its own, which is found when it is read; then a `language` that can be spoken stands for it.
        """
        known: dict[str, UsageError | None] = {}
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            said = {key: each.task.asked.get(key) for key in ("voice", "reference", "language", "speed")}
            said["language"] = said["language"] or language
            key = repr(said)
            if key not in known:
                known[key] = _refusal(check, usual, said)
            error = known[key]
            if error is None:
                self.waiting.append(each)
            else:
                self.refuse(each.where, error)

    def _size_of(self, task: Task) -> tuple[str, int]:
        if not isinstance(task.text, Path):
            return "", self._sizes.get(task.text, 0)
        try:
            return (
                task.text.suffix.lower() if self._reading.format is None else self._reading.format,
                task.text.stat().st_size,
            )
        except OSError:  # it is told when it is its turn
            return "", 0

    def _check(self, where: str, task: Task) -> None:
        name, target = task.asked.get("name") or "", resolved(task.path)
        if self._names.get(name) == where:
            raise OutputError(f"{where} is given twice; give it once")
        if name in self._names:
            raise UsageError(f"the id {name!r} is that of {self._names[name]}, too; give each its own")
        if isinstance(task.text, Path):
            _check_file(task.text, self._reading)
            source = resolved(task.text)
            if source == target or source in self._outputs:
                raise OutputError(
                    f"{task.text} is a text, and audio would be written to it; choose another output"
                )
            self._inputs[source] = where
        beside = [resolved(path) for path in self._sidecars(task.path)]
        for place in (target, *beside):
            if place in self._inputs:
                raise OutputError(f"{place} is a text that is to be spoken; choose another output")
        if target in self._outputs:
            raise OutputError(
                f"{where} and {self._outputs[target]} would both be spoken to {task.path}. Rename one of "
                f"them, or speak them to two folders"
            )
        for place in beside:
            if place in self._outputs:
                raise OutputError(
                    f"{where} and {self._outputs[place]} would both be written to {place}. Rename one "
                    f"of them, or speak them to two folders"
                )
        self._formats.of(task.path, self._output.format).check(self._output.encoding)
        if task.path.parent.is_dir():  # else it is made when it is needed
            PartFile(task.path).check()
        self._outputs |= dict.fromkeys((target, *beside), where)
        self._names[name] = where

    def _sidecars(self, output: Path) -> Iterator[Path]:
        """Where else something of an output is written: its subtitles, the folder of its parts."""
        wanted = self._output
        yield from filter(None, (subtitles_of(output, wanted.subtitles), parts_of(output, wanted.split)))


def _check_file(path: Path, reading: ReadOptions) -> None:
    """Raise InputError for what can be known of a file without reading it."""
    try:
        found = os.access(path, os.R_OK) and not path.is_dir()
    except ValueError:  # a NUL in the path
        found = False
    if not found:
        read_file(path)  # which says why it cannot
    if reading.format is None:
        reader_for(path, reading.others)


def _refusal(
    check: Callable[[TextSection], object], usual: TextSection, said: dict[str, Any]
) -> UsageError | None:
    try:
        check(asked_for(usual, said))
    except UsageError as error:
        return error
    return None
