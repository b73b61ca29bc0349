"""A file of jobs: a JSON object a line, each a text with its voice, its output and what else it says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveFloat, model_validator

from ttsflow.config.layers import absolute
from ttsflow.config.model import FilePath, FilePaths, Name
from ttsflow.errors import ConfigError, InputError, OutputError
from ttsflow.interface.validation import Section, validate
from ttsflow.output.series import file_name
from ttsflow.session.backlog import Backlog
from ttsflow.session.batch import Task

STDIN = "-"
EXAMPLE = '{"id": "one", "text": "Hello."}'


class JobLine(Section):
    """A line of a file of jobs. What it does not say is as the configuration has it."""

    id: Name | int | None = None
    """what messages call it, and the name of its output where `output` does not say it"""
    text: Annotated[str, Field(min_length=1)] | None = None
    """the text itself"""
    file: FilePath | None = None
    """the file with the text, instead of `text`"""
    voice: Name | None = None
    """name of a voice"""
    reference: FilePath | FilePaths | None = None
    """recording of the voice to speak with, instead of a named one; or a list of recordings"""
    language: Name | None = None
    """language code of the text"""
    speed: PositiveFloat | None = None
    """of speaking: 2 is twice as fast"""
    seed: int | None = None
    """random seed"""
    output: Name | None = None
    """the file to which it is spoken"""
    weight: PositiveFloat | None = None
    """its share of the work, among those that are in work at the same time"""

    @model_validator(mode="after")
    def _makes_sense(self) -> JobLine:
        for one, other in (("text", "file"), ("voice", "reference")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ValueError(f"has both {one} and {other}; give one of them")
        if self.text is None and self.file is None:
            raise ValueError("has nothing to speak; give text or file")
        if self.output is None and self.file is None and not file_name(str(self.id or "")):
            raise ValueError("does not say the name of its output; give id or output")
        return self

    @property
    def stem(self) -> str:
        """The name of its output without the suffix."""
        return file_name(str(self.id)) if self.id is not None else Path(self.file or "").stem


def add_jobs(backlog: Backlog, name: str, folder: Path, stem_end: str = "") -> None:
    """Add a task for each line of the file of this name; "-" is standard input.

    Paths of texts and recordings start from the folder of the file, those of outputs from `folder`. Raises
    InputError where the file cannot be read or has no job.
    """
    label, here = ("standard input", Path()) if name == STDIN else (name, Path(name).parent)
    empty = True
    for number, line in enumerate(_lines(name), 1):
        where = f"{label}, line {number}"
        if not line.strip():
            continue
        empty = False
        try:
            job = _job(line, where)
        except ConfigError as error:
            backlog.refuse(where, error)
            continue
        text = backlog.text(job.text) if job.text is not None else Path(absolute(job.file, here))
        output = job.output or f"{job.stem}{stem_end}{backlog.suffix}"
        if _leads_out(output):
            below = "the current folder" if folder == Path() else folder
            backlog.refuse(where, OutputError(_LEADS_OUT.format(output, below)))
            continue
        path = folder / (absolute(output, folder) if output.startswith("~") else output)
        backlog.add(where, Task(text, path, **_asked(job, here, str(path))))
    if empty:
        raise InputError(f"{label} has no job; give one a line, such as {EXAMPLE}")


_LEADS_OUT = "output {!r} leads out of {}, where the outputs go; if that is meant, give its whole path"


def _leads_out(output: str) -> bool:
    """Whether a path that is not absolute leads out of the folder that it starts from."""
    return not output.startswith("~") and Path(os.path.normpath(output)).parts[0] == os.pardir


def _asked(job: JobLine, folder: Path, name: str) -> Any:
    said = job.model_dump(include={"voice", "language", "speed", "seed", "weight"}, exclude_none=True)
    if job.reference is not None:
        said["reference"] = absolute(job.reference, folder)
    return {"name": name if job.id is None else str(job.id), **said}


def _job(line: bytes, where: str) -> JobLine:
    """Raises ConfigError that names the line."""
    try:
        data = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: not UTF-8 text; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{where}: not JSON: {error.msg} at character {error.pos + 1}; each line is an object, such as "
            f"{EXAMPLE}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: not an object; each line is one, such as {EXAMPLE}")
    return validate(JobLine, data, lambda path: where, whole="the job", in_yaml=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key} is there twice; keep one of them")
        found[key] = value
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def _lines(name: str) -> Iterator[bytes]:
    """The lines of a file, or of standard input. Raises InputError."""
    try:
        if name == STDIN:
            yield from sys.stdin.buffer
            return
        with Path(name).open("rb") as file:
            yield from file
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"the file of jobs {name} cannot be read: {reason}. Check its name") from None
