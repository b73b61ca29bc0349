"""The readers of plugins, as the readers of this program are."""

from __future__ import annotations

import codecs
from dataclasses import replace
from functools import partial

from ttsflow.config import Settings
from ttsflow.errors import InputError, PluginError, UnknownNameError
from ttsflow.interface.textreader import TextReader
from ttsflow.registry import Plugin, Registry, read_by
from ttsflow.text.document import Document
from ttsflow.text.options import ReadOptions
from ttsflow.text.readers import Reader, reader_named


def readers_for(settings: Settings, registry: Registry) -> tuple[Reader, ...]:
    """The readers that plugins offer. Raises UnknownNameError where the configuration names one that there is
    not, here or in this program.
    """
    readers, name = readers_of(registry), settings.config.text.format
    if name is not None:
        try:
            reader_named(name, readers, f"It is named at {settings.where(('text', 'format'))}")
        except UnknownNameError as error:
            raise registry.unknown(error) from error
    return readers


def readers_of(registry: Registry) -> tuple[Reader, ...]:
    """The readers that plugins offer."""
    return tuple(
        Reader(plugin.name, plugin.cls.suffixes, partial(_read, plugin), str(plugin.provider))
        for plugin in registry.readers()
    )


def _read(plugin: Plugin[TextReader], data: bytes, name: str, options: ReadOptions) -> Document:
    """The document that the text of a reader is. Raises InputError, also for what the reader does wrong."""
    try:
        text, format = read_by(plugin, data, name), plugin.cls.gives
    except PluginError as error:  # so one text of many cannot be read, and the others can
        raise InputError(f"{name} cannot be read: {error}") from error
    reading = replace(options, format=format, encoding="utf-8")
    return reader_named(format).read(codecs.BOM_UTF8 + text.encode(), name, reading)
