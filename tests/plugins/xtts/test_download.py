"""The licence question, and the download from a server on this machine."""

from __future__ import annotations

import errno
import json
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.fake_hub import FakeHub
from tests.plugins.xtts.preparation import PREPARE, WHOLE, finish, prepare, python, start
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

FILLED = f"""
{PREPARE}
(Path(os.environ["HF_HOME"]) / "filler").unlink()
print(json.dumps(attempt()))
"""

UPSTREAM = """
from pathlib import Path
from TTS.utils.manage import ModelManager
from ttsflow_plugins.xtts import Xtts
options = Xtts.Options()
model, config, _ = ModelManager().download_model(options.model)
print(Path(model).parent == Xtts._folder(options))
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
    for name in ("TTS_HOME", "COQUI_TOS_AGREED", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    return tmp_path


@pytest.fixture
def hub(home: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The Hub, with the tiny checkpoint in place of the published one, and a user who has agreed."""
    with FakeHub(tiny) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("COQUI_TOS_AGREED", "1")
        yield hub


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
    assert said.startswith(
        "cannot download tts_models/multilingual/multi-dataset/xtts_v2 from http://127.0.0.1:9: "
    )
    assert "Connection refused. Check the network" in said
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


# ---------------------------------------------------------------- downloading


def test_a_whole_download_is_enough_for_ever(hub: FakeHub) -> None:
    assert prepare() == WHOLE
    assert {name: hub.files[name].stat().st_size for name in hub.files} == hub.sent
    hub.close()
    assert prepare() == WHOLE


def test_coqui_tts_itself_finds_all_that_was_downloaded(hub: FakeHub) -> None:
    assert prepare() == WHOLE
    sent = hub.sent.copy()
    assert python(UPSTREAM) == "True"
    assert "GET api" in hub.requests
    assert hub.sent == sent


def test_a_line_that_breaks_once_goes_on_in_the_middle(hub: FakeHub) -> None:
    hub.breaks["model.pth"] = [30_000_000]
    assert prepare() == WHOLE
    assert hub.requests.count("GET model.pth") == 2
    size = hub.files["model.pth"].stat().st_size
    assert size < hub.sent["model.pth"] < size + 11_000_000  # huggingface_hub writes 10 MiB at a time


def test_a_line_that_keeps_breaking_costs_the_file_and_no_other(hub: FakeHub) -> None:
    hub.breaks["model.pth"] = [1_000_000] * 6
    said, voices, halves, _ = prepare()
    assert "peer closed connection" in said
    assert "start again; files that came whole stay" in said
    assert "model_dir" in said
    assert voices == halves == []
    assert prepare() == WHOLE
    assert hub.requests.count("GET config.json") == 1
    # huggingface_hub throws the half of a file away when it gives up
    assert hub.sent["model.pth"] == hub.files["model.pth"].stat().st_size + 6_000_000


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        ("GET api", 404, r"404 Not Found.*/api/models/tts-hub/XTTS-v2.*newer coqui-tts"),
        ("GET api", 401, r"401 Unauthorized.*newer coqui-tts"),
        ("HEAD model.pth", 404, r"404 Not Found.*XTTS-v2/resolve/main/model\.pth.*newer coqui-tts"),
        ("GET api", 500, r"500 Internal Server Error.*start again"),
        ("GET model.pth", 503, r"503 Service Unavailable.*model\.pth.*start again"),
    ],
)
def test_a_server_that_refuses(request_: str, status: int, says: str, hub: FakeHub) -> None:
    hub.status[request_] = status
    said, voices, halves, _ = prepare()
    assert re.fullmatch(rf"cannot download tts_models/\S+ from {hub.url}: .*{says}.*model_dir.*", said), said
    assert voices == halves == []


def test_a_server_that_does_not_answer(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "1")
    hub.holds["GET api"] = 0
    assert re.search(r"timed out\. Check the network", prepare()[0])


def test_a_server_without_an_address(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://nowhere.invalid")  # a name that never resolves: RFC 6761
    assert re.search(r"from http://nowhere\.invalid: \[Errno -\d\].*Check the network", prepare()[0])


def test_offline_by_choice(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert re.search(r"is not in \S+/hub, and HF_HUB_OFFLINE .* is set: unset it", prepare()[0])
    assert hub.requests == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert prepare() == WHOLE
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert prepare() == WHOLE


def test_a_place_that_cannot_be_written(hub: FakeHub, home: Path) -> None:
    (home / "hub").write_text("a file where the folder should be")
    said = finish(start(PREPARE.replace("print(json.dumps(attempt()))", "print(attempt()[0])")))
    assert re.search(r"\[Errno \d+\] .*hub.*\. Set HF_HOME to a folder that can be written", said), said


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a command under `mounted` has a disk of its own, and the model on it."""
    folder = home / "disk"
    folder.mkdir()
    monkeypatch.setenv("HF_HOME", str(folder))
    if subprocess.run([*mounted(folder, 1), "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no user namespaces to mount a small disk in")
    return folder


def mounted(folder: Path, megabytes: int) -> list[str | Path]:
    """Runs a command that finds a disk of this size on `folder`, as nobody else does."""
    script = 'mount -t tmpfs -o "size=$1m" tmpfs "$2" && shift 2 && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(megabytes), folder]


def test_a_disk_that_is_too_small_is_found_before_anything_is_fetched(hub: FakeHub, disk: Path) -> None:
    said, voices, _, _ = prepare(before=mounted(disk, 60))
    assert f"the disk of {disk}/hub is full" in said
    assert "0.09 GB are needed and 0.06 GB are free" in said
    assert "set HF_HOME" in said
    assert voices == []
    assert not hub.sent


def test_a_disk_that_fills_up(hub: FakeHub, disk: Path) -> None:
    hub.holds["GET model.pth"] = 20_000_000
    child = start(FILLED, mounted(disk, 120))
    assert hub.holding.wait()
    root = Path(f"/proc/{child.pid}/root{disk}")
    (root / "filler").write_bytes(bytes(shutil.disk_usage(root).free))
    hub.go.set()
    full, after = map(json.loads, finish(child).splitlines())
    assert f"the disk of {disk}/hub is full ([Errno {errno.ENOSPC}] No space left on device)" in full[0]
    assert full[1:] == [[], [], False]
    assert after == WHOLE


def test_a_file_that_may_not_grow(hub: FakeHub) -> None:
    most = 40_000_000
    said, voices, halves, _ = prepare(
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    )
    assert f"/hub is full ([Errno {errno.EFBIG}] File too large)" in said
    assert voices == halves == []
    assert prepare() == WHOLE
