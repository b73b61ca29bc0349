"""The encoders of plugins, as the formats of this program are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from ttsflow.config import Settings
from ttsflow.errors import PluginError
from ttsflow.interface.audioencoder import AudioDetails, AudioEncoder
from ttsflow.output import About, Encoding, Format, Formats, Tag
from ttsflow.output.formats import at_rate_asked
from ttsflow.registry import Plugin, Registry, made

if TYPE_CHECKING:
    from ttsflow.output.encoders import Encoder, Target
    from ttsflow.output.pool import EncoderPool

T = TypeVar("T")


def formats_with(plugins: Callable[[], Registry]) -> Formats:
    """The formats of audio; `plugins` are loaded once one is asked for that this program has not."""

    @cache
    def others() -> tuple[Format, ...]:
        return tuple(map(_format, plugins().encoders()))

    return Formats(others)


def formats_for(settings: Settings, plugins: Callable[[], Registry]) -> Formats:
    """The same. Raises UnknownNameError where the configuration names a format that there is not."""
    formats = formats_with(plugins)
    if (name := settings.config.output.format) is not None:
        formats.named(name, f"It is named at {settings.where(('output', 'format'))}")
    return formats


def _format(plugin: Plugin[AudioEncoder]) -> Format:
    cls = plugin.cls
    return Format(
        plugin.name, cls.suffixes, partial(_begin, plugin), streamed=cls.streamed, bit_rates=cls.bit_rates
    )


def _begin(
    plugin: Plugin[AudioEncoder],
    target: Target,
    sample_rate: int,
    tag: Tag | None,
    encoding: Encoding,
    pool: EncoderPool,
) -> Encoder:
    """An encoder of a plugin; its file has no tag. Raises PluginError."""
    return at_rate_asked(
        encoding, sample_rate, lambda rate: _PluggedEncoder(plugin, target, rate, encoding.kbit_s)
    )


class _PluggedEncoder:
    """The encoder of a plugin, each call of which is bounded. What it does wrong is a PluginError."""

    def __init__(
        self, plugin: Plugin[AudioEncoder], target: Target, sample_rate: int, kbit_s: int | None
    ) -> None:
        self._plugin, self._file = plugin, _Lent(target)
        self._encoder = made(plugin, plugin.cls.Options())
        self._ask("begin", lambda: self._encoder.begin(self._file, sample_rate, kbit_s))

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit."""
        import numpy as np

        self._ask("write", lambda: self._encoder.write(np.frombuffer(samples, "<i2")))

    def finish(self, about: About) -> None:
        """Complete the file."""
        details = about.details
        told = AudioDetails(
            about.length_s,
            details.title,
            details.author,
            details.language,
            tuple((chapter.title, chapter.start_s) for chapter in about.chapters),
            details.cover,
            about.track,
            about.album,
        )
        self._ask("finish", lambda: self._encoder.finish(told))
        self._file.take_back()

    def drop(self) -> None:
        """Have the plugin give back what it holds."""
        if not self._file.is_back:
            with suppress(PluginError, OSError):  # the audio has ended early, and why is known
                self._ask("drop", self._encoder.drop)
            self._file.take_back()

    def _ask(self, method: str, work: Callable[[], T]) -> T:
        try:
            return self._plugin.ask(method, work)
        except BaseException:
            self._file.take_back()  # what has not come back must not write later
            if self._file.error is not None:  # such as a full disk: that is no fault of the plugin's
                raise self._file.error from None
            raise


class _Lent:
    """A target in the hands of a plugin, until it is taken back; it remembers what the target raised."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.error: OSError | None = None
        self.is_back = False

    def write(self, data: bytes, /) -> int:
        return self._heard(lambda: self._target.write(data))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._heard(lambda: self._target.seek(offset, whence))

    def tell(self) -> int:
        return self._heard(self._target.tell)

    def seekable(self) -> bool:
        return self._target.seekable()

    def take_back(self) -> None:
        self.is_back = True

    def _heard(self, work: Callable[[], T]) -> T:
        if self.is_back:
            raise ValueError("the file is no longer the encoder's")
        try:
            return work()
        except OSError as error:
            self.error = error
            raise
