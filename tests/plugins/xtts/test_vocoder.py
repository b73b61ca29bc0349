"""Speaking bit by bit: what the pieces join to, and what they cost."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ttsflow_plugins.xtts.convolution import fast_format
from ttsflow_plugins.xtts.upstream import import_torchaudio
from ttsflow_plugins.xtts.vocoder import FIRST_FRAMES, MOST_FRAMES, Vocoder

CODES_PER_S = 22050 / 1024
CHANNELS = 64


@pytest.fixture(scope="module")
def decoder() -> Any:
    """Upstream's, as it speaks a whole chunk."""
    return random_decoder()


@pytest.fixture(scope="module")
def vocoder() -> Vocoder:
    return Vocoder(random_decoder())


def random_decoder(**other: Any) -> Any:
    """With an eighth of the channels of the published one it is twelve times as quick, and looks as far."""
    import_torchaudio()
    import torch
    from TTS.tts.layers.xtts.hifigan_decoder import HifiDecoder

    with torch.random.fork_rng():
        torch.manual_seed(3)
        return HifiDecoder(decoder_input_dim=CHANNELS, upsample_initial_channel_decoder=64, **other).eval()


def voice() -> Any:
    import torch

    torch.manual_seed(7)
    return torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)


def pieces(vocoder: Vocoder, latents: Any, speed: float, rng: random.Random) -> list[Any]:
    """Speak latents (codes, channels) that come a few at a time."""
    import torch

    spoken, at = [], 0
    utterance = vocoder.utterance(voice(), speed)
    with torch.inference_mode():
        while at < len(latents):
            count = min(rng.randint(1, 9), len(latents) - at)
            piece = utterance.push(latents[at : at + count], last=at + count == len(latents))
            at += count
            if piece is not None:
                spoken.append(piece)
    return spoken


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    codes=st.one_of(st.integers(2, 20), st.integers(20, 160)),
    speed=st.sampled_from([1.0, 1.0, 0.5, 0.95, 1.3, 2.0]),
    seed=st.integers(0, 2**32),
)
def test_the_pieces_join_to_the_whole(
    codes: int, speed: float, seed: int, decoder: Any, vocoder: Vocoder
) -> None:
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    latents = torch.randn(codes, CHANNELS)
    joined = torch.cat(pieces(vocoder, latents, speed, random.Random(seed)))
    stretched = latents[None]
    if speed != 1.0:
        stretched = functional.interpolate(stretched.mT, scale_factor=1.0 / speed, mode="linear").mT
    with torch.inference_mode():
        whole = decoder(stretched, g=voice())[0, 0]
    torch.testing.assert_close(joined, whole, rtol=0.0, atol=1e-5)


def test_the_first_piece_is_small_and_the_others_grow(vocoder: Vocoder) -> None:
    import torch

    latents = torch.randn(300, CHANNELS)
    sizes = [len(piece) // 256 for piece in pieces(vocoder, latents, 1.0, random.Random(1))]
    a_few_codes = 45  # frames: up to nine codes come at a time here
    assert FIRST_FRAMES <= sizes[0] < FIRST_FRAMES + a_few_codes
    assert max(sizes[:-1]) < MOST_FRAMES + a_few_codes
    assert sizes[0] < 0.3 * sizes[-2]
    for size, following in pairwise(sizes[:-1]):
        assert following > size - a_few_codes


def test_the_first_piece_comes_after_twelve_codes(vocoder: Vocoder) -> None:
    import torch

    utterance = vocoder.utterance(voice())
    with torch.inference_mode():
        spoken = [utterance.push(torch.randn(4, CHANNELS)) for _ in range(3)]
    assert [piece is not None for piece in spoken] == [False, False, True]


@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_a_speaker_may_be_heard_in_the_first_layer_only(count: int) -> None:
    import torch

    settings = {"cond_d_vector_in_each_upsampling_layer": False}
    latents = torch.randn(count, CHANNELS)
    joined = torch.cat(pieces(Vocoder(random_decoder(**settings)), latents, 1.0, random.Random(1)))
    with torch.inference_mode():
        whole = random_decoder(**settings)(latents[None], g=voice())[0, 0]
    torch.testing.assert_close(joined, whole, rtol=0.0, atol=1e-5)


def test_weights_that_cannot_be_packed_speak_the_same(decoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU."""
    import torch

    monkeypatch.setattr("ttsflow_plugins.xtts.convolution._can_pack", lambda: False)
    latents = torch.randn(60, CHANNELS)
    joined = torch.cat(pieces(Vocoder(random_decoder()), latents, 1.0, random.Random(4)))
    with torch.inference_mode():
        whole = decoder(latents[None], g=voice())[0, 0]
    torch.testing.assert_close(joined, whole, rtol=0.0, atol=1e-5)


def noise_db(samples: Any, true: Any) -> float:
    """The error of samples, relative to their true loudness without the constant part."""
    error, loudness = (samples - true).std(), true.std()
    return float(20.0 * (error / loudness).log10())


def has_bfloat16(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr("ttsflow_plugins.xtts.convolution._has_bfloat16", lambda: answer)


def test_bfloat16_is_nearly_float32(vocoder: Vocoder, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("oneDNN has no bfloat16 on this processor")
    has_bfloat16(monkeypatch, True)
    latents = torch.randn(100, CHANNELS)
    coarse = Vocoder(random_decoder(), torch.bfloat16)
    joined, otherwise = (torch.cat(pieces(coarse, latents, 1.0, random.Random(seed))) for seed in (5, 6))
    exact = torch.cat(pieces(vocoder, latents, 1.0, random.Random(5)))
    assert joined.dtype == torch.float32
    assert -50.0 < noise_db(joined, exact) < -36.0  # -32 if sums are bfloat16 too
    assert noise_db(joined, otherwise) < -50.0


def test_without_instructions_for_bfloat16_the_vocoder_is_float32(
    vocoder: Vocoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    has_bfloat16(monkeypatch, False)
    assert fast_format(torch.bfloat16, torch.device("cuda")) == torch.bfloat16
    for device in ("cuda", "cpu"):
        assert fast_format(torch.float16, torch.device(device)) == torch.float32
    latents = torch.randn(40, CHANNELS)
    joined = torch.cat(pieces(Vocoder(random_decoder(), torch.bfloat16), latents, 1.0, random.Random(5)))
    assert torch.equal(joined, torch.cat(pieces(vocoder, latents, 1.0, random.Random(5))))


@pytest.mark.parametrize("seconds", [1, 5, 25])
def test_the_pieces_take_the_work_of_the_whole(seconds: int, decoder: Any, vocoder: Vocoder) -> None:
    """Upstream's `inference_stream` speaks everything again for each piece."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    latents = torch.randn(round(seconds * CODES_PER_S), CHANNELS)
    with FlopCounterMode(display=False) as of_the_pieces:
        pieces(vocoder, latents, 1.0, random.Random(2))
    with FlopCounterMode(display=False) as of_the_whole, torch.no_grad():
        decoder(latents[None], g=voice())
    assert of_the_whole.get_total_flops() > 0
    assert of_the_pieces.get_total_flops() < 1.03 * of_the_whole.get_total_flops()
