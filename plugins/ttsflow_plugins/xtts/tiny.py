"""Checkpoints of XTTS-v2 with random weights: the real architecture, but noise instead of speech.

`python -m ttsflow_plugins.xtts.tiny FOLDER` writes a tiny one in a few seconds, for tests and for trying
the program. Upstream has no setting for the width of the vocoder and the speaker encoder, so these two
have full size (90 MB).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from ttsflow_plugins.xtts import MAX_CHARS

SPEAKERS = ("Ana Tiny", "Bo Tiny")

# Characters of the scripts Latin, Cyrillic, Arabic and Devanagari. Upstream romanises the other scripts.
_CHARACTERS = (
    "abcdefghijklmnopqrstuvwxyz0123456789'!?.,;:-"
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßœąćčďęěğıłńňőřśşšťůűźżž"
    + "".join(map(chr, (*range(0x430, 0x460), *range(0x621, 0x64B), *range(0x901, 0x970))))
)
_SPECIAL = ("[STOP]", "[UNK]", "[SPACE]")


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a model: layers, channels, heads, audio codes, and most codes per chunk (46 ms each).

    `gain` multiplies the initial weights of the blocks; at 1, text and voice have almost no effect.
    `stop` is added to the logit of the stop code; with random weights it is as likely as other codes.
    """

    layers: int
    channels: int
    heads: int
    audio_codes: int
    most_codes: int
    gain: float
    stop: float


TINY = Size(layers=2, channels=64, heads=4, audio_codes=64, most_codes=80, gain=8.0, stop=0.3)
"""speaks mostly about one second per chunk, and seldom reaches its cap of 3.7 s"""
PUBLISHED = Size(layers=30, channels=1024, heads=16, audio_codes=1024, most_codes=602, gain=1.0, stop=-100.0)
"""the size of the published model; with this `stop` it never stops by itself"""


def write_checkpoint(folder: Path, size: Size = TINY) -> Path:
    """Write a complete checkpoint into `folder` and return the folder. The weights are the same each time."""
    from ttsflow_plugins.xtts.upstream import import_torchaudio

    import_torchaudio()
    import torch
    import transformers
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer
    from TTS.tts.models.xtts import Xtts

    # transformers warns about settings of GPT-2 that XTTS-v2 does not use.
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # it has no types
    folder.mkdir(parents=True, exist_ok=True)
    _write_vocabulary(folder / "vocab.json")
    config = XttsConfig(
        model_args=XttsArgs(
            gpt_layers=size.layers,
            gpt_n_model_channels=size.channels,
            gpt_n_heads=size.heads,
            decoder_input_dim=size.channels,
            gpt_num_audio_tokens=size.audio_codes + 2,
            gpt_start_audio_token=size.audio_codes,
            gpt_stop_audio_token=size.audio_codes + 1,
            gpt_max_audio_tokens=size.most_codes + 3,
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
            model.gpt.mel_head.bias[size.audio_codes + 1] += size.stop
            for name, weight in model.gpt.gpt.h.named_parameters():
                if name.endswith("weight") and ".ln_" not in name:
                    weight *= size.gain
        torch.save({"model": model.state_dict()}, folder / "model.pth")
        voices = {name: _random_speaker(size.channels) for name in SPEAKERS}
    torch.save(voices, folder / "speakers_xtts.pth")
    return folder


def _random_speaker(channels: int) -> dict[str, object]:
    import torch

    embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)
    return {"gpt_cond_latent": torch.randn(1, 32, channels), "speaker_embedding": embedding}


def _write_vocabulary(path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    tags = [*_SPECIAL, "[START]", *(f"[{language}]" for language in MAX_CHARS)]
    tokens = [*_SPECIAL, *_CHARACTERS, *tags[len(_SPECIAL) :]]
    model = models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[], unk_token="[UNK]")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(tag, normalized=False) for tag in tags])
    tokenizer.save(str(path))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(folder: Path) -> None:
    """Write a tiny XTTS-v2 checkpoint of random weights into FOLDER."""
    write_checkpoint(folder)
    click.echo(
        f"{folder}: an XTTS-v2 checkpoint of random weights. It makes noise, not speech. Try:\n"
        f"ttsflow run --text Hello. --backend xtts --set backend.options.model_dir={folder} -o noise.wav"
    )


if __name__ == "__main__":
    main()
