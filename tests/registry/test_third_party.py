"""Two packages of other people's, built from their own pyproject.toml and installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "packages"

USE_BOTH = """
import json
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import ChunkJob
from ttsflow.registry import BackendRecipe, Registry

registry = Registry.load()
policy, backend = registry.policy("shortest-first"), registry.backend("hum")
devices = [Device(f"cuda:{n}", "cuda") for n in range(4)]
placed = policy.cls(policy.options({"devices": 3})).place(devices, None)
voice = BackendRecipe.of(backend, backend.options({"pitch_hz": 110.0})).build()
voice.load(Device("cpu", "cpu"), 1)
print(json.dumps({
    "providers": [policy.provider.name, backend.provider.name],
    "kinds": [policy.provider.kind, backend.provider.kind],
    "placed": [spec.device.id for spec in placed],
    "samples": sum(len(piece.samples) for piece in voice.synthesize(ChunkJob("s", 0, "hello"))),
}))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed both packages, built from a copy of their sources."""
    folder = tmp_path_factory.mktemp("third-party")
    sources = [shutil.copytree(PACKAGES / name, folder / name) for name in ("acme-policy", "acme-backend")]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    command = [*pip, "--target", str(folder / "site"), *map(str, sources)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "site"


def test_installed_packages_are_found_and_work(site: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", USE_BOTH],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "providers": ["acme-policy 1.2", "acme-backend 0.3"],
        "kinds": ["package", "package"],
        "placed": ["cuda:0", "cuda:1", "cuda:2"],
        "samples": 5 * 800,
    }


def test_loading_plugins_imports_no_heavy_library(site: Path) -> None:
    code = (
        "import sys; from ttsflow.registry import Registry; Registry.load();"
        " print(*sorted({'numpy', 'torch', 'soundfile', 'rich'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
