"""The finished chunks of a run, kept next to its output: audio by content, and the places of the text."""

from __future__ import annotations

from ttsflow.store.assembly import Built, Written, add, build, fingerprint, heard
from ttsflow.store.chunks import Audio, Spoken
from ttsflow.store.compaction import Compacted, compact
from ttsflow.store.files import remove, store_path
from ttsflow.store.follower import Follower
from ttsflow.store.level import find_gain
from ttsflow.store.passages import Extent
from ttsflow.store.places import Place
from ttsflow.store.salvage import Salvaged, salvage
from ttsflow.store.store import Counts, Made, Running, Store

__all__ = [
    "Audio",
    "Built",
    "Compacted",
    "Counts",
    "Extent",
    "Follower",
    "Made",
    "Place",
    "Running",
    "Salvaged",
    "Spoken",
    "Store",
    "Written",
    "add",
    "build",
    "compact",
    "find_gain",
    "fingerprint",
    "heard",
    "remove",
    "salvage",
    "store_path",
]
