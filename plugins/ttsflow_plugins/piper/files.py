"""Voices of Piper as files: each is a model (.onnx) with a description beside it (.onnx.json)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from ttsflow import BackendUnavailable, UsageError, Voice

FOLDERS = ("~/.local/share/piper", "~/.local/share/piper-voices", "~/.cache/piper", "/usr/share/piper-voices")
"""where programs that use Piper keep voices, beside the current folder; in them, in any folder"""

SOURCE = "https://huggingface.co/rhasspy/piper-voices"

READ = ("espeak", "text")
"""kinds of phonemes that are read here; piper-tts reads others with packages and models that it downloads"""


@dataclass(frozen=True, slots=True)
class PiperModel:
    """A voice as its description has it.

    `speakers` are the numbers of its speakers by name, if it has several; `first` is that of the usual one.
    """

    path: Path
    rate: int
    languages: tuple[str, ...]
    speakers: dict[str, int]
    first: int

    @property
    def name(self) -> str:
        """Such as en_US-joe-medium."""
        return self.path.stem

    @property
    def voices(self) -> dict[str, int | None]:
        """Each voice with the number of its speaker, the usual one first; None for a model of one speaker."""
        if not self.speakers:
            return {self.name: None}
        ordered = sorted(self.speakers.items(), key=lambda item: item[1] != self.first)
        return {f"{self.name}:{speaker}": number for speaker, number in ordered}

    def listed(self) -> list[Voice]:
        """The voices as people choose them."""
        return [Voice(name, self.languages, f"{self.rate} Hz") for name in self.voices]

    def digests(self) -> tuple[str, str]:
        """Digests of the content of both files."""
        return _digest(self.path), _digest(_description(self.path))


def find(wanted: tuple[Path, ...]) -> list[PiperModel]:
    """The models of these paths or names; without any, the only one that is there.

    Raises BackendUnavailable where there is none, UsageError where several do not go together.
    """
    models = [read(_path(path)) for path in wanted or (_only(),)]
    for model in models[1:]:
        if model.rate != models[0].rate:
            raise UsageError(
                f"voices of one run have one sample rate: {models[0].name} has {models[0].rate} Hz, and "
                f"{model.name} {model.rate} Hz; leave one of them out of backend.options.model"
            )
    return models


def _path(wanted: Path) -> Path:
    """The file of a path, or of a name in one of the folders."""
    if wanted.is_file():
        return wanted
    named = wanted.with_name(f"{wanted.name}.onnx")
    if named.is_file():
        return named
    for path in _kept():
        if path.stem == wanted.name:
            return path
    raise BackendUnavailable(
        f"backend.options.model: there is no voice {wanted.name!r}: neither {wanted} nor {named.name} in the "
        f"current folder, {', '.join(FOLDERS)}. Nothing is downloaded: get both its files from {SOURCE}"
    )


def _only() -> Path:
    kept = {path.stem: path for path in _kept()}
    if len(kept) == 1:
        return next(iter(kept.values()))
    if not kept:
        raise BackendUnavailable(
            f"Piper has no voice: there is none in the current folder, {', '.join(FOLDERS)}. Nothing is "
            f"downloaded: get the two files of one (.onnx and .onnx.json) from {SOURCE}, and name it in "
            "backend.options.model"
        )
    names = sorted(kept)
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    raise BackendUnavailable(f"Piper has several voices: name one in backend.options.model: {shown}")


def _kept() -> Iterator[Path]:
    folders = (Path(folder).expanduser() for folder in FOLDERS)
    found = chain(Path().absolute().glob("*.onnx"), *(folder.rglob("*.onnx") for folder in folders))
    return (path for path in found if _description(path).is_file())


def _description(model: Path) -> Path:
    return model.with_name(f"{model.name}.json")


@cache
def read(model: Path) -> PiperModel:
    """A model with its description. Raises BackendUnavailable if that is not there, or is none."""
    path = _description(model)
    again = f"get both files of the voice again from {SOURCE}"
    try:
        told = json.loads(path.read_text("utf-8"))
        language = told.get("language", {}).get("code") or told["espeak"]["voice"]
        tag = str(language).replace("_", "-").lower()
        count = int(told["num_speakers"])
        speakers = {str(name): int(number) for name, number in told.get("speaker_id_map", {}).items()}
        found = PiperModel(
            model,
            int(told["audio"]["sample_rate"]),
            tuple(dict.fromkeys((tag.partition("-")[0], tag))),
            (speakers or {str(number): number for number in range(count)}) if count > 1 else {},
            int(told.get("default_speaker_id", 0)),
        )
        kind = str(told.get("phoneme_type", "espeak"))
    except OSError as error:
        raise BackendUnavailable(f"half a voice of Piper: {path}: {error.strerror}; {again}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackendUnavailable(f"{path} describes no voice of Piper ({error!r}); {again}") from error
    if kind not in READ:
        raise BackendUnavailable(
            f"{model.stem} reads text as {kind!r}, for which piper-tts needs more packages and downloads: "
            "ttsflow speaks through voices that read text by eSpeak NG, or letter by letter"
        )
    return found


@cache
def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:40]
