"""A place where a model can run."""

from __future__ import annotations

from dataclasses import dataclass

Binding = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A place where a model can run.

    `id` names it in reports ("cuda:0", "mps", "cpu"), `kind` is "cuda", "mps" or "cpu" (a MIG
    instance is a "cuda" device). `binding` is the environment that shows a worker this device and no
    other. Memory is in bytes, None where unknown. `max_slots` and `max_workers` are caps learnt
    during a run, None for no cap.
    """

    id: str
    kind: str
    name: str = ""
    uuid: str | None = None
    binding: Binding = ()
    total_bytes: int | None = None
    free_bytes: int | None = None
    max_slots: int | None = None
    max_workers: int | None = None
