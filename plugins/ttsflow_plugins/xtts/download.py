"""The published XTTS-v2: Coqui's licence question, the download, and the folder of the model.

The folders are those of coqui-tts: the model is in the cache folder of huggingface_hub, the answer to
the licence question in Coqui's data folder.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ttsflow import BackendUnavailable, UnknownNameError, install_command
from ttsflow_plugins.xtts.checkpoint import NEEDED, SPEAKERS

PUBLISHED = "tts_models/multilingual/multi-dataset/xtts_v2"
FILES = (*NEEDED, SPEAKERS)

_LICENCE = "https://tts-hub.github.io/cpml"
_QUESTION = (
    "The weights of XTTS-v2 are for non-commercial use only, under the Coqui Public Model License "
    f"({_LICENCE}).\nDo you agree to its terms, or have you bought a commercial licence from Coqui?"
)
_AGREEMENT = "I have read, understood and agreed to the Terms and Conditions."
_OTHER_WAYS = (
    "To use a model that you have, set the option model_dir. "
    "The backends 'hibari' (English) and 'espeak' need neither licence nor download."
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

log = logging.getLogger(__name__)


def prepare(model: str, ask: Callable[[str], bool] | None) -> None:
    """Ask for agreement to the licence, then download `model` if it is not there.

    Raises BackendUnavailable if there is no terminal to ask at, the answer is no, or the download fails,
    and UnknownNameError if coqui-tts knows no such XTTS-v2 model.
    """
    _repository(model)
    _settle_licence(model, ask)
    if downloaded(model) is None:
        _download(model)


def downloaded(model: str) -> Path | None:
    """The folder of `model` on this machine; None if it is not completely downloaded. Uses no network."""
    if importlib.util.find_spec("TTS") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    repository = _repository(model)
    cached = [try_to_load_from_cache(repository, name) for name in FILES]
    paths = [Path(path) for path in cached if isinstance(path, str)]
    return paths[0].parent if len(paths) == len(cached) else None


def _repository(model: str) -> str:
    """The repository of `model` on the Hugging Face Hub, from coqui-tts's own catalogue."""
    spec = importlib.util.find_spec("TTS")  # finds the package and does not import it
    if spec is None or not spec.submodule_search_locations:
        raise BackendUnavailable(f"coqui-tts is not installed: {install_command('xtts')}")
    catalogue = Path(spec.submodule_search_locations[0]) / ".models.json"
    families = json.loads(catalogue.read_text(encoding="utf-8"))["tts_models"]
    known = {
        f"tts_models/{language}/{dataset}/{name}": str(item["repo_id"])
        for language, datasets in families.items()
        for dataset, models in datasets.items()
        for name, item in models.items()
        if name.startswith("xtts_v2") and "repo_id" in item
    }
    if model not in known:
        raise UnknownNameError("XTTS-v2 model", model, known, hint="For a model of your own set model_dir.")
    return known[model]


def _settle_licence(model: str, ask: Callable[[str], bool] | None) -> None:
    answer = data_folder() / "tts" / model.replace("/", "--") / "tos_agreed.txt"
    if os.environ.get("COQUI_TOS_AGREED") == "1" or answer.exists():
        return
    if ask is None:
        raise BackendUnavailable(
            "XTTS-v2's licence is not agreed to, and there is no terminal to ask at. Its weights are for "
            f"non-commercial use only ({_LICENCE}); to agree, set COQUI_TOS_AGREED=1. {_OTHER_WAYS}"
        )
    if not ask(_QUESTION):
        raise BackendUnavailable(f"XTTS-v2 cannot be used without its licence. {_OTHER_WAYS}")
    try:
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.write_text(_AGREEMENT, encoding="utf-8")
    except OSError as error:
        raise BackendUnavailable(
            f"your answer cannot be kept in {answer} ({error.strerror}); set COQUI_TOS_AGREED=1 instead"
        ) from error


def data_folder() -> Path:
    """Coqui's data folder, found in the same way as in its package `trainer` (which would import torch)."""
    for variable in ("TTS_HOME", "XDG_DATA_HOME"):
        if variable in os.environ:
            return Path(os.environ[variable]).expanduser().resolve()
    if sys.platform == "darwin":
        return Path("~/Library/Application Support").expanduser()
    return Path.home() / ".local" / "share"


def _download(model: str) -> None:
    """Download the files of `model` that are missing, one after another.

    Upstream's `ModelManager` is not used: it downloads on threads that Ctrl-C does not end, and imports
    torch. If standard error is a terminal, huggingface_hub shows the progress there.
    """
    from huggingface_hub import HfApi, constants, hf_hub_download
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import disable_progress_bars

    hub_logging.disable_propagation()  # it prints its warnings itself
    if not log.isEnabledFor(logging.WARNING):
        hub_logging.set_verbosity(logging.ERROR)
        disable_progress_bars()
    repository, cache = _repository(model), Path(constants.HF_HUB_CACHE)
    if constants.HF_HUB_OFFLINE:
        raise BackendUnavailable(
            f"{model} is not in {cache}, and HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set: unset it to "
            f"download. {_OTHER_WAYS}"
        )
    try:
        # without this, huggingface_hub would try for half a minute to reach a server that is not there
        info = HfApi().model_info(repository, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        _check_room(repository, sizes, cache)
        for name in FILES:
            hf_hub_download(repository, name)
    except Exception as error:  # huggingface_hub, its HTTP library and the disk each raise their own
        raise BackendUnavailable(
            f"cannot download {model} from {constants.ENDPOINT}: {_why(error, cache)}. {_OTHER_WAYS}"
        ) from error
    if downloaded(model) is None:
        raise BackendUnavailable(f"the download of {model} is not whole; start again. {_OTHER_WAYS}")


def _check_room(repository: str, sizes: Mapping[str, int], cache: Path) -> None:
    """Raise OSError if the disk has not enough room for the missing files."""
    from huggingface_hub import try_to_load_from_cache

    missing = [name for name in FILES if not isinstance(try_to_load_from_cache(repository, name), str)]
    needed = sum(sizes.get(name, 0) for name in missing)
    free = shutil.disk_usage(next(path for path in (cache, *cache.parents) if path.exists())).free
    log.warning("downloading %s (%.2f GB) to %s", repository, needed / 1e9, cache)
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free")


def _why(error: BaseException, cache: Path) -> str:
    """The cause of a failed download in one line, and what to do next."""
    while error.__cause__ is not None:  # the first error of a chain is the one that says what happened
        error = error.__cause__
    cause = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return f"the disk of {cache} is full ({cause}). Make room, or set HF_HOME to a folder on another disk"
    if isinstance(error, OSError) and error.filename:
        return f"{cause}. Set HF_HOME to a folder that can be written"
    if getattr(getattr(error, "response", None), "status_code", None) in (401, 403, 404):
        return f"{cause}. It has moved or is not for everybody: look for a newer coqui-tts"
    return f"{cause}. Check the network and start again; files that came whole stay"
