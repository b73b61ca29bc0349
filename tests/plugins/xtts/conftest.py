"""A tiny checkpoint, made once, and variants of it that share its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ttsflow import Device
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.tiny import write_checkpoint


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where latents are kept: not in the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a whole checkpoint; not to be written in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield write_checkpoint(tmp_path_factory.mktemp("xtts") / "tiny")


@pytest.fixture
def variant(tiny: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a checkpoint that is `tiny` less some files; what is left out can be written anew."""

    def make(*without: str) -> Path:
        folder = tmp_path / "variant"
        folder.mkdir()
        for file in tiny.iterdir():
            if file.name not in without:
                (folder / file.name).symlink_to(file)
        return folder

    return make


@pytest.fixture(scope="module")
def backend(tiny: Path) -> Iterator[Xtts]:
    """A loaded backend that samples, with upstream's settings."""
    backend = Xtts(Xtts.Options(model_dir=tiny))
    backend.load(Device(id="cpu", kind="cpu"), backend.options.slots)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of something like a voice, in stereo, at a rate that is nobody's own."""
    t = np.arange(2 * 44100) / 44100
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 8)) * 0.1
    path = tmp_path_factory.mktemp("reference") / "voice.wav"
    soundfile.write(path, np.stack([voice, 0.5 * voice], axis=1), 44100)
    return path


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._marker),)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    """Something to hide in a pickle; the test fails if anything ever builds it."""
    marker = tmp_path / "sprung"
    yield Trap(marker)
    assert not marker.exists(), "code in a pickle was run"
