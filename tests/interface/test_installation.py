"""The commands that install what is not there: they hit this environment, and where the program came from."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ttsflow import install_command, pip_command

PIP = [sys.executable, "-m", "pip"]

Installed = Callable[[object], None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Has a distribution `acme` installed, with this in its direct_url.json (None: without one)."""

    def install(source: object) -> None:
        info = tmp_path / "acme-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        if source is not None:
            (info / "direct_url.json").write_text(source if isinstance(source, str) else json.dumps(source))
        monkeypatch.syspath_prepend(tmp_path)

    return install


def words(command: str) -> list[str]:
    """As a shell takes the command apart."""
    return shlex.split(command)


def test_an_installation_from_an_index(installed: Installed) -> None:
    installed(None)
    assert words(install_command("gpu", "acme")) == [*PIP, "install", "acme[gpu]"]


@pytest.mark.parametrize("editable", [True, False])
def test_an_installation_from_a_folder(tmp_path: Path, installed: Installed, editable: bool) -> None:
    clone = tmp_path / "my clone's"
    clone.mkdir()
    installed({"url": clone.as_uri(), "dir_info": {"editable": True} if editable else {}})
    option = ["-e"] if editable else []
    assert words(install_command("gpu", "acme")) == [*PIP, "install", *option, f"{clone}[gpu]"]


def test_a_folder_that_is_gone(tmp_path: Path, installed: Installed) -> None:
    installed({"url": (tmp_path / "gone").as_uri(), "dir_info": {"editable": True}})
    assert words(install_command("gpu", "acme")) == [*PIP, "install", "acme[gpu]"]


def test_an_installation_from_a_wheel(tmp_path: Path, installed: Installed) -> None:
    wheel = tmp_path / "acme-1.0-py3-none-any.whl"
    wheel.touch()
    installed({"url": wheel.as_uri(), "archive_info": {}})
    assert words(install_command("gpu", "acme")) == [*PIP, "install", f"acme[gpu] @ {wheel.as_uri()}"]


def test_an_installation_from_a_repository(installed: Installed) -> None:
    installed({"url": "https://example.org/acme.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}})
    requirement = "acme[gpu] @ git+https://example.org/acme.git@c0ffee"
    assert words(install_command("gpu", "acme")) == [*PIP, "install", requirement]


@pytest.mark.parametrize("source", ["", "{", "[]", {}])
def test_a_note_that_says_nothing(installed: Installed, source: object) -> None:
    installed(source)
    assert words(install_command("gpu", "acme")) == [*PIP, "install", "acme[gpu]"]


def test_a_distribution_that_is_not_installed() -> None:
    assert words(install_command("gpu", "no-such-distribution"))[-1] == "no-such-distribution[gpu]"


def test_this_very_installation() -> None:
    clone = f"{Path(__file__).parents[2]}[espeak]"
    assert words(install_command("espeak"))[-2:] in (["-e", clone], ["install", clone])


def test_an_environment_without_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttsflow.interface.installation.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/my env/bin/python")
    assert pip_command("install", "a[b]") == "uv pip install --python '/my env/bin/python' 'a[b]'"
