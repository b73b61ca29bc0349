"""The licence question and the download, without a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ttsflow import BackendUnavailable, UnknownNameError
from ttsflow_plugins.xtts import Xtts
from ttsflow_plugins.xtts.tiny import SPEAKERS

AGREEMENT = Path("tts/tts_models--multilingual--multi-dataset--xtts_v2/tos_agreed.txt")

ACCEPT = """
import json, sys
from ttsflow import BackendUnavailable
from ttsflow_plugins.xtts import Xtts
asked = []
try:
    Xtts.prepare(Xtts.Options(), lambda question: asked.append(question) or True)
    said = None
except BackendUnavailable as error:
    said = str(error)
from TTS.utils.manage import ModelManager
manager = ModelManager()
item, folder, _ = manager._set_model_item(Xtts.Options().model)
print(json.dumps([asked, said, manager.tos_agreed(item, manager.output_prefix / folder)]))
"""

DOWNLOADED = """
import sys
from ttsflow_plugins.xtts import Xtts
options = Xtts.Options()
Xtts.prepare(options, None)
print([voice.name for voice in Xtts.voices(options)])
print(Xtts.describe(options).memory_bytes, "torch" in sys.modules)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has neither agreed nor downloaded, on a machine without a network."""
    for name in ("TTS_HOME", "COQUI_TOS_AGREED", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    return tmp_path


def python(script: str) -> str:
    """What a fresh interpreter prints: huggingface_hub reads the environment when it is imported."""
    child = subprocess.run(
        [sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90
    )
    assert child.returncode == 0, child.stderr
    return child.stdout.strip()


def test_nobody_to_ask(home: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"COQUI_TOS_AGREED=1.*espeak"):
        Xtts.prepare(Xtts.Options(), None)
    assert not (home / "data").exists()


def test_the_answer_is_no(home: Path) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    with pytest.raises(BackendUnavailable, match="without its licence"):
        Xtts.prepare(Xtts.Options(), no)
    assert "non-commercial" in asked[0]
    assert not (home / "data").exists()


def test_the_answer_cannot_be_kept(home: Path) -> None:
    (home / "data").write_text("a file where the folder should be")
    with pytest.raises(BackendUnavailable, match="COQUI_TOS_AGREED=1 instead"):
        Xtts.prepare(Xtts.Options(), lambda question: True)


def test_the_answer_is_yes_and_there_is_no_network(home: Path) -> None:
    asked, said, agreed = json.loads(python(ACCEPT))
    assert len(asked) == 1
    assert said.startswith("cannot download tts_models/multilingual/multi-dataset/xtts_v2: ")
    assert "onnect" in said  # the cause, from the network
    assert "model_dir" in said
    assert agreed
    assert (home / "data" / AGREEMENT).exists()


def test_a_downloaded_model_is_found_without_network_or_torch(
    home: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COQUI_TOS_AGREED", "1")
    cache = home / "hub" / "hub" / "models--tts-hub--XTTS-v2"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0123abc")
    (cache / "snapshots").mkdir()
    (cache / "snapshots" / "0123abc").symlink_to(tiny)
    memory = Xtts.describe(Xtts.Options(model_dir=tiny)).memory_bytes
    assert python(DOWNLOADED) == f"{list(SPEAKERS)}\n{memory} False"


def test_an_unknown_model_lists_the_known_one() -> None:
    with pytest.raises(UnknownNameError, match="multi-dataset/xtts_v2"):
        Xtts.prepare(Xtts.Options(model="tts_models/multilingual/multi-dataset/xtts_v3"), None)
