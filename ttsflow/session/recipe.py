"""What a store remembers of the run that filled it, so that it is gone on with, or a chunk spoken again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttsflow.config import Settings, settings_of
from ttsflow.errors import InputError, OutputError
from ttsflow.output import FORMATS, Encoding, Tag
from ttsflow.session.book import Book
from ttsflow.session.request import Manner
from ttsflow.store import Store, fingerprint, store_path

_PLAIN = {format.name for format in FORMATS if format.is_plain}


@dataclass(frozen=True, slots=True)
class Recipe:
    """The configuration as JSON has it, the backend's name, the folders of plugins, and the input's tag."""

    config: dict[str, Any]
    backend: str
    plugins_dirs: tuple[str, ...]
    tag: Tag

    @classmethod
    def of(cls, manner: Manner, format: str, tag: Tag) -> Recipe:
        """The recipe by which an input is spoken to an output of this format."""
        setup = manner.setup
        config = setup.config.model_dump(mode="json")
        config["backend"]["use"] = setup.backend.plugin.name  # the first choice may have been another
        config["backend"]["options"] = setup.backend.options.model_dump(mode="json", exclude_unset=True)
        config["output"]["format"] = format
        config["profile"] = None  # it changes no audio, and may be gone
        for key in ("server", "cluster"):  # neither do these
            del config[key]
        config["text"] = manner.text.model_dump(mode="json")
        folders = tuple(str(folder.resolve()) for folder in setup.plugins_dirs)
        return cls(config, setup.backend.plugin.name, folders, tag)

    @classmethod
    def find(cls, store: Store) -> Recipe | None:
        """The recipe in a store; None where there is none."""
        noted = store.get("recipe")
        if not noted:
            return None
        return cls(noted["config"], noted["backend"], tuple(noted["plugins_dirs"]), Tag(*noted["mark"]))

    @classmethod
    def read(cls, store: Store) -> Recipe:
        """The recipe in a store. Raises InputError where there is none."""
        recipe = cls.find(store)
        if recipe is None:
            raise InputError(f"{store.path} does not tell how it was filled; run the same command again")
        return recipe

    @classmethod
    def beside(cls, output: Path) -> Recipe:
        """The recipe in the store of an output. Raises OutputError where there is no store."""
        with Store.open(kept_beside(output), readonly=True) as store:
            return cls.read(store)

    @property
    def format(self) -> str:
        """The name of the output's format."""
        return str(self.config["output"]["format"])

    @property
    def encoding(self) -> Encoding:
        """How the output is encoded, as far as it was chosen."""
        output = self.config["output"]
        names = ("bit_rate", "sample_rate", "loudness")  # of which older stores have not all
        return Encoding(*(output.get(name) for name in names))

    @property
    def is_timed(self) -> bool:
        """Whether what is said begins at times of its own."""
        return bool(self.config["text"].get("cues") == "timed")

    def fingerprint(self, store: Store) -> str:
        """Digest of all that an output depends on that is built from this store now."""
        form = self.format
        if self.encoding != Encoding():
            form += f" {self.encoding!r}"
        if self.format not in _PLAIN:  # which tell nothing of the book
            form += f" {Book.read(store)!r}"
        return fingerprint(store, form)

    def settings(self, output: Path) -> Settings:
        """The settings with which `output` was spoken, with those plugins that are still there.

        Raises ConfigError where another file that they name is gone.
        """
        files, _ = self.plugins
        config = self.config | {"plugins": list(map(str, files))}
        return settings_of(config, f"the store of {output}")

    @property
    def plugins(self) -> tuple[list[Path], list[Path]]:
        """The files and the folders of plugins that are still there."""
        files, folders = map(Path, self.config["plugins"]), map(Path, self.plugins_dirs)
        return [file for file in files if file.is_file()], [folder for folder in folders if folder.is_dir()]

    @property
    def plugins_gone(self) -> list[Path]:
        """The files and the folders of plugins that are there no longer."""
        there = [*self.plugins[0], *self.plugins[1]]
        return [
            path for path in map(Path, (*self.config["plugins"], *self.plugins_dirs)) if path not in there
        ]

    @property
    def plugin_s(self) -> float:
        """Seconds that a call of a plugin may take."""
        return float(self.config["limits"]["timeouts"]["plugin_s"])

    def write(self, store: Store) -> None:
        """Note it in a store."""
        store.set(
            "recipe",
            {
                "config": self.config,
                "backend": self.backend,
                "plugins_dirs": self.plugins_dirs,
                "mark": (self.tag.path, self.tag.content),
            },
        )


def kept_beside(output: Path) -> Path:
    """The store beside an output. Raises OutputError where there is none."""
    path = store_path(output)
    if not path.exists():
        raise OutputError(f"nothing is kept for {output}: there is no {path}; `ttsflow run` makes it")
    return path
