"""The files of a new plugin. What is there already is never written over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from string import Template

from ttsflow.errors import OutputError
from ttsflow.scaffold.names import Names

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "{kind}_readme.md",
    "{module}.py": "{kind}.py",
    "tests/test_{function}.py": "{kind}_test.py",
    ".github/workflows/test.yml": "test.yml",
    ".gitignore": "gitignore",
}
"""of a package, each with its template"""


def write_package(names: Names, parent: Path) -> Path:
    """Write a package into a new folder of `parent`, and return the folder.

    Raises OutputError where the folder exists, or cannot be written: then nothing of it is left.
    """
    folder = parent / names.package
    _make(folder, lambda: folder.mkdir())
    try:
        for target, template in FILES.items():
            path = folder / target.format(**names.fields)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(template.format(**names.fields), names), "utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(f"{folder} cannot be written: {error.strerror}; nothing of it is left") from error
    return folder


def write_file(names: Names, parent: Path) -> Path:
    """Write a plugin of one file into `parent`, and return its path. Raises OutputError as above."""
    path = parent / names.file
    text = _filled(f"{names.kind}.py", names)

    def write() -> None:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                path.unlink(missing_ok=True)
                raise

    _make(path, write)
    return path


def _make(path: Path, make: Callable[[], object]) -> None:
    try:
        make()
    except FileExistsError as error:
        raise OutputError(f"{path} exists already; choose another name, or another folder") from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another folder") from error


def _filled(template: str, names: Names) -> str:
    text = (resources.files(__package__) / "templates" / f"{template}.txt").read_text("utf-8")
    return Template(text).substitute(names.fields)
