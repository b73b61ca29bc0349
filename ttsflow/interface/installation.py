"""Commands that install packages into the environment of this program's Python."""

from __future__ import annotations

import json
import shlex
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


def pip_command(*arguments: str) -> str:
    """The command, for a shell, that runs pip with these arguments for this Python's environment.

    It is uv's pip if this environment has none of its own.
    """
    if find_spec("pip") is not None:
        return shlex.join([sys.executable, "-m", "pip", *arguments])
    verb, *others = arguments
    return shlex.join(["uv", "pip", verb, "--python", sys.executable, *others])


def install_command(extra: str, distribution: str = "ttsflow") -> str:
    """The command, for a shell, that installs an extra of an installed distribution.

    It installs from the source that the distribution came from: a package index, a folder (editable or
    not), an archive or a repository. If this source is unknown or gone, it installs from the package index.
    """
    name = f"{distribution}[{extra}]"
    source = _source(distribution)
    url = str(source.get("url", ""))
    folder = "dir_info" in source
    if url.startswith("file:"):
        path = Path(unquote(urlsplit(url).path))
        if not path.exists():
            return pip_command("install", name)
        if folder:
            editable = ["-e"] if source["dir_info"].get("editable") else []
            return pip_command("install", *editable, f"{path}[{extra}]")
    if "vcs_info" in source:
        url = f"{source['vcs_info']['vcs']}+{url}@{source['vcs_info']['commit_id']}"
    return pip_command("install", f"{name} @ {url}" if url else name)


def _source(distribution: str) -> dict[str, Any]:
    """Where a distribution came from, as pip notes it (PEP 610); empty for one from a package index."""
    # There may be several: metadata that a build left in a source folder has no such file.
    found = metadata.distributions(name=distribution)
    noted = next(filter(None, (each.read_text("direct_url.json") for each in found)), "{}")
    try:
        source = json.loads(noted)
    except ValueError:
        return {}
    return source if isinstance(source, dict) else {}
