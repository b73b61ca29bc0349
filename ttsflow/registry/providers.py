"""The sources of plugins, which are installed packages and single files, and how a plugin is imported."""

from __future__ import annotations

import hashlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import FrameType, ModuleType
from typing import Literal

from ttsflow.interface.hookspecs import GROUP

PROJECT = "ttsflow"

LONGEST_WORDS = 500
"""characters of what a plugin says of an error that are told, in one line"""


@dataclass(frozen=True, slots=True)
class Provider:
    """The source of a plugin: a distribution ("acme-tts 1.2") with its `module`, or the file at `path`.

    `module` has the form of an entry point: "package.module" or "package.module:object".
    """

    kind: Literal["built-in", "package", "file"]
    name: str
    module: str | None = None
    path: Path | None = None

    def __str__(self) -> str:
        return self.name if self.module is None else f"{self.name} ({self.module})"

    @property
    def module_name(self) -> str:
        """The name that the imported module has in `sys.modules`."""
        if self.path is not None:
            return _module_name(self.path)
        assert self.module is not None  # a provider has a path or a module
        return self.module.partition(":")[0]

    def owns(self, frame: FrameType) -> bool:
        """Whether a frame executes code of the plugin."""
        name = str(frame.f_globals.get("__name__", ""))
        return name.partition(".")[0] == self.module_name.partition(".")[0]

    def line_of(self, frame: FrameType | None) -> str:
        """The plugin's own line that a thread executes, or else the line that it does."""
        inner = frame
        while frame is not None and not self.owns(frame):
            frame = frame.f_back
        frame = frame or inner
        return "an unknown line" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"

    def load(self) -> object:
        """Import the plugin. The foreground process and the workers import it in the same way."""
        if self.path is not None:
            return _import_file(self.path)
        assert self.module is not None  # a provider has a path or a module
        return pkgutil.resolve_name(self.module)

    def explain(self, error: BaseException) -> str:
        """Describe an error of the plugin's code: its class, its message, and its file and line."""
        text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
        if len(text) > LONGEST_WORDS:
            text = f"{text[:LONGEST_WORDS]}..."
        place = self._place(error)
        said = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return f"{said} ({place})" if place else said

    def _place(self, error: BaseException) -> str | None:
        if isinstance(error, SyntaxError):
            return f"{error.filename}:{error.lineno}"
        place, frames = None, error.__traceback__
        while frames is not None:
            if self.owns(frames.tb_frame):  # the plugin's own line tells more than a library's line
                place = f"{frames.tb_frame.f_code.co_filename}:{frames.tb_lineno}"
            frames = frames.tb_next
        return place


def of_packages() -> Iterator[Provider]:
    """The entry points of installed distributions: ttsflow's own first, then the others by name."""
    found = []
    for entry in metadata.entry_points(group=GROUP):
        # A package that was only partly removed has neither name nor version.
        name = (entry.dist and entry.dist.name) or "unnamed"
        version = (entry.dist and entry.dist.version) or ""
        own = name == PROJECT
        provider = Provider("built-in" if own else "package", f"{name} {version}".strip(), entry.value)
        found.append(((not own, name.lower(), entry.name), provider))
    for _, provider in sorted(found, key=lambda item: item[0]):
        yield provider


def of_files(paths: Iterable[Path]) -> Iterator[Provider]:
    """Single-file plugins."""
    for path in paths:
        whole = path.resolve()
        yield Provider("file", str(whole), path=whole)


def of_folder(folder: Path) -> Iterator[Provider]:
    """The Python files of a plugin folder, by name, without files whose names begin with an underscore."""
    return of_files(sorted(path for path in folder.glob("*.py") if not path.name.startswith("_")))


def _module_name(path: Path) -> str:
    digest = hashlib.blake2b(str(path).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    return f"ttsflow_file_{re.sub(r'[^0-9A-Za-z]', '_', path.stem)}_{digest}"


def _import_file(path: Path) -> ModuleType:
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before the module runs, as dataclasses and pydantic look it up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
