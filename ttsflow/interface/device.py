"""A device: where a model runs, or where one runs already."""

from __future__ import annotations

from dataclasses import dataclass

Binding = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A device on which a model can run, or a server on which one runs.

    `id` is its name in reports ("cuda:0", "mps", "cpu", "remote:0"). `kind` is "cuda", "mps" or "cpu" (a MIG
    instance is a "cuda" device), or "remote": a server in the network, which a backend's `devices` gives.
    `binding` are environment variables with which a worker sees only this device. Memory is in bytes, None if
    unknown. `cores` are the cores of a CPU that this process may use. `host` is the node of a cluster that
    has it ("alpha", of "alpha/cuda:0" and "alpha/cpu"), None on this machine.
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
    host: str | None = None
