"""The files of Kokoro: where they are, and what is in them."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ttsflow import BackendUnavailable

MODELS = ("kokoro-v1.0.onnx", "kokoro-v1.0.fp16.onnx", "kokoro-v1.0.int8.onnx", "kokoro-v1.1-zh.onnx")
VOICES = ("voices-v1.0.bin", "voices-v1.1-zh.bin")
"""names under which the files are published, the best first"""

FOLDERS = (".", "~/.cache/kokoro-onnx", "~/.local/share/kokoro-onnx", "~/.cache/kokoro")
"""where programs that use Kokoro keep them"""

SOURCE = "https://github.com/thewh1teagle/kokoro-onnx/releases"


@dataclass(frozen=True, slots=True)
class Files:
    """The model, and its voices."""

    model: Path
    voices: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the voices. Raises BackendUnavailable for a file that is none of voices."""
        return _names(self.voices)

    @property
    def digests(self) -> tuple[str, str]:
        """Digests of the content of both."""
        return _digest(self.model), _digest(self.voices)


def find(model: Path | None, voices: Path | None) -> Files:
    """The files named, or else found where users keep them. Raises BackendUnavailable if one is not there."""
    return Files(
        _there(model, "model") or _kept(MODELS, "model"), _there(voices, "voices") or _kept(VOICES, "voices")
    )


def _there(path: Path | None, option: str) -> Path | None:
    if path is not None and not path.is_file():
        raise BackendUnavailable(f"backend.options.{option}: there is no file {path}")
    return path


def _kept(names: tuple[str, ...], option: str) -> Path:
    for name in names:
        for folder in FOLDERS:
            path = Path(folder).expanduser() / name
            if path.is_file():
                return path.absolute()
    raise BackendUnavailable(
        f"Kokoro has no {option}: there is no {names[0]} in {', '.join(FOLDERS)}. Nothing is downloaded: "
        f"get the file from {SOURCE}, and put it there or name it in backend.options.{option}"
    )


@cache
def _names(path: Path) -> tuple[str, ...]:
    """The arrays in a file of numpy's, which is a zip archive; numpy itself would be heavy."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
    except (OSError, zipfile.BadZipFile) as error:
        raise BackendUnavailable(
            f"{path} is no file of Kokoro's voices ({error}); get {VOICES[0]} again from {SOURCE}"
        ) from error
    if not names:
        raise BackendUnavailable(f"{path} has no voices; get {VOICES[0]} from {SOURCE}")
    return names


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:40]
