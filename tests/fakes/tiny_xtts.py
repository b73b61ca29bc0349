"""A tiny XTTS-v2 checkpoint: the real architecture with random weights, made in a second or two.

What it says is noise, and what it does is XTTS-v2: the same files, the same code, 24 kHz. Upstream
has no setting for the width of the vocoder and the speaker encoder, so those are full size (90 MB).
"""

from __future__ import annotations

from pathlib import Path

from ttsflow_plugins.xtts import MAX_CHARS

SPEAKERS = ("Ana Tiny", "Bo Tiny")
AUDIO_CAP_CODES = 30  # 1.39 s of audio
CHANNELS = 64

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789'!?.,;:-äöüßéèêàâçñ"
_SPECIAL = ("[STOP]", "[UNK]", "[SPACE]")


def make_tiny_checkpoint(folder: Path, endless: bool = False) -> Path:
    """Write a whole checkpoint into `folder` and return it; its weights are the same each time.

    The stop code is made likely, so that a chunk is mostly some tenths of a second. Speech of an
    `endless` model never ends by itself: it runs into the cap on audio codes.
    """
    from ttsflow_plugins.xtts.upstream import import_torchaudio

    import_torchaudio()
    import torch
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    folder.mkdir(parents=True, exist_ok=True)
    _write_vocabulary(folder / "vocab.json")
    config = XttsConfig(
        model_args=XttsArgs(
            gpt_layers=2,
            gpt_n_model_channels=CHANNELS,
            gpt_n_heads=4,
            decoder_input_dim=CHANNELS,
            gpt_num_audio_tokens=66,
            gpt_start_audio_token=64,
            gpt_stop_audio_token=65,
            gpt_max_audio_tokens=AUDIO_CAP_CODES + 3,
            gpt_use_perceiver_resampler=True,
        )
    )
    config.save_json(str(folder / "config.json"))

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Xtts(config)
        model.tokenizer = VoiceBpeTokenizer(vocab_file=folder / "vocab.json")
        model.init_models()
        with torch.no_grad():
            model.gpt.mel_head.bias[config.model_args.gpt_stop_audio_token] += -100 if endless else 1.5
        torch.save({"model": model.state_dict()}, folder / "model.pth")
        voices = {name: _random_speaker() for name in SPEAKERS}
    torch.save(voices, folder / "speakers_xtts.pth")
    return folder


def _random_speaker() -> dict[str, object]:
    import torch

    embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)
    return {"gpt_cond_latent": torch.randn(1, 32, CHANNELS), "speaker_embedding": embedding}


def _write_vocabulary(path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    tags = [*_SPECIAL, "[START]", *(f"[{language}]" for language in MAX_CHARS)]
    tokens = [*_SPECIAL, *_CHARACTERS, *tags[len(_SPECIAL) :]]
    model = models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[], unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(tag, normalized=False) for tag in tags])
    tokenizer.save(str(path))
