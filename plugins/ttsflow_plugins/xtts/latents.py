"""Latents on disk, so that later workers need not compute them again."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_SEAL = "seal"  # name of the tensor with the checksum of the key and of the other tensors


def cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/ttsflow/xtts`, else `~/.cache/ttsflow/xtts`; None for a user without a home folder."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not home.is_absolute():  # the XDG base directory specification says to ignore a relative path
        try:
            home = Path("~/.cache").expanduser()
        except RuntimeError:
            return None
    return home / "ttsflow" / "xtts"


class LatentsCache:
    """A folder with a file of tensors for each key. Several workers may use it at the same time.

    A file appears only when it is complete. A damaged file, or a file with another key, counts as absent.
    If `folder` cannot be written (or is None), nothing is stored; this is logged once.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lost: OSError | None = None

    def get(self, key: str) -> dict[str, torch.Tensor] | None:
        """The tensors stored under `key`, on the CPU; None if there are none."""
        from safetensors.torch import load

        if self._folder is None:
            return None
        path = self._file(self._folder, key)
        try:
            tensors = load(path.read_bytes())
            if bytes(tensors.pop(_SEAL).tolist()) != _seal(key, tensors):
                raise ValueError("its content is not what was written")
        except OSError:  # absent; any other problem with the folder appears when `put` writes to it
            return None
        except Exception as error:  # a damaged file may raise anything in the library that reads it
            logger.warning("%s is of no use (%s); its latents are computed again", path, error)
            return None
        return tensors

    def put(self, key: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Store contiguous tensors, from any device, under `key`."""
        import torch
        from safetensors.torch import save

        if self._folder is None or self._lost is not None:
            return
        tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
        seal = torch.tensor(list(_seal(key, tensors)), dtype=torch.uint8)
        try:
            self._write(self._file(self._folder, key), save({**tensors, _SEAL: seal}))
        except OSError as error:
            self._lost = error
            logger.warning(
                "latents are not kept for later runs: %s cannot be written: %s", self._folder, error
            )

    @staticmethod
    def _file(folder: Path, key: str) -> Path:
        return folder / f"{key}.safetensors"

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
            try:
                part.write(content)
                part.flush()
                Path(part.name).replace(path)
            except OSError:
                with suppress(OSError):
                    Path(part.name).unlink()
                raise


def _seal(key: str, tensors: Mapping[str, torch.Tensor]) -> bytes:
    digest = hashlib.blake2b(key.encode(), digest_size=32)
    for name in sorted(tensors):
        add_tensor(digest, name, tensors[name])
    return digest.digest()


def add_tensor(digest: hashlib.blake2b, name: str, tensor: torch.Tensor) -> None:
    """Add a tensor of any shape, type and device, and its name, to `digest`."""
    import torch

    digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
    digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
