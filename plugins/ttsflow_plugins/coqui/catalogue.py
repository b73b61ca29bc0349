"""Models that coqui-tts knows by name: their licences, where they are kept, and how they get there."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttsflow import BackendUnavailable, UnknownNameError, install_command
from ttsflow_plugins.xtts.download import data_folder

FAIRSEQ = "CC BY-NC 4.0"
"""the licence of Meta's models, one for each of 1,100 languages: tts_models/LANGUAGE/fairseq/vits"""

DOWNLOAD = """
import shutil, sys
from pathlib import Path
from TTS.utils.manage import ModelManager

name, coming = sys.argv[1:]
config = ModelManager(output_prefix=coming).download_model(name)[1]
print(config.parent)
"""
"""downloads the model of a name into a folder, or to the cache of huggingface_hub, and says where it is"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model by name; `vocoder` is the name of the one that belongs to it."""

    name: str
    licence: str
    vocoder: str | None

    @property
    def folder(self) -> Path:
        """Where coqui-tts keeps it."""
        return data_folder() / "tts" / self.name.replace("/", "--")

    @property
    def language(self) -> str | None:
        """The code of the language in the name; None for several."""
        code = self.name.split("/")[1]
        return None if code in ("multilingual", "universal") else code.replace("_", "-")


def entry(name: str) -> Entry:
    """The model of this name. Raises UnknownNameError, and BackendUnavailable for one of another backend."""
    kind, *rest = name.split("/")
    if len(rest) == 3 and kind == "tts_models" and rest[1] == "fairseq":
        return Entry(name, FAIRSEQ, None)
    known = _known()
    if name not in known:
        hint = "Models of fairseq are called tts_models/LANGUAGE/fairseq/vits"
        raise UnknownNameError(
            "model", name, [each for each in known if each.startswith("tts_models/")], hint
        )
    if rest[-1].startswith("xtts"):
        raise BackendUnavailable(f"{name} is spoken by the backend 'xtts': choose `backend.use: xtts`")
    item = known[name]
    return Entry(name, str(item.get("license") or "unknown"), item.get("default_vocoder"))


def prepare(model: Entry, ask: Callable[[str], bool] | None) -> None:
    """Ask for agreement to the licences of a model and of its vocoder, and download what is not there.

    Raises BackendUnavailable if there is no terminal to ask at, the answer is no, or the download fails.
    """
    parts = [model, *([entry_of_vocoder(model.vocoder)] if model.vocoder else [])]
    for part in parts:
        if part.folder.is_dir():
            continue
        if ask is None:
            raise BackendUnavailable(
                f"{part.name} is not on this machine, and nothing is downloaded unasked. It is under the "
                f"licence {part.licence}. Start a run at a terminal, or set backend.options.model_dir to a "
                "model that you have"
            )
        if not ask(
            f"{part.name} is under the licence {part.licence}.\nDo you agree to it, and may it be downloaded?"
        ):
            raise BackendUnavailable(f"{part.name} cannot be used without its licence and its files")
        _download(part)


def entry_of_vocoder(name: str) -> Entry:
    """A vocoder by its name."""
    return Entry(name, str(_known()[name].get("license") or "unknown"), None)


def _download(part: Entry) -> None:
    """Download a model, and move it to its place when it is whole. Raises BackendUnavailable."""
    home = part.folder.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".coming-", dir=home) as coming:
            came = named = _fetched(part, Path(coming))
            if not came.is_relative_to(coming):  # in the cache it is made of links
                came = shutil.copytree(came, Path(coming, "copy"))
            _put(came, named, part.folder)
    except OSError as error:
        raise BackendUnavailable(
            f"{part.name} cannot be kept in {home} ({error.strerror or error}): make room there, or set "
            "TTS_HOME to a folder that can be written"
        ) from error


def _fetched(part: Entry, coming: Path) -> Path:
    """Where upstream has downloaded a model to, in a process of its own: its downloader imports torch."""
    done = subprocess.run(
        # -P: a folder TTS that happens to be in the current one is not upstream's.
        [sys.executable, "-P", "-c", DOWNLOAD, part.name, str(coming)],
        env=os.environ | {"COQUI_TOS_AGREED": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        why = lines[-1][:300] if lines else f"exit code {done.returncode}"
        raise BackendUnavailable(f"cannot download {part.name}: {why}. Check the network and start again")
    return Path(done.stdout.splitlines()[-1])


def _put(came: Path, named: Path, folder: Path) -> None:
    """Move a model to its place, unless another run was quicker.

    Its configuration names the files beside it by their whole paths, in the folder `named`.
    """
    config = came / "config.json"
    old, new = (json.dumps(str(path))[1:-1].encode() for path in (named, folder))
    config.write_bytes(config.read_bytes().replace(old, new))
    try:
        came.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _known() -> dict[str, dict[str, Any]]:
    """coqui-tts's own catalogue, without importing it."""
    spec = importlib.util.find_spec("TTS")
    if spec is None or not spec.submodule_search_locations:
        raise BackendUnavailable(f"coqui-tts is not installed: {install_command('coqui')}")
    families = json.loads((Path(spec.submodule_search_locations[0]) / ".models.json").read_text("utf-8"))
    return {
        f"{family}/{language}/{dataset}/{name}": item
        for family in ("tts_models", "vocoder_models")
        for language, datasets in families[family].items()
        for dataset, models in datasets.items()
        for name, item in models.items()
    }
