"""The wheel: it holds everything, and works away from the source."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what the project tracks, so that nothing is written into the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)
    [path] = folder.glob("*.whl")
    return path


def test_every_module_and_data_file_is_in_it(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    folders = {"ttsflow": ROOT / "ttsflow", "ttsflow_plugins": ROOT / "plugins" / "ttsflow_plugins"}
    folders["ttsflow/policies"] = ROOT / "policies"
    for place, folder in folders.items():
        for file in folder.rglob("*"):
            if file.suffix in {".py", ".yaml", ".typed", ".txt", ".html", ".css", ".js"}:
                assert f"{place}/{file.relative_to(folder)}" in inside
    tops = {name.split("/")[0] for name in inside}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ttsflow", "ttsflow_plugins"}


def test_it_speaks_away_from_the_source(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_CONFIG_HOME": str(tmp_path)}
    where = "import ttsflow, ttsflow_plugins; print(ttsflow.__file__, ttsflow_plugins.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert found.count(str(site)) == 2
    speak = ["-m", "ttsflow", "run", "--text", "Away from home.", "--backend", "espeak", "-o", "out.wav"]
    done = subprocess.run(
        [sys.executable, *speak], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.wav").stat().st_size > 20_000
