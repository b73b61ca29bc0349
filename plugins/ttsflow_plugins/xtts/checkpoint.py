"""An XTTS-v2 checkpoint on disk: its files and what they contain, read without torch."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from ttsflow import BackendUnavailable

CONFIG, WEIGHTS, VOCABULARY = "config.json", "model.pth", "vocab.json"
NEEDED = (CONFIG, WEIGHTS, VOCABULARY)
SPEAKERS = "speakers_xtts.pth"

_NEEDED_TOKENS = ("[START]", "[STOP]", "[UNK]", "[SPACE]", "[en]")
_VOICE_TOKENS = 32  # the perceiver makes so many tokens of a recording; they come before the text

_REFERENCE_S = 10  # `max_ref_len` of upstream's XttsConfig

_END_BYTES = 16 * 2**20  # how much of each end of a file goes into its digest

_PICKLE_LIMIT = 16 * 2**20  # bytes; the pickle of the published file is a few kilobytes, without the tensors


def check_folder(folder: Path) -> None:
    """Raise BackendUnavailable unless `folder` holds the files of an XTTS-v2 checkpoint."""
    if not folder.is_dir():
        raise BackendUnavailable(
            f"no folder {folder}: the option model_dir of the backend 'xtts' must name a folder with "
            f"{', '.join(NEEDED)} and, for built-in speakers, {SPEAKERS}"
        )
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise BackendUnavailable(
            f"{folder} is no whole XTTS-v2 checkpoint: {', '.join(missing)} missing; "
            "copy the missing files there, or name another model_dir"
        )
    _check_config(folder / CONFIG)


def _check_config(path: Path) -> None:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        is_xtts = config["model"] == "xtts"
        is_v2 = config["model_args"]["gpt_use_perceiver_resampler"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackendUnavailable(f"{path} is not the config.json of an XTTS-v2 model: {error!r}") from error
    if not is_xtts:
        raise BackendUnavailable(f"{path} describes the model {config['model']!r}; needed: 'xtts'")
    if not is_v2:  # the perceiver came with version 2
        raise BackendUnavailable(f"{path} describes an XTTS v1 model; needed: XTTS-v2")


def token_count(folder: Path) -> int:
    """Number of text token ids in the vocabulary. Raises BackendUnavailable if it is not XTTS-v2's."""
    from tokenizers import Tokenizer

    path = folder / VOCABULARY
    try:
        ids = Tokenizer.from_file(str(path)).get_vocab()
    except Exception as error:  # tokenizers raises plain Exception
        raise BackendUnavailable(f"{path} is not the vocabulary of an XTTS-v2 model: {error}") from error
    if missing := [token for token in _NEEDED_TOKENS if token not in ids]:
        raise BackendUnavailable(
            f"{path} is not the vocabulary of an XTTS-v2 model: it lacks {', '.join(missing)}; "
            "get the one that belongs to the weights"
        )
    return max(ids.values()) + 1


class CacheSize(NamedTuple):
    """Of a KV cache: the tokens of one chunk of the greatest length, and the numbers of each token."""

    tokens: int
    numbers: int


def cache_size(folder: Path) -> CacheSize:
    """Raises BackendUnavailable if the configuration does not say how large the model is."""
    path = folder / CONFIG
    try:
        size = json.loads(path.read_text(encoding="utf-8"))["model_args"]
        return CacheSize(
            _VOICE_TOKENS + int(size["gpt_max_text_tokens"]) + int(size["gpt_max_audio_tokens"]),
            2 * int(size["gpt_layers"]) * int(size["gpt_n_model_channels"]),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackendUnavailable(f"{path} is not the config.json of an XTTS-v2 model: {error!r}") from error


def reference_seconds(folder: Path) -> int:
    """Most seconds of reference audio that are used; upstream's default if the config does not set it."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return int(config.get("max_ref_len", _REFERENCE_S))


def weights_bytes(folder: Path) -> int:
    """Size of the weights in bytes."""
    return (folder / WEIGHTS).stat().st_size


def content(folder: Path) -> dict[str, str]:
    """A digest of each file that the audio depends on.

    For a file above 32 MiB (the weights, about 2 GB) only the size and the first and the last 16 MiB are
    digested. This takes a tenth of a second, and tells one training from another. It does not detect a
    file in which only bytes in the middle were changed.
    """
    return {name: _digest(folder / name) for name in (*NEEDED, SPEAKERS) if (folder / name).is_file()}


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=20)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        digest.update(f"{size}\n".encode())
        file.seek(0)
        digest.update(file.read(_END_BYTES))
        file.seek(max(_END_BYTES, size - _END_BYTES))
        digest.update(file.read(_END_BYTES))
    return digest.hexdigest()


def speaker_names(folder: Path) -> tuple[str, ...]:
    """Names of the built-in speakers in upstream's order; empty if the checkpoint has none.

    The names are the keys of a dictionary that `torch.save` wrote: a zip file that contains a pickle
    and, separately, the tensors. While the pickle is read, every class and function in it is replaced
    by a placeholder, so no code in it runs. Raises BackendUnavailable for any other file.
    """
    path = folder / SPEAKERS
    if not path.exists():
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            (member,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(member) as stream:
                names = tuple(_InertUnpickler(io.BytesIO(stream.read(_PICKLE_LIMIT))).load())
    except Exception as error:  # a damaged pickle may raise anything at all
        raise BackendUnavailable(
            f"cannot read the speakers in {path} ({type(error).__name__}: {error}): the file is damaged "
            "or was not written by torch.save; get it again, or remove it and use reference audio"
        ) from error
    if not all(isinstance(name, str) for name in names):
        raise BackendUnavailable(f"{path} does not hold a dictionary of speakers by name")
    return names


class _Inert:
    """Placeholder for any object in a pickle: accepts all arguments and does nothing."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _InertUnpickler(pickle.Unpickler):
    """Reads the dictionaries, strings and numbers of a pickle, and runs no code in it."""

    def find_class(self, module: str, name: str) -> Any:
        return dict if (module, name) == ("collections", "OrderedDict") else _Inert

    def persistent_load(self, pid: object) -> _Inert:
        return _Inert()
