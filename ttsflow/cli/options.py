"""Options that several commands share, and what they turn into."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from ttsflow.cli.stdout import hearing

if TYPE_CHECKING:
    from ttsflow.config import Flag, Settings
    from ttsflow.output import Formats
    from ttsflow.registry import Registry
    from ttsflow.text.options import ReadOptions

PATH = click.Path(path_type=Path)


class OneOf(click.ParamType):  # type: ignore[type-arg]  # click is generic in its later versions only
    """One of several names, looked up for the help alone: the configuration checks what is given."""

    name = "name"

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(self._names())}]"


def audio_formats() -> list[str]:
    """The names of the formats in which audio is written."""
    from ttsflow.output import FORMATS

    return [format.name for format in FORMATS]


def subtitle_formats() -> list[str]:
    """The names of the formats of subtitles that can be written."""
    from ttsflow.output.subtitles import SUBTITLES

    return [suffix.removeprefix(".") for suffix in SUBTITLES]


def input_formats() -> list[str]:
    """The names of the formats of text that can be read."""
    from ttsflow.text.readers import READERS

    return [reader.name for reader in READERS]


def error_modes() -> tuple[str, ...]:
    """What may become of bytes that are not valid in a text's encoding."""
    from ttsflow.text.options import EncodingErrors

    return get_args(EncodingErrors)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the configuration of a command and its plugins are from, as `configured` asks for it."""

    policy: str | None = None
    config_file: Path | None = None
    assignments: tuple[str, ...] = ()
    plugins_dirs: tuple[Path, ...] = ()
    _loaded: dict[object, Registry] = field(default_factory=dict, init=False, repr=False, compare=False)

    def settings(self, flags: Iterable[Flag] = (), *, over_flags: bool = False) -> Settings:
        """The configuration; `flags` win over `--set`, and the policy over both with `over_flags`.

        Under it lie the user's own defaults, if there are any.
        """
        from ttsflow.config import load, user_folder

        own = user_folder() / "defaults.yaml"
        return load(
            self.policy,
            self.config_file,
            [*map(_assignment, self.assignments), *flags],
            over_flags=over_flags,
            defaults=own if own.exists() else None,
        )

    def registry(self, settings: Settings) -> Registry:
        """All plugins that the command can name. They are loaded once."""
        from ttsflow.registry import Boundary, Registry

        files, patience_s = settings.config.plugins, settings.config.limits.timeouts.plugin_s
        if (files, patience_s) not in self._loaded:
            boundary = Boundary(patience_s, hearing)
            self._loaded[files, patience_s] = Registry.load(files, self.plugins_dirs, boundary)
        return self._loaded[files, patience_s]

    def reading(self, settings: Settings) -> ReadOptions:
        """How a text is read. Raises UnknownNameError for a format that there is not."""
        from ttsflow.session.reading import readers_for

        readers = readers_for(settings, self.registry(settings))
        return replace(settings.config.text.reading, others=readers)

    def formats(self, settings: Settings) -> Formats:
        """The formats of audio. Raises UnknownNameError where the configuration names another."""
        from ttsflow.session.formats import formats_for

        return formats_for(settings, self.registry(settings))


policy_option = click.option(
    "--policy", metavar="NAME|FILE.yaml", help="Scheduling policy or policy file.  [default: auto]"
)
config_option = click.option(
    "--config", "config_file", type=PATH, help="YAML file with settings of your own."
)
set_option = click.option(
    "--set", "assignments", metavar="KEY=VALUE", multiple=True,
    help="Any key of the configuration, e.g. policy.options.max_concurrent=2.",
)  # fmt: skip
plugins_dir_option = click.option(
    "--plugins-dir", "plugins_dirs", type=PATH, multiple=True, help="Folder of plugin files (*.py)."
)


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose configuration files and plugins; they come as `sources`."""

    @wraps(command)
    def with_sources(
        policy: str | None,
        config_file: Path | None,
        assignments: tuple[str, ...],
        plugins_dirs: tuple[Path, ...],
        **others: Any,
    ) -> None:
        command(sources=Sources(policy, config_file, assignments, plugins_dirs), **others)

    return policy_option(config_option(set_option(plugins_dir_option(with_sources))))


cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Ray cluster on whose nodes to speak: HOST:PORT of its head, auto, or local.",
)


def given(**flags: tuple[str, str, object]) -> list[Flag]:
    """Flags for those of (label, key, value) that were given a value."""
    from ttsflow.config import Flag

    return [Flag(label, key, value) for label, key, value in flags.values() if value is not None]


def _assignment(text: str) -> Flag:
    from ttsflow.config import Flag, parse_value

    key, equals, value = text.partition("=")
    if not equals or not all(part.strip() for part in key.split(".")):
        raise click.UsageError(f"--set {text!r}: expected KEY=VALUE, such as policy.options.max_concurrent=2")
    return Flag(f"--set {key.strip()}", key.strip(), parse_value(value, f"--set {key.strip()}"))
