"""A CUDA graph for a CPU: what a function does with tensors is recorded, and replayed without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

REFUSED = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "exponential_", "multinomial", "item"}
"""operators that wait for the device, or draw random numbers: a CUDA graph cannot contain them"""


class Recorder(TorchDispatchMode):
    """`record` is a `Capture`. A replay writes to the tensors of the recording, where they were then."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded = self.replayed = 0
        self._calls: list[Callable[[], object]] = []

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self._calls = calls = []
        with self:
            work()
        self.recorded += 1

        def replay() -> None:
            self.replayed += 1
            for call in calls:
                call()

        return replay

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if name in REFUSED or (
            name.startswith("index") and any(t.dtype == torch.bool for t in indices(args))
        ):
            raise RuntimeError(f"{name} cannot be recorded")
        made = func(*args, **kwargs)
        if func._schema.is_mutable:
            self._calls.append(lambda: func(*args, **kwargs))
            return made
        given = {storage(tensor) for tensor in tensors((args, kwargs))}
        if any(storage(tensor) not in given for tensor in tensors(made)):  # else it is a view, which stays

            def again() -> None:
                for old, new in zip(tensors(made), tensors(func(*args, **kwargs)), strict=True):
                    old.copy_(new)

            self._calls.append(again)
        return made


def tensors(tree: Any) -> Iterator[torch.Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor))


def indices(args: Any) -> Iterator[torch.Tensor]:
    """The index tensors of a call of `index` or `index_put`."""
    return tensors(args[1]) if len(args) > 1 else iter(())


def storage(tensor: torch.Tensor) -> int:
    if tensor.layout != torch.strided:  # packed weights
        return id(tensor)
    return int(tensor.untyped_storage()._cdata)
