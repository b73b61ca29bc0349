"""Imports and loads coqui-tts's XTTS-v2, in a worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from ttsflow import BackendUnavailable, install_command
from ttsflow_plugins.xtts.checkpoint import VOCABULARY, token_count, weights_bytes


def load_model(
    folder: Path,
    device_kind: str,
    threads: int,
    settings: Mapping[str, Any],
    progress: Callable[[str], None] = lambda what: None,
) -> Any:
    """Upstream's `Xtts`, ready to speak on "cuda" or "cpu", with `threads` CPU threads.

    `settings` replace the values of the same name in the checkpoint's config.json. `progress` is called
    with a text before each step. Raises BackendUnavailable if the libraries, the device or the checkpoint
    cannot be used.
    """
    progress("importing torch and coqui-tts")
    try:
        import_torchaudio()
        import torch
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models.xtts import Xtts
    except (ImportError, OSError, RuntimeError) as error:
        raise BackendUnavailable(
            f"coqui-tts cannot be imported ({type(error).__name__}: {brief(error)}); "
            f"install the tested set again: {install_command('xtts')}"
        ) from error
    if device_kind == "cuda" and not torch.cuda.is_available():
        raise BackendUnavailable(_why_no_gpu())
    torch.set_num_threads(threads)
    progress(f"reading the weights ({weights_bytes(folder) / 1e9:.1f} GB)")
    try:
        config = XttsConfig()
        config.load_json(str(folder / "config.json"))
        for name, value in settings.items():
            setattr(config, name, value)
        tokens = token_count(folder)
        model = Xtts(config)
        # Upstream's own reader rewrites a checkpoint of the older format in place, while other workers
        # may be reading it, and needs it twice in memory.
        model._load_checkpoint = partial(_read_weights, tokens=tokens)
        model.load_checkpoint(config, checkpoint_dir=folder, eval=True)
    except BackendUnavailable:
        raise
    except Exception as error:  # a wrong file may fail in any of the libraries that read it
        raise BackendUnavailable(
            f"the XTTS-v2 checkpoint in {folder} cannot be loaded ({type(error).__name__}: {brief(error)}); "
            "get its files again, or name another model_dir"
        ) from error
    if device_kind != "cpu":  # after loading, the model is on the CPU
        progress(f"moving the model to {device_kind}")
    return model.to(device_kind)


def _why_no_gpu() -> str:
    import torch

    build = f"torch {torch.__version__}"
    if torch.version.cuda is None:
        return f"{build} is a build for CPUs: install a CUDA build of torch, or run on the CPU"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch has no types for it
    except Exception as error:  # the reason comes from the driver, through torch
        why = f"{type(error).__name__}: {brief(error)}"
    else:
        why = "it sees no GPU"
    return (
        f"{build}, for CUDA {torch.version.cuda}, cannot use the GPU ({why}): install a build of torch that "
        "fits the driver (nvidia-smi shows its CUDA version), update the driver, or run on the CPU"
    )


def import_torchaudio() -> None:
    """Import torchaudio, without its native part if that cannot be loaded.

    The wheels on PyPI are built for one CUDA version. With another build of torch (for example for CPUs)
    their native part raises OSError or RuntimeError. XTTS-v2 uses only resampling and mel spectrograms,
    which are plain torch.
    """
    try:
        import torchaudio
    except ModuleNotFoundError:
        raise
    except (ImportError, OSError, RuntimeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        native = ModuleType("torchaudio._extension")
        native.__dict__.update(
            _IS_TORCHAUDIO_EXT_AVAILABLE=False,
            _IS_ALIGN_AVAILABLE=False,
            fail_if_no_align=lambda function: function,
        )
        sys.modules[native.__name__] = native
        import torchaudio  # noqa: F401  # imported for its entry in sys.modules


class _IgnoredConfig:
    """Replaces the configuration objects in older checkpoints; only config.json is used."""

    def __setstate__(self, state: object) -> None:
        pass


_CONFIG_CLASSES: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_IgnoredConfig, name)
    for name in (
        "TTS.tts.configs.xtts_config.XttsConfig",
        "TTS.tts.configs.xtts_config.XttsArgs",
        "TTS.tts.configs.xtts_config.XttsAudioConfig",
        "TTS.tts.models.xtts.XttsArgs",
        "TTS.tts.models.xtts.XttsAudioConfig",
        "TTS.config.shared_configs.BaseDatasetConfig",
    )
]


def _read_weights(path: Path, tokens: int) -> dict[str, Any]:
    """The tensors by name of the checkpoint at `path`, for a vocabulary with `tokens` token ids.

    A file that contains code is refused; the code is never run.
    """
    import torch

    try:
        with torch.serialization.safe_globals(_CONFIG_CLASSES):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        weights = dict(checkpoint["model"])
    except Exception as error:  # torch.load and the pickle inside raise many kinds
        raise BackendUnavailable(
            f"cannot read the weights in {path}: the file is damaged, or is more than weights, "
            f"which is refused ({type(error).__name__}: {brief(error)}). Get it again"
        ) from error
    embedded = weights.get("gpt.text_embedding.weight")
    if embedded is not None and len(embedded) != tokens:
        raise BackendUnavailable(
            f"{path.with_name(VOCABULARY)} has {tokens} tokens and the weights beside it are for "
            f"{len(embedded)}: they belong to different models. Get both again from one place"
        )
    return weights


def brief(error: Exception) -> str:
    """The start of an error's message. Messages of torch can be hundreds of lines long."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
