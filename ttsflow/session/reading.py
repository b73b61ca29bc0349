"""The readers of plugins, as the readers of this program are."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from ttsflow.config import Settings
from ttsflow.config.model import TextSection
from ttsflow.interface.textreader import TextReader
from ttsflow.registry import Plugin, Registry, read_by
from ttsflow.text.document import Document
from ttsflow.text.options import ReadOptions
from ttsflow.text.readers import Reader, reader_named


def reading_for(
    settings: Settings, plugins: Callable[[], Registry], text: TextSection | None = None
) -> ReadOptions:
    """How a text is read; `plugins` are loaded once a format is asked for that is none of this program's.

    `text` stands in the place of the configuration's section. Raises UnknownNameError where the configuration
    names a format that there is not.
    """

    @cache
    def others() -> tuple[Reader, ...]:
        return readers_of(plugins())

    if (name := settings.config.text.format) is not None:
        reader_named(name, others, f"It is named at {settings.where(('text', 'format'))}")
    return replace((text or settings.config.text).reading, others=others)


def readers_of(registry: Registry) -> tuple[Reader, ...]:
    """The readers that plugins offer."""
    return tuple(
        Reader(plugin.name, plugin.cls.suffixes, partial(_read, plugin)) for plugin in registry.readers()
    )


def _read(plugin: Plugin[TextReader], data: bytes, name: str, options: ReadOptions) -> Document:
    """The document that the text of a reader is. Raises InputError, PluginError."""
    text, format = read_by(plugin, data, name), plugin.cls.gives
    reading = replace(options, format=format, encoding="utf-8")
    return reader_named(format).read(codecs.BOM_UTF8 + text.encode(), name, reading)
