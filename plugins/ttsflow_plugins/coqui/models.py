"""The files of a model of coqui-tts, and what its configuration says; nothing here needs torch."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ttsflow import BackendUnavailable
from ttsflow_plugins.coqui import catalogue
from ttsflow_plugins.coqui.options import CoquiOptions

CHECKPOINTS = ("model_file.pth", "model_file.pth.tar", "model.pth", "checkpoint.pth", "best_model.pth")
"""names of a checkpoint, as coqui-tts itself finds it"""

CLONING = ("bark", "tortoise")
"""models that take reference audio by themselves; others need a speaker encoder"""

_COMMENT = re.compile(r"(?<![:\"])//[^\n\"]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """A model or a vocoder: its checkpoint, and its configuration."""

    checkpoint: Path
    config: Path


@dataclass(frozen=True, slots=True)
class CoquiModel:
    """A model, its vocoder if it needs one, and what it can speak.

    `languages` is None where nobody says which; only a model that is `multilingual` is told the language.
    `speakers` are empty for a model of one, and where their names are in a file of torch's.
    """

    kind: str
    model: Part
    vocoder: Part | None
    rate: int
    languages: tuple[str, ...] | None
    multilingual: bool
    speakers: tuple[str, ...]
    takes_references: bool

    def digests(self) -> list[str]:
        """Digests of all files that the audio depends on."""
        parts = [part for part in (self.model, self.vocoder) if part is not None]
        return [_digest(path) for part in parts for path in (part.checkpoint, part.config)]


def find(options: CoquiOptions) -> CoquiModel:
    """The model of the options. Raises BackendUnavailable if a file is not there, or is none."""
    entry = None if options.model is None else catalogue.entry(options.model)
    folder = entry.folder if entry is not None else options.model_dir
    assert folder is not None
    if entry is not None and not folder.is_dir():
        raise BackendUnavailable(
            f"{entry.name} is not on this machine; it is under the licence {entry.licence}. A run at a "
            "terminal asks whether it may be downloaded"
        )
    model = _part(folder)
    vocoder_dir = options.vocoder_dir
    if vocoder_dir is None and entry is not None and entry.vocoder is not None:
        vocoder_dir = catalogue.entry_of_vocoder(entry.vocoder).folder
    vocoder = None if vocoder_dir is None else _part(vocoder_dir)
    config = _read(model.config)
    try:
        named = options.language or (None if entry is None else entry.language)
        return _described(model, vocoder, config, named)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackendUnavailable(
            f"{model.config} is no configuration of a model of coqui-tts ({error!r}); get its files again"
        ) from error


def _described(model: Part, vocoder: Part | None, config: dict[str, Any], language: str | None) -> CoquiModel:
    if "data" in config and "train" in config:
        return _of_fairseq(model, config, language)
    kind = str(config["model"]).lower()
    if kind == "xtts":
        raise BackendUnavailable(f"{model.config.parent} is a model of XTTS: choose `backend.use: xtts`")
    told = dict(config.get("model_args") or {})
    told |= {key: value for key, value in config.items() if value}
    multilingual = bool(told.get("use_language_embedding"))
    audio = (_read(vocoder.config) if vocoder else config)["audio"]
    return CoquiModel(
        kind,
        model,
        vocoder,
        int((vocoder is None and audio.get("output_sample_rate")) or audio["sample_rate"]),
        _languages(told, model.config.parent, None if multilingual else language),
        multilingual,
        _speakers(told, model.config.parent),
        kind in CLONING or bool(told.get("speaker_encoder_model_path")),
    )


def _of_fairseq(model: Part, config: dict[str, Any], language: str | None) -> CoquiModel:
    folder = model.config.parent
    if "fairseq" not in str(folder):
        raise BackendUnavailable(
            f"{folder} has a model of fairseq, which coqui-tts knows by its path: put `fairseq` into the "
            "folder's name"
        )
    spoken = None if language is None else (language,)
    part = Part(folder, model.config)
    return CoquiModel("vits", part, None, int(config["data"]["sampling_rate"]), spoken, False, (), False)


def _languages(told: dict[str, Any], folder: Path, given: str | None) -> tuple[str, ...] | None:
    """As the option or the name says, or else the configuration."""
    if given is not None:
        return (given,)
    listed = list(told.get("languages") or ())
    if not listed and told.get("language_ids_file"):
        listed = list(_read(_beside(folder, told["language_ids_file"])))
    listed = listed or [each.get("language") for each in told.get("datasets") or () if each.get("language")]
    listed = listed or [told["phoneme_language"]] if told.get("phoneme_language") or listed else []
    return tuple(dict.fromkeys(map(str, listed))) or None


def _speakers(told: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """Their names in the order of the file."""
    if not (told.get("use_speaker_embedding") or told.get("use_d_vector_file")):
        return ()
    if told.get("speakers"):
        return tuple(map(str, told["speakers"]))
    files = told.get("speaker_file") or told.get("speakers_file") or told.get("d_vector_file")
    file = files[0] if isinstance(files, list) else files
    if not file or not str(file).endswith(".json"):
        return ()
    content = _read(_beside(folder, file))
    names = [each["name"] if isinstance(each, dict) else name for name, each in content.items()]
    return tuple(dict.fromkeys(map(str, names)))


def _beside(folder: Path, file: str) -> Path:
    """A file of the configuration; one that was trained elsewhere names it by a path of that machine."""
    path = Path(file)
    return path if path.is_file() else folder / path.name


def _part(folder: Path) -> Part:
    """What is in a folder, or beside a checkpoint."""
    if folder.is_file():
        return Part(folder, _there(folder.with_name("config.json")))
    if not folder.is_dir():
        raise BackendUnavailable(f"there is no folder {folder} with a model of coqui-tts")
    config = _there(folder / "config.json")
    for name in CHECKPOINTS:
        if (folder / name).is_file():
            return Part(folder / name, config)
    found = sorted(folder.glob("*.pt*"))
    if not found:
        raise BackendUnavailable(f"half a model: {folder} has a config.json, and no checkpoint (.pth)")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BackendUnavailable(
            f"{folder} has several checkpoints ({names}): name one in backend.options.model_dir"
        )
    return Part(found[0], config)


def _there(config: Path) -> Path:
    if not config.is_file():
        raise BackendUnavailable(
            f"half a model: there is no {config}, which belongs to a checkpoint of coqui-tts"
        )
    return config


@cache
def _read(path: Path) -> dict[str, Any]:
    """A JSON file, which may have comments as older configurations do."""
    try:
        content = json.loads(_COMMENT.sub("", path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise BackendUnavailable(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise BackendUnavailable(f"{path} is no configuration of coqui-tts")
    return content


@cache
def _digest(path: Path) -> str:
    """Of a file, or of the checkpoint in a folder of fairseq's."""
    digest = hashlib.blake2b(digest_size=20)
    for file in sorted(path.glob("*")) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "blake2b").digest())
    return digest.hexdigest()
