"""What the backend says of itself before any worker runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from ttsflow import BackendUnavailable, Device, WorkerSpec, install_command
from ttsflow.scheduler.placement import place
from ttsflow_plugins.xtts import WORKING_BYTES, Xtts
from ttsflow_plugins.xtts.checkpoint import content
from ttsflow_plugins.xtts.tiny import SPEAKERS, TINY

FOREGROUND = """
import sys
from ttsflow_plugins.xtts import Xtts
options = Xtts.Options(model_dir=sys.argv[1])
Xtts.missing()
Xtts.prepare(options, None)
assert Xtts.describe(options).sample_rate == 24000
print([voice.name for voice in Xtts.voices(options)])
heavy = {"torch", "torchaudio", "TTS", "transformers", "numpy", "soundfile"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_the_foreground_imports_nothing_heavy(tiny: Path) -> None:
    child = subprocess.run([sys.executable, "-c", FOREGROUND, str(tiny)], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip() == str(list(SPEAKERS))


def test_languages_and_limits_are_upstreams(tiny: Path) -> None:
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

    profile = Xtts.describe(Xtts.Options(model_dir=tiny))
    assert set(profile.languages or ()) == set(XttsConfig().languages)
    limits = VoiceBpeTokenizer().char_limits
    limits["zh-cn"] = limits.pop("zh")
    assert dict(profile.max_chars) == limits


def test_memory_follows_the_weights(tiny: Path) -> None:
    weights = (tiny / "model.pth").stat().st_size
    assert Xtts.describe(Xtts.Options(model_dir=tiny)).memory_bytes == weights + WORKING_BYTES


def test_audio_is_promised_to_be_the_same_on_a_cpu(tiny: Path) -> None:
    profile = Xtts.describe(Xtts.Options(model_dir=tiny))
    assert (profile.reproducible("cpu"), profile.reproducible("cuda")) == (True, False)


def test_nothing_is_missing_here() -> None:
    assert Xtts.missing() is None


@pytest.mark.parametrize("module", ["TTS", "torch", "torchcodec", "soundfile"])
def test_a_missing_library_gives_the_install_command(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    assert Xtts.missing() == install_command("xtts")


def test_the_old_tts_project_does_not_count(tmp_path: Path) -> None:
    """coqui-ai's `TTS` has the same import name and another distribution name."""
    for module in ("TTS", "torch", "torchaudio", "torchcodec", "transformers", "soundfile"):
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text("")
    script = (
        "import sys, importlib.metadata as m; from ttsflow_plugins.xtts import Xtts;"
        "sys.path[:] = [sys.argv[1]]; print(Xtts.missing())"
    )
    child = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    pip = rf"uv pip {{}} --python {re.escape(sys.executable)}"  # this path has no pip either
    expected = f"{pip.format('uninstall')} -y TTS && {pip.format('install')} 'ttsflow\\[xtts]'"
    assert re.fullmatch(expected, child.stdout.strip()), child.stdout + child.stderr


def test_model_dir_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Xtts.Options(model_dir=Path("here")).model_dir == tmp_path / "here"


@pytest.mark.parametrize(
    "wrong",
    [
        {"threads": 0},
        {"temperature": 0.0},
        {"temperature": float("inf")},
        {"top_p": 1.5},
        {"speed": 0.0},
        {"top_q": 1},
        {"num_beams": 2, "dtype": "bfloat16"},
        {"dtype": "float64"},
        {"cache_tokens": 0},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Xtts.Options.model_validate(wrong)


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(BackendUnavailable, match="no folder /nowhere/at/all"):
        Xtts.describe(Xtts.Options(model_dir=Path("/nowhere/at/all")))


def test_slots_that_do_not_fit_in_memory_are_fewer_and_told(tiny: Path) -> None:
    profile = Xtts.describe(Xtts.Options(model_dir=tiny, slots=8))
    room = profile.memory_bytes + 3 * profile.slot_memory_bytes
    gpu = Device("cuda:0", "cuda", free_bytes=room)
    [spec], notices = place([gpu], profile, lambda devices, profile: [WorkerSpec(devices[0], 8)])
    assert spec.slots == 3
    assert any("3 slots instead" in notice for notice in notices)


def test_a_slot_takes_what_its_keys_and_values_take(tiny: Path) -> None:
    per_slot = Xtts.describe(Xtts.Options(model_dir=tiny)).slot_memory_bytes
    assert per_slot == 2 * TINY.layers * TINY.channels * (32 + 402 + TINY.most_codes + 3) * 4
    for dtype in ("bfloat16", "float16"):
        profile = Xtts.describe(Xtts.Options.model_validate({"model_dir": tiny, "dtype": dtype}))
        assert profile.slot_memory_bytes == per_slot  # of a CPU, where caches are float32
        assert not profile.reproducible("cpu")


@pytest.mark.parametrize("tokens", [1, 600, 2000, 100_000])
def test_all_slots_take_what_is_set_and_the_first_one_room_for_any_chunk(tokens: int, tiny: Path) -> None:
    options = Xtts.Options(model_dir=tiny, slots=8, cache_tokens=tokens)
    profile = Xtts.describe(options)
    greatest = 32 + 402 + TINY.most_codes + 3
    token_bytes = 2 * TINY.layers * TINY.channels * 4
    without = (tiny / "model.pth").stat().st_size + WORKING_BYTES
    for slots in (1, 3, 8):
        held = options.cache_size(slots, greatest)  # what a worker takes
        assert profile.memory(slots) == without + held * token_bytes
        assert held <= max(greatest, min(tokens, slots * greatest))
    assert options.cache_size(1, greatest) == greatest
    assert options.cache_size(8, greatest) > max(greatest, min(tokens, 8 * greatest)) - 8


def test_beams_are_one_chunk_at_a_time(tiny: Path) -> None:
    beams = Xtts.describe(Xtts.Options(model_dir=tiny, num_beams=3))
    assert beams.slots == 1
    assert beams.slot_memory_bytes == 3 * Xtts.describe(Xtts.Options(model_dir=tiny)).slot_memory_bytes
    assert Xtts.describe(Xtts.Options(model_dir=tiny, slots=6)).slots == 6


def identity(folder: Path, **options: object) -> str:
    return Xtts.identity(Xtts.Options.model_validate({"model_dir": folder, **options}))


def test_its_identity_is_the_same_wherever_the_files_lie_and_however_they_run(
    tiny: Path, tmp_path: Path
) -> None:
    usual = identity(tiny)
    moved = shutil.copytree(tiny, tmp_path / "elsewhere")
    assert identity(moved) == usual
    assert identity(tiny, slots=8, threads=2, cache_tokens=2000, graphs=False) == usual
    assert str(tiny) not in usual


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "bfloat16"},
        {"dtype": "float16"},
        {"temperature": 0.5},
        {"do_sample": False},
        {"speed": 1.1},
        {"num_beams": 2},
    ],
)
def test_its_identity_changes_with_how_it_speaks(options: dict[str, object], tiny: Path) -> None:
    assert identity(tiny, **options) != identity(tiny)


@pytest.mark.parametrize("name", ["model.pth", "config.json", "vocab.json", "speakers_xtts.pth"])
def test_its_identity_changes_with_the_content_of_each_file(
    name: str, tiny: Path, variant: Callable[..., Path]
) -> None:
    folder = variant(name)
    content = (tiny / name).read_bytes()
    (folder / name).write_bytes(content)
    assert identity(folder) == identity(tiny)
    (folder / name).write_bytes(content + b" ")
    assert identity(folder) != identity(tiny)


def test_the_middle_of_a_large_file_is_not_read(tmp_path: Path) -> None:
    """Nor is it all held in memory: the published weights are some 2 GB."""
    end, whole = 16 * 2**20, 3 * 2**30
    digests = []
    for at in (None, 0, end - 1, end, whole - end - 1, whole - end, whole - 1):
        with (tmp_path / "model.pth").open("wb") as file:
            file.truncate(whole)
            if at is not None:
                file.seek(at)
                file.write(b"x")
        digests.append(content(tmp_path)["model.pth"])
    untouched = digests[0]
    assert [digest == untouched for digest in digests] == [True, False, False, True, True, False, False]


def test_a_model_that_is_not_there_has_no_identity() -> None:
    with pytest.raises(BackendUnavailable):
        identity(Path("/nowhere/at/all"))
