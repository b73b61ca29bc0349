"""Small models of random weights: the real architectures, but noise instead of speech."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

SPEAKERS = ("ann", "bob")
VITS = {
    "hidden_channels": 16, "hidden_channels_ffn_text_encoder": 32, "num_heads_text_encoder": 2,
    "num_layers_text_encoder": 1, "num_layers_flow": 1, "num_layers_posterior_encoder": 1,
    "upsample_initial_channel_decoder": 32, "resblock_type_decoder": "2",
    "resblock_kernel_sizes_decoder": [3], "resblock_dilation_sizes_decoder": [[1, 3]],
    "use_speaker_embedding": True, "speaker_embedding_channels": 16,
}  # fmt: skip
GLOW = {
    "hidden_channels_enc": 16, "hidden_channels_dec": 16, "hidden_channels_dp": 16, "num_flow_blocks_dec": 1,
    "num_block_layers": 1,
    "encoder_params": {
        "kernel_size": 3, "dropout_p": 0.1, "num_layers": 1, "num_heads": 2, "hidden_channels_ffn": 32,
    },
}  # fmt: skip
HIFIGAN = {
    "upsample_factors": [8, 8, 4], "upsample_kernel_sizes": [16, 16, 8], "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]], "resblock_type": "2",
}  # fmt: skip
TEXT = {"use_phonemes": False, "text_cleaner": "basic_cleaners", "phoneme_language": "en-us"}


@pytest.fixture(scope="session")
def vits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two speakers."""
    from ttsflow_plugins.xtts.upstream import import_torchaudio

    import_torchaudio()
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    folder = tmp_path_factory.mktemp("vits")
    speakers = folder / "speaker_ids.json"
    speakers.write_text(json.dumps({name: number for number, name in enumerate(SPEAKERS)}))
    args = VitsArgs(speakers_file=str(speakers), **VITS)
    config = VitsConfig(model_args=args, use_speaker_embedding=True, speakers_file=str(speakers), **TEXT)
    return _write(folder, Vits, config)


@pytest.fixture(scope="session")
def glow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that needs a vocoder."""
    from ttsflow_plugins.xtts.upstream import import_torchaudio

    import_torchaudio()
    from TTS.tts.configs.glow_tts_config import GlowTTSConfig
    from TTS.tts.models.glow_tts import GlowTTS

    return _write(tmp_path_factory.mktemp("glow"), GlowTTS, GlowTTSConfig(**TEXT, **GLOW))


@pytest.fixture(scope="session")
def hifigan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vocoder."""
    from ttsflow_plugins.xtts.upstream import import_torchaudio

    import_torchaudio()
    from TTS.vocoder.configs import HifiganConfig
    from TTS.vocoder.models import setup_model

    config = HifiganConfig(generator_model_params=HIFIGAN)
    return _write(tmp_path_factory.mktemp("hifigan"), setup_model, config)


def _write(folder: Path, build: object, config: object) -> Path:
    import torch

    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # upstream's own
        torch.manual_seed(0)
        model = build(config)  # type: ignore[operator]
        torch.save({"model": model.state_dict()}, folder / "model.pth")
        config.save_json(str(folder / "config.json"))  # type: ignore[attr-defined]
    return folder
