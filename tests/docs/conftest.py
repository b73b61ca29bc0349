"""A newcomer's desk: a folder with a text in it, a shell, and no coqui-tts until it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.text.made_books import epub

ROOT = Path(__file__).parents[2]

HIDING = "sitecustomize.py"

TEXT = """\
It was a quiet street. Nobody knew why the clock had stopped, and nobody asked; it had stopped
before, and it would stop again.

Then, one evening in March, it struck thirteen.
"""
PAGES = {
    f"{title.lower()}.xhtml": f"<h2>{title}</h2>" + "".join(f"<p>{part}</p>" for part in TEXT.split("\n\n"))
    for title in ("Dawn", "Dusk")
}
CONTENTS = "".join(f'<li><a href="{page}">{page[:4].title()}</a></li>' for page in PAGES)


@dataclass(frozen=True)
class Desk:
    """Where the examples of the documents are tried out."""

    folder: Path
    environment: dict[str, str]

    def install_coqui_tts(self) -> None:
        """From now on it is there."""
        (Path(self.environment["PYTHONPATH"]) / HIDING).unlink()

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a line of shell; standard output and standard error come together."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The tools on the path are this environment's, and a player that listens to nothing."""
    folder, tools = tmp_path / "desk", tmp_path / "bin"
    folder.mkdir()
    tools.mkdir()
    (folder / "book.txt").write_text(TEXT)
    (folder / "book.epub").write_bytes(epub(PAGES, CONTENTS, title="The Quiet Street"))
    (folder / "docs").symlink_to(ROOT / "docs")
    (tools / "aplay").write_text("#!/bin/sh\nexec cat >/dev/null\n")
    (tools / "aplay").chmod(0o755)
    # Run by Python when it starts: a backend that looks for coqui-tts finds none.
    (tools / HIDING).write_text("import sys\nsys.modules['TTS'] = None\n")
    path = os.pathsep.join((str(tools), str(Path(sys.executable).parent), os.environ["PATH"]))
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    environment = {**os.environ, **home, "PATH": path, "PYTHONPATH": str(tools)}
    environment.pop("COVERAGE_PROCESS_START", None)  # examples run what other tests measure
    return Desk(folder, environment)
