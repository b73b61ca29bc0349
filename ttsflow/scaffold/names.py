"""The names of a new plugin: of what it offers, and of its package, module and class."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from ttsflow.errors import UsageError
from ttsflow.version import __version__

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
LONGEST = 50
"""characters of a name; those of the package have a prefix"""


@dataclass(frozen=True, slots=True)
class Names:
    """How a plugin of this `kind` ("policy" or "backend") and `name` is called in each place.

    Package and module have a prefix, so that a plugin for an engine does not hide the engine's own module.
    """

    kind: str
    name: str

    @classmethod
    def of(cls, kind: str, name: str, taken: Iterable[str]) -> Names:
        """The names of a new plugin. Raises UsageError for one that cannot be, or that is `taken`."""
        if not _NAME.fullmatch(name) or len(name) > LONGEST:
            near = _nearest(name) or f"my-{kind}"
            raise UsageError(
                f"a {kind} cannot be named {name!r}: a name is made of lower-case letters and digits, with "
                f"single hyphens between, begins with a letter and has at most {LONGEST} characters, such as "
                f"{near!r}"
            )
        if name in taken:
            raise UsageError(f"there is a {kind} named {name!r} already; choose another name")
        names = cls(kind, name)
        if keyword.iskeyword(names.class_name):
            raise UsageError(
                f"a {kind} cannot be named {name!r}, as Python has no class {names.class_name}; "
                f"choose another name, such as 'my-{name}'"
            )
        if _is_distribution(names.package) or find_spec(names.module) is not None:
            raise UsageError(f"a package {names.package!r} is installed already; choose another name")
        return names

    @property
    def package(self) -> str:
        """Of the distribution and of its folder."""
        return f"ttsflow-{self.name}"

    @property
    def module(self) -> str:
        return self.package.replace("-", "_")

    @property
    def file(self) -> str:
        """Of a plugin that is a single file."""
        return f"{self.name.replace('-', '_')}.py"

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def fields(self) -> dict[str, str]:
        """What templates may name."""
        return {
            "kind": self.kind,
            "name": self.name,
            "package": self.package,
            "module": self.module,
            "class": self.class_name,
            "file": self.file,
            "function": self.name.replace("-", "_"),
            "ttsflow": _bound(__version__),
        }


def _bound(version: str) -> str:
    """The versions of ttsflow with the interface of this one: up to the next that may break it."""
    major, minor = (int(part) for part in version.split(".")[:2])
    following = f"0.{minor + 1}" if major == 0 else f"{major + 1}"
    return f"ttsflow>={major}.{minor},<{following}"


def _nearest(name: str) -> str | None:
    """A name that is allowed and looks like this one: the end of a path, with hyphens for other signs."""
    parts = re.findall(r"[a-z0-9]+", name.lower().rstrip("/").rpartition("/")[2].removesuffix(".py"))
    near = "-".join(parts)[:LONGEST].strip("-")
    return near if _NAME.fullmatch(near) else None


def _is_distribution(name: str) -> bool:
    return next(iter(metadata.distributions(name=name)), None) is not None
