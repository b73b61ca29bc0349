"""Loading upstream's model, and torchaudio, whole or with a native part built for another torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ttsflow_plugins.xtts.upstream import load_model

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from ttsflow_plugins.xtts.upstream import import_torchaudio
import_torchaudio()
import torchaudio
print(torchaudio.native)
"""


def imported(folder: Path, extension: str) -> subprocess.CompletedProcess[str]:
    """Import a torchaudio whose native part is `extension`, in a fresh interpreter."""
    package = folder / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from . import _extension\nfrom torchaudio._extension import fail_if_no_align\n"
        "native = _extension._IS_TORCHAUDIO_EXT_AVAILABLE\n"
    )
    (package / "_extension.py").write_text(extension)
    return subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True)


def test_what_is_loaded_is_told(tiny: Path) -> None:
    told: list[str] = []
    assert load_model(tiny, "cpu", 1, {}, told.append).gpt is not None
    assert told == ["importing torch and coqui-tts", "reading the weights (0.1 GB)"]


def test_a_whole_torchaudio_is_left_alone(tmp_path: Path) -> None:
    child = imported(tmp_path, "_IS_TORCHAUDIO_EXT_AVAILABLE = True\nfail_if_no_align = None\n")
    assert child.stdout.strip() == "True", child.stderr


@pytest.mark.parametrize("error", ["OSError", "RuntimeError", "ImportError"])
def test_a_native_part_that_cannot_load_is_left_out(error: str, tmp_path: Path) -> None:
    child = imported(tmp_path, f"raise {error}('built for CUDA 13.2')\n")
    assert child.stdout.strip() == "False", child.stderr


def test_something_that_is_not_installed_is_not_hidden(tmp_path: Path) -> None:
    child = imported(tmp_path, "import nothing_of_that_name\n")
    assert child.returncode != 0
    assert "ModuleNotFoundError: No module named 'nothing_of_that_name'" in child.stderr
