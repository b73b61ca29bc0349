"""CUDA's own rules for CUDA_VISIBLE_DEVICES, as one pure function.

NVML lists all GPUs of a machine and ignores the variable. A process that asks NVML must therefore work
out by itself which GPUs CUDA will show. The rules are those of the CUDA programming guide ("CUDA
environment variables"). The guide does not cover repeated entries, numbers followed by other
characters, and lists that mix numbers and UUIDs; for these the rules are those that PyTorch found in
the driver (`torch.cuda._parse_visible_devices`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the variable.

    `token` is the entry as it is written. `target` is the device that it names: a GPU's position in
    NVML's order, or the UUID of a MIG instance.
    """

    token: str
    target: int | str


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries that CUDA uses, in CUDA's order.

    If an entry ended the list, `invalid` is the entry that names no device, or `repeated` the entry
    that names a device a second time.
    """

    entries: tuple[Entry, ...] = ()
    invalid: str | None = None
    repeated: str | None = None

    @property
    def by_position(self) -> bool:
        """Whether GPUs were named by position. What a position means depends on CUDA_DEVICE_ORDER."""
        return bool(self.entries) and _kind(self.entries[0].token) == "position"


def select(value: str, gpus: Sequence[str | None], instances: Sequence[str] = ()) -> Selection:
    """The devices that CUDA_VISIBLE_DEVICES=`value` selects.

    `gpus` are the UUIDs of the machine's GPUs in NVML's order, None for a GPU that cannot be read.
    `instances` are the UUIDs of all MIG instances. The list ends before the first entry that names no
    device. If an entry names a device a second time, CUDA shows no device at all. The kind of the
    first entry (position, GPU UUID or MIG UUID) is the kind of the list: an entry of another kind
    names no device.
    """
    entries: list[Entry] = []
    if not value.strip():
        return Selection()
    tokens = [token.strip() for token in value.split(",")]
    for token in tokens:
        target = _target(token, gpus, instances) if _kind(token) == _kind(tokens[0]) else None
        if target is None:
            return Selection(tuple(entries), invalid=token)
        if any(entry.target == target for entry in entries):
            return Selection(repeated=token)
        entries.append(Entry(token, target))
    return Selection(tuple(entries))


def _kind(token: str) -> str:
    return token[:4] if token.startswith(("GPU-", "MIG-")) else "position"


def _target(token: str, gpus: Sequence[str | None], instances: Sequence[str]) -> int | str | None:
    """The device that `token` names; None if it names no device or several."""
    targets: list[int | str]
    match _kind(token):
        case "GPU-":
            targets = [place for place, uuid in enumerate(gpus) if uuid and uuid.startswith(token)]
        case "MIG-":
            targets = [uuid for uuid in instances if uuid.startswith(token)]
        case _:
            targets = [place for place in range(len(gpus)) if str(place) == _leading_number(token)]
    return targets[0] if len(targets) == 1 else None


def _leading_number(token: str) -> str | None:
    """The number that C's strtol reads at the start of `token`, in its shortest form: "+01gpu" is "1".

    The number stays a string, because Python refuses to convert thousands of digits.
    """
    found = re.match(r"([+-]?)([0-9]+)", token)
    if not found:
        return None
    digits = found[2].lstrip("0") or "0"
    return f"-{digits}" if found[1] == "-" and digits != "0" else digits
