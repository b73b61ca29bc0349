"""What the tests of the store are made with: keys, chunks, places, and a child that runs a script."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np

from ttsflow.errors import OutputError, StoreError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome, Status
from ttsflow.output.pcm import encode
from ttsflow.store import Place, Spoken, Store

ROOT = Path(__file__).parents[2]
RATE = 8000


def key(name: object) -> bytes:
    return hashlib.blake2b(str(name).encode(), digest_size=32).digest()


def noise(name: object, samples: int = 3000) -> AudioPiece:
    """Samples that depend on the name alone."""
    seed = int.from_bytes(key(name)[:8], "big")
    return AudioPiece(np.random.default_rng(seed).uniform(-1, 1, samples).astype(np.float32), RATE)


def spoken(name: object, samples: int = 3000, status: Status = "ok", why: str | None = None) -> Spoken:
    job = ChunkJob("book", 0, f"This is {name}.", seed=7)
    return Spoken(key(name), Outcome(job, status, why=why), [noise(name, samples)])


def pcm(name: object, samples: int = 3000) -> bytes:
    """The bytes that the store keeps of `spoken(name, samples)`."""
    return encode(noise(name, samples), RATE)


def place(index: int, name: object | None, pause_s: float = 0.05) -> Place:
    """A place where `name` is heard; None is one with nothing to say."""
    if name is None:
        return Place(None, ChunkJob("", index, "***", pause_s=pause_s, speakable=False))
    return Place(key(name), ChunkJob("", index, f"This is {name}.", seed=7, pause_s=pause_s))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def filled(path: Path, chunks: int, samples: int = 3000) -> None:
    """A closed store with this many places and their chunks, named by their numbers."""
    with Store.open(path) as store:
        store.plan(place(index, index) for index in range(chunks))
        for number in range(chunks):
            store.commit([spoken(number, samples)])


def chunks_kept(path: Path) -> int:
    """How many chunks are in the store there, which may be in use; 0 where there is none."""
    try:
        with Store.open(path, readonly=True) as store:
            return store.counts().kept
    except (OutputError, StoreError):  # there is none yet
        return 0


def child(script: str, *arguments: object, wrapped: tuple[str, ...] = ()) -> str:
    """What a script prints that runs in a process of its own. It must succeed."""
    command = [*wrapped, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_a_small_disk(options: str, folder: Path) -> tuple[str, ...]:
    """A command that runs another where `folder` is a file system of its own, mounted with `options`."""
    mount = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'
    return ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", options, str(folder))
