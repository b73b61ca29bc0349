"""Faults of a machine, put between a program and its C library: compiled, and preloaded into it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def build_preload(name: str, folder: Path) -> dict[str, str]:
    """Compile `name`.c into `folder`; the environment of a program that it is preloaded into."""
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    subprocess.run([*command, "-o", str(library), str(source)], check=True)
    return {"LD_PRELOAD": str(library)}
