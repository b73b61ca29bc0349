"""One stream's audio on the sound device of this machine, as it comes."""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Sequence
from contextlib import suppress
from threading import Condition
from typing import Any

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.installation import install_command
from ttsflow.interface.jobs import AudioPiece, Outcome
from ttsflow.output.pcm import SAMPLE_BYTES, encode, silence

AHEAD_S = 2.0
"""seconds of audio that wait for the device; what comes then waits until there is room"""
STUCK_S = 10.0
"""seconds in which a device takes nothing until it is given up"""


class PlayerSink:
    """Plays 16-bit mono audio; where the next is not there yet, silence.

    `finish` waits until all has been played. Playing needs the extra `play`, which brings miniaudio.
    """

    def __init__(self, *, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._device: Any = None  # a PlaybackDevice of miniaudio, which tells no types
        self._waiting = bytearray()
        self._changed = Condition()

    def open(self) -> None:
        """Open the device. Raises OutputError where there is none, or the extra is not installed."""
        self._device = _device(self._sample_rate)

    def write(self, pieces: Sequence[AudioPiece]) -> None:
        """Play the pieces after what is waiting. Raises SinkError."""
        for piece in pieces:
            self.play(encode(piece, self._sample_rate))

    def play(self, samples: bytes) -> None:
        """Play mono samples, little-endian 16-bit, after what is waiting. Raises SinkError."""
        device = self._device
        if device is None:
            raise ValueError("the sink is not open")
        with self._changed:
            self._waiting += samples
        if not device.running:  # not before there is something to hear
            pull = self._pulled()
            next(pull)
            device.start(pull)
        self._wait(round(AHEAD_S * self._sample_rate) * SAMPLE_BYTES)

    def end_chunk(self, outcome: Outcome) -> None:
        """Play the pause after the chunk. Raises SinkError."""
        for block in silence(outcome.job.pause_s, self._sample_rate):
            self.play(block)

    def finish(self) -> None:
        """Wait until all has been played, and close the device. Raises SinkError."""
        self._wait(0)
        self.abort()

    def abort(self) -> None:
        """Close the device; what waits is not played."""
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _wait(self, most: int) -> None:
        """Wait until at most so many bytes wait for the device."""
        with self._changed:
            while (before := len(self._waiting)) > most:
                if not self._changed.wait(STUCK_S) and len(self._waiting) == before:
                    raise SinkError(
                        f"the sound device has taken nothing for {STUCK_S:.0f} s; see to it, or name a file "
                        f"with -o, and run again"
                    )

    def _pulled(self) -> Generator[bytes, int, None]:
        """What the device asks for, on its own thread: so many samples, those that are missing silent."""
        wanted = yield b""
        while True:
            size = wanted * SAMPLE_BYTES
            with self._changed:
                taken = bytes(self._waiting[:size])
                del self._waiting[:size]
                self._changed.notify_all()
            wanted = yield taken.ljust(size, b"\0")


def _device(sample_rate: int) -> Any:
    try:
        import miniaudio
    except ImportError as error:
        raise OutputError(f"playing needs miniaudio ({error}): {install_command('play')}") from error
    _silence_alsa()
    try:
        device = miniaudio.PlaybackDevice(
            output_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=sample_rate,
            app_name="ttsflow",
        )
    except miniaudio.MiniaudioError as error:
        raise OutputError(
            f"no sound device can be opened ({error.args[0]}); name a file with -o, or pipe the audio to a "
            f"player on another machine (-o -)"
        ) from error
    if device.backend == "Null":  # it is taken where there is no other, and nobody hears it
        device.close()
        raise OutputError("this machine has no sound system; name a file with -o")
    return device


_Handler = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)
_nothing: Any = _Handler(lambda *said: None)  # kept: the library calls it


def _silence_alsa() -> None:
    """Linux's sound library writes pages of its own to standard error; what matters it returns as well."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_nothing)
