"""Checkpoints that are incomplete, wrong, damaged or hostile."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.xtts.speech import alone, job
from ttsflow import BackendUnavailable, Device
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.tiny import SPEAKERS

NO_TOKENS = '{"model": {"type": "BPE", "vocab": {}, "merges": []}}'

CPU = Device(id="cpu", kind="cpu")
Variant = Callable[..., Path]


def voices(folder: Path) -> list[str]:
    return [voice.name for voice in Xtts.voices(Xtts.Options(model_dir=folder))]


def load(folder: Path) -> Xtts:
    backend = Xtts(Xtts.Options(model_dir=folder))
    backend.load(CPU, 1)
    return backend


@pytest.mark.parametrize("name", ["config.json", "model.pth", "vocab.json"])
def test_a_missing_file_is_named(name: str, variant: Variant) -> None:
    options = Xtts.Options(model_dir=variant(name))
    with pytest.raises(BackendUnavailable, match=f"{name} missing"):
        Xtts.prepare(options, None)
    with pytest.raises(BackendUnavailable, match=f"{name} missing"):
        Xtts.describe(options)


def test_a_checkpoint_of_version_1_is_refused(tiny: Path, variant: Variant) -> None:
    config = json.loads((tiny / "config.json").read_text())
    config["model_args"]["gpt_use_perceiver_resampler"] = False
    folder = variant("config.json")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BackendUnavailable, match="XTTS v1"):
        Xtts.prepare(Xtts.Options(model_dir=folder), None)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", r"not the config\.json"),
        ("[]", r"not the config\.json"),
        ('{"model": "xtts"}', r"not the config\.json"),
        ('{"model": "vits", "model_args": {"gpt_use_perceiver_resampler": true}}', "the model 'vits'"),
    ],
)
def test_a_config_of_something_else_is_refused(config: str, says: str, variant: Variant) -> None:
    folder = variant("config.json")
    (folder / "config.json").write_text(config)
    with pytest.raises(BackendUnavailable, match=says):
        Xtts.prepare(Xtts.Options(model_dir=folder), None)


# ---------------------------------------------------------------- speakers_xtts.pth, read without torch


def test_speakers_keep_upstreams_order(tiny: Path) -> None:
    assert voices(tiny) == list(SPEAKERS)


def test_no_speakers_file_means_no_voices(variant: Variant) -> None:
    assert voices(variant("speakers_xtts.pth")) == []


def test_hostile_speakers_run_nothing(variant: Variant, trap: Any) -> None:
    import torch

    folder = variant("speakers_xtts.pth")
    torch.save({"Eve": trap, "Mallory": {"gpt_cond_latent": trap}}, folder / "speakers_xtts.pth")
    assert voices(folder) == ["Eve", "Mallory"]
    with pytest.raises(BackendUnavailable, match="cannot be loaded"):
        load(folder)


@pytest.mark.parametrize("damage", ["pickle", "truncated", "empty", "list"])
def test_damaged_speakers_are_an_error(damage: str, tiny: Path, variant: Variant, trap: Any) -> None:
    import torch

    path = variant("speakers_xtts.pth") / "speakers_xtts.pth"
    match damage:
        case "pickle":  # torch's format of old, without the zip
            path.write_bytes(pickle.dumps(trap))
        case "truncated":
            path.write_bytes((tiny / path.name).read_bytes()[:5000])
        case "empty":
            path.write_bytes(b"")
        case "list":
            torch.save([1, 2], path)
    with pytest.raises(BackendUnavailable, match=r"speakers.*speakers_xtts\.pth"):
        voices(path.parent)


# ---------------------------------------------------------------- model.pth


def test_hostile_weights_are_refused(variant: Variant, trap: Any) -> None:
    import torch

    folder = variant("model.pth")
    torch.save({"model": {"gpt.text_head.bias": trap}}, folder / "model.pth")
    with pytest.raises(BackendUnavailable, match=r"more than weights.*refused"):
        load(folder)


def test_a_hostile_pickle_without_a_zip_is_refused(variant: Variant, trap: Any) -> None:
    folder = variant("model.pth")
    (folder / "model.pth").write_bytes(pickle.dumps({"model": trap}))
    with pytest.raises(BackendUnavailable, match=r"cannot read the weights.*model\.pth"):
        load(folder)


def test_truncated_weights_are_an_error(tiny: Path, variant: Variant) -> None:
    folder = variant("model.pth")
    (folder / "model.pth").write_bytes((tiny / "model.pth").read_bytes()[:1_000_000])
    with pytest.raises(BackendUnavailable, match=r"model\.pth: the file is damaged"):
        load(folder)


def test_weights_of_another_shape_are_an_error(variant: Variant) -> None:
    import torch

    folder = variant("model.pth")
    torch.save({"model": {"gpt.text_head.bias": torch.zeros(3)}}, folder / "model.pth")
    with pytest.raises(BackendUnavailable, match=r"cannot be loaded \(RuntimeError: Error") as caught:
        load(folder)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("content", ["{}", "not JSON", NO_TOKENS])
def test_a_file_that_is_no_vocabulary(content: str, variant: Variant) -> None:
    folder = variant("vocab.json")
    (folder / "vocab.json").write_text(content)
    with pytest.raises(BackendUnavailable, match=r"vocab\.json is not the vocabulary of an XTTS-v2 model"):
        Xtts.prepare(Xtts.Options(model_dir=folder), None)
    with pytest.raises(BackendUnavailable, match=r"vocab\.json is not the vocabulary of an XTTS-v2 model"):
        load(folder)


def test_a_vocabulary_of_another_model_is_an_error(tiny: Path, variant: Variant) -> None:
    """It has all that XTTS-v2 needs, and one token more than the weights know."""
    vocabulary = json.loads((tiny / "vocab.json").read_text())
    tokens = vocabulary["model"]["vocab"]
    tokens["ab"] = len(tokens)
    folder = variant("vocab.json")
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(BackendUnavailable, match=r"vocab\.json has \d+ tokens.*different models"):
        load(folder)


def test_a_checkpoint_of_the_older_form_loads_and_stays_as_it_is(
    tiny: Path, variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published file came with upstream's configuration objects inside; upstream writes it anew."""
    import torch
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig

    weights = torch.load(tiny / "model.pth", weights_only=True)["model"]
    path = variant("model.pth") / "model.pth"
    with monkeypatch.context() as patch:  # where these classes once lived
        patch.setattr(XttsArgs, "__module__", "TTS.tts.models.xtts")
        patch.setattr(XttsAudioConfig, "__module__", "TTS.tts.models.xtts")
        torch.save({"config": XttsConfig(), "model": weights}, path)
    path.chmod(0o444)
    before = (path.stat().st_mtime_ns, path.stat().st_size)
    assert alone(load(path.parent), job()).samples.size
    assert (path.stat().st_mtime_ns, path.stat().st_size) == before


def test_a_torch_without_cuda_is_an_error(tiny: Path) -> None:
    import torch

    if torch.version.cuda is not None:
        pytest.skip("torch is a CUDA build")
    with pytest.raises(BackendUnavailable, match="is a build for CPUs: install a CUDA build"):
        Xtts(Xtts.Options(model_dir=tiny)).load(Device(id="cuda:0", kind="cuda"), 1)


def test_a_cuda_that_does_not_fit_the_driver_is_an_error(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CUDA build of torch says beside an older driver; there is none to be had here."""
    import torch

    def too_old() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "init", too_old)
    with pytest.raises(BackendUnavailable, match=r"CUDA 13\.0, cannot use the GPU.*too old.*fits the driver"):
        Xtts(Xtts.Options(model_dir=tiny)).load(Device(id="cuda:0", kind="cuda"), 1)
