"""The encoders of plugins, as the formats of this program are."""

from __future__ import annotations

import io
from collections.abc import Callable, Coroutine, Generator
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ttsflow.config import Settings
from ttsflow.errors import PluginError, SinkError, TtsflowError, UnknownNameError
from ttsflow.interface.audioencoder import AudioDetails, AudioEncoder
from ttsflow.output import About, Encoding, Format, Formats, Tag
from ttsflow.output.formats import at_rate_asked
from ttsflow.registry import Plugin, Registry
from ttsflow.registry.boundary import Breach

if TYPE_CHECKING:
    from ttsflow.output.encoders import Encoder, Target
    from ttsflow.output.pool import EncoderPool


def formats_of(registry: Registry) -> Formats:
    """The formats in which audio can be written, with those of plugins."""
    return Formats(tuple(map(_format, registry.encoders())))


def formats_for(settings: Settings, registry: Registry) -> Formats:
    """The same. Raises UnknownNameError where the configuration names a format that there is not."""
    formats, name = formats_of(registry), settings.config.output.format
    if name is not None:
        try:
            formats.named(name, f"It is named at {settings.where(('output', 'format'))}")
        except UnknownNameError as error:
            raise registry.unknown(error) from error
    return formats


def _format(plugin: Plugin[AudioEncoder]) -> Format:
    cls = plugin.cls
    return Format(
        plugin.name,
        cls.suffixes,
        partial(_begin, plugin),
        streamed=cls.streamed,
        bit_rates=cls.bit_rates,
        provider=str(plugin.provider),
    )


def _begin(
    plugin: Plugin[AudioEncoder],
    target: Target,
    sample_rate: int,
    tag: Tag | None,
    encoding: Encoding,
    pool: EncoderPool,
) -> Encoder:
    """An encoder of a plugin; its file has no tag. Raises SinkError."""
    return at_rate_asked(
        encoding, sample_rate, lambda rate: _PluggedEncoder(plugin, target, rate, encoding.kbit_s)
    )


class _PluggedEncoder:
    """The encoder of a plugin, each call of which is bounded. What it does wrong is a SinkError."""

    def __init__(
        self, plugin: Plugin[AudioEncoder], target: Target, sample_rate: int, kbit_s: int | None
    ) -> None:
        self._plugin, self._file = plugin, _Lent(target)
        self._is_out = self._has_samples = False
        # Told apart by name is what a call prints now and then; to listen takes too long for each piece.
        self._unheard = replace(plugin, boundary=replace(plugin.boundary, hearing=nullcontext))
        self._encoder = plugin.ask("__init__", plugin.cls)
        try:
            self._ask(plugin, "begin", lambda: self._encoder.begin(self._file, sample_rate, kbit_s))
        except BaseException:
            self.drop()
            raise

    def write(self, samples: bytes) -> None:
        """Add mono samples, little-endian 16-bit."""
        import numpy as np

        array = np.frombuffer(bytearray(samples), "<i2")  # of the plugin's own, which it may change
        self._has_samples |= bool(samples)
        self._ask(self._unheard, "write", lambda: self._encoder.write(array))

    def finish(self, about: About) -> None:
        """Complete the file."""
        details = about.details
        told = AudioDetails(
            about.length_s or None,
            details.title,
            details.author,
            details.language,
            tuple((chapter.title, chapter.start_s) for chapter in about.chapters),
            details.cover,
            about.track,
            about.album,
        )
        self._ask(self._plugin, "finish", lambda: self._encoder.finish(told))
        if self._has_samples and not self._file.has_bytes:
            raise SinkError(str(self._plugin.broken("finish", "left a file without a byte")))
        self._file.take_back()

    def drop(self) -> None:
        """Have the plugin give back what it holds, unless it is at work still."""
        if not (self._is_out or self._file.is_back):
            with suppress(SinkError, OSError):  # the audio has ended early, and why is known
                self._ask(self._plugin, "drop", self._encoder.drop)
        self._file.take_back()

    def _ask(self, plugin: Plugin[AudioEncoder], method: str, work: Callable[[], object]) -> None:
        """Call the plugin, and send on what it wrote. Raises SinkError, and the OSError of the target."""

        def call() -> None:
            self._is_out = True
            try:
                given = work()
                if isinstance(given, Coroutine | Generator):
                    given.close()
                    kind = type(given).__name__
                    raise Breach(f"gave a {kind}, which nobody runs; the rule: an ordinary method")
            finally:
                self._is_out = False

        try:
            plugin.ask(method, call)
        except TtsflowError as error:
            if self._is_out:  # what has not come back must not write later
                self._file.take_back()
            self._file.check()
            told = isinstance(error, PluginError)
            said = str(error) if told else f"{plugin.label} of {plugin.provider} raised in {method}: {error}"
            raise SinkError(said) from error
        self._file.send()


class _Lent(io.RawIOBase):
    """A target in the hands of a plugin, as the file that it writes to, until it is taken back.

    What goes to a stream waits until the plugin has come back: so how long a listener takes is not counted
    as the plugin's time. What is written to a file that was taken back goes nowhere: libraries write the rest
    of theirs when an object is forgotten.
    """

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.is_back = self.has_bytes = False
        self._target, self._is_file = target, target.seekable()
        self._waiting = bytearray()
        self._error: OSError | None = None
        self._nowhere = io.BytesIO()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._is_file

    def write(self, data: Any, /) -> int:
        """Write all of the bytes of `data`."""
        raw = memoryview(data).tobytes()
        self.has_bytes |= bool(raw)
        if self.is_back:
            return len(raw)
        if not self._is_file:
            self._waiting += raw
            return len(raw)
        try:
            return self._target.write(raw)
        except OSError as error:
            self._error = error
            raise

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if self.is_back:
            return self._nowhere.seek(max(0, offset))
        return self._target.seek(offset, whence) if self._is_file else super().seek(offset, whence)

    def tell(self) -> int:
        if self.is_back:
            return self._nowhere.tell()
        return self._target.tell() if self._is_file else super().tell()

    def check(self) -> None:
        """Raise what the target raised, whatever the plugin made of it: such as for a full disk."""
        if self._error is not None:
            raise self._error

    def send(self) -> None:
        """Send on what waits. Raises OSError, also that of an earlier `write`."""
        self.check()
        if self._waiting:
            waiting, self._waiting = self._waiting, bytearray()
            self._target.write(bytes(waiting))

    def take_back(self) -> None:
        """From now on what is written goes nowhere."""
        self.is_back = True
