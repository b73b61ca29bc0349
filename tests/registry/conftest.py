"""Plugins as users write them: single files, and installed packages with metadata of their own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

POLICY = '''
import ttsflow

class Fair(ttsflow.Policy):
    """{summary}"""
    name = "{name}"
    def place(self, devices, profile):
        return [ttsflow.WorkerSpec(device) for device in devices]

@ttsflow.hookimpl
def ttsflow_policies():
    return [Fair]
'''


@pytest.fixture
def policy_source() -> Callable[..., str]:
    """The text of a module that offers one policy."""

    def source(name: str = "fair", summary: str = "Everybody in turn.") -> str:
        return POLICY.format(name=name, summary=summary)

    return source


@pytest.fixture
def plugin_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a single-file plugin."""

    def write(source: str, name: str = "my_plugin.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    return write


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put a distribution with one module on the path, as pip does: the module and its metadata."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules = []

    def install(name: str, version: str, source: str) -> None:
        module = name.replace("-", "_")
        modules.append(module)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[ttsflow]\n{name} = {module}\n")
        importlib.invalidate_caches()

    yield install
    for module in modules:
        sys.modules.pop(module, None)
