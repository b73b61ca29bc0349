"""libespeak-ng through ctypes: text in, 16-bit samples out."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path

SAMPLE_RATE = 22050  # Hz, the same for every voice of eSpeak NG

# From espeak-ng/speak_lib.h, version 1.52.
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000  # without this flag the library ends the process if its data is missing
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1  # no flag for SSML or phonemes: the text is plain
_BUFFER_MS = 1000

_LONGEST_DATA_PATH = 159  # bytes; the library copies the path into an array of 160 bytes

# Control characters are commands to eSpeak ("\x01+20P" raises the pitch), and NUL ends a C string.
_PLAIN = {code: " " for code in range(32) if chr(code) not in "\t\n\r"}

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Parameter(IntEnum):
    """The parameters of espeak_SetParameter (enum espeak_PARAMETER) that are used here."""

    RATE = 1
    VOLUME = 2
    PITCH = 3
    PITCH_RANGE = 4
    WORD_GAP = 7


class Library:
    """Speaks one text after another. No text influences how a later text sounds.

    libespeak-ng keeps state between texts, for example the phase of the flutter in a voice, and has
    no function to reset this state: a sentence would sound different after another sentence.
    Therefore the library is unloaded and loaded again for each text, which costs about 0.5 ms. Its
    state is global, so a process can speak only one text at a time.
    """

    def __init__(self, file: Path, data: Path) -> None:
        """Use the library `file` with the folder `data`. Raises OSError if one of them cannot be used."""
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
        """Return the speech as mono int16 samples in native byte order; None if the voice is unknown.

        `voice` is the path of a voice file relative to the folder `lang` of the data, with or without
        `+VARIANT`. `seed` sets the noise of breathy voices. Raises OSError if the library fails.
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
            if not self._set_voice(espeak, voice):
                return None
            for parameter, value in parameters.items():
                espeak.espeak_SetParameter(int(parameter), value, 0)
            # Some voices take their noise from the library's random generator, others from C's rand().
            espeak.espeak_ng_SetRandSeed(ctypes.c_long(seed % 2**31))
            self._c.srand(ctypes.c_uint(seed % 2**31))
            status = espeak.espeak_Synth(
                utf8, ctypes.c_size_t(len(utf8)), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
            )
            if status != 0:
                raise OSError(f"eSpeak NG could not speak: espeak_Synth returned {status}")
        return b"".join(heard)

    def _set_voice(self, espeak: ctypes.CDLL, voice: str) -> bool:
        """Use a voice from now on; False if it is unknown.

        The library reads all voice files before it finds one by its name, which takes 2 ms. It can use a
        file instead, but without a variant, and only a short path in lower case.
        """
        if "+" not in voice:
            with suppress(OSError), (self._data / "lang" / voice).open("rb") as file:
                if espeak.espeak_ng_SetVoiceByFile(os.fsencode(f"/dev/fd/{file.fileno()}")) == 0:
                    return True
        return bool(espeak.espeak_SetVoiceByName(os.fsencode(voice)) == 0)

    def close(self) -> None:
        """Remove the temporary folder, if the constructor made one."""
        if self._short is not None:
            self._short.cleanup()

    @contextmanager
    def _fresh(self) -> Iterator[ctypes.CDLL]:
        """Load the library in its initial state, and unload it at the end of the `with` block."""
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
                espeak.espeak_Terminate()  # frees memory that unloading alone does not free
        finally:
            self._c.dlclose(espeak._handle)


def _link(data: Path, folder: Path) -> Path:
    link = folder / data.name
    link.symlink_to(data.absolute(), target_is_directory=True)
    return link
