"""A device on which a model can run."""

from __future__ import annotations

from dataclasses import dataclass

Binding = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A device on which a model can run.

    `id` is its name in reports ("cuda:0", "mps", "cpu"). `kind` is "cuda", "mps" or "cpu" (a MIG
    instance is a "cuda" device). `binding` are environment variables with which a worker sees only this
    device. Memory is in bytes, None if unknown. `cores` are the cores of a CPU that this process may use.
    `max_slots` and `max_workers` are limits learnt during a run, None for no limit.
    """

    id: str
    kind: str
    name: str = ""
    uuid: str | None = None
    binding: Binding = ()
    total_bytes: int | None = None
    free_bytes: int | None = None
    cores: int | None = None
    max_slots: int | None = None
    max_workers: int | None = None
