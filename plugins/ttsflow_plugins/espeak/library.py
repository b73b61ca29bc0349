"""libespeak-ng through ctypes: text in, 16-bit samples out."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

SAMPLE_RATE = 22050  # Hz, of every voice of eSpeak NG

# From espeak-ng/speak_lib.h, version 1.52.
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000  # else the library ends the process where its data is missing
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1  # and neither SSML nor phonemes: the text is plain
_BUFFER_MS = 1000

_LONGEST_DATA_PATH = 159  # bytes; the library keeps it in an array of 160

# Control characters are commands to eSpeak ("\x01+20P" raises the pitch), and NUL ends a C string.
_PLAIN = {code: " " for code in range(32) if chr(code) not in "\t\n\r"}

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Parameter(IntEnum):
    """What espeak_SetParameter can set (espeak_PARAMETER)."""

    RATE = 1
    VOLUME = 2
    PITCH = 3
    PITCH_RANGE = 4
    WORD_GAP = 7


class Library:
    """Speaks one text after another, each as if it were the first.

    The library keeps state between texts that nothing in its interface resets (the phase of the
    flutter in a voice, to begin with), so that a sentence would sound different after another one.
    It is therefore unloaded and loaded again for each text, which costs about 3 ms. It is all global
    variables: one text at a time in a process.
    """

    def __init__(self, file: Path, data: Path) -> None:
        """Take the library `file` and its `data` folder. Raises OSError where they cannot be used."""
        self._file = file
        self._c = ctypes.CDLL(None)
        self._c.dlclose.argtypes = [ctypes.c_void_p]
        self._short = None
        if len(os.fsencode(data)) > _LONGEST_DATA_PATH:
            self._short = tempfile.TemporaryDirectory(prefix="ttsflow-")
            data = _link(data, Path(self._short.name))
        self._data = data
        try:
            with self._fresh():
                pass
        except OSError:
            self.close()
            raise

    def speak(self, text: str, voice: str, seed: int, parameters: Mapping[Parameter, int]) -> bytes | None:
        """Speak a text: mono samples, int16 in native order; None where there is no such voice.

        `voice` is the path of a voice file below `lang` in the data folder, with or without
        `+VARIANT`. `seed` chooses the noise of breathy voices. Raises OSError where the library fails.
        """
        heard: list[bytes] = []

        def hear(samples: int | None, count: int, events: int | None) -> int:
            if samples and count > 0:
                heard.append(ctypes.string_at(samples, 2 * count))
            return 0

        callback = _Callback(hear)
        utf8 = text.translate(_PLAIN).encode("utf-8", "replace") + b"\0"
        with self._fresh() as espeak:
            espeak.espeak_SetSynthCallback(callback)
            if espeak.espeak_SetVoiceByName(os.fsencode(voice)) != 0:
                return None
            for parameter, value in parameters.items():
                espeak.espeak_SetParameter(int(parameter), value, 0)
            # Some voices take their noise from the library's own generator, some from C's.
            espeak.espeak_ng_SetRandSeed(ctypes.c_long(seed % 2**31))
            self._c.srand(ctypes.c_uint(seed % 2**31))
            status = espeak.espeak_Synth(
                utf8, ctypes.c_size_t(len(utf8)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
            )
            if status != 0:
                raise OSError(f"eSpeak NG could not speak: espeak_Synth returned {status}")
        return b"".join(heard)

    def close(self) -> None:
        """Remove what the constructor put into the folder for temporary files."""
        if self._short is not None:
            self._short.cleanup()

    @contextmanager
    def _fresh(self) -> Iterator[ctypes.CDLL]:
        """The library in the state in which it begins, for as long as the block runs."""
        espeak = ctypes.CDLL(str(self._file))
        try:
            rate = espeak.espeak_Initialize(
                _OUTPUT_SYNCHRONOUS, _BUFFER_MS, os.fsencode(self._data), _DONT_EXIT
            )
            if rate != SAMPLE_RATE:
                raise OSError(f"espeak_Initialize returned {rate} for the data in {self._data}")
            try:
                yield espeak
            finally:
                espeak.espeak_Terminate()  # frees what unloading would leave behind
        finally:
            self._c.dlclose(espeak._handle)


def _link(data: Path, folder: Path) -> Path:
    link = folder / data.name
    link.symlink_to(data.absolute(), target_is_directory=True)
    return link
