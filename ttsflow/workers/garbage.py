"""Fewer collections of garbage while a worker loads: it makes much, and throws little of it away."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

WHILE_LOADING = 50_000
"""objects that are more than before when Python next looks for unused cycles of them. With its own 700 it
looks through all that was imported again and again: a quarter of the time that torch and what goes with it
take. Not without bound, for a cycle may hold weights."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Inside, garbage is collected less often, unless what runs there has a wish of its own."""
    usual = gc.get_threshold()
    gc.set_threshold(WHILE_LOADING)
    seldom = gc.get_threshold()
    try:
        yield
    finally:
        if gc.get_threshold() == seldom:
            gc.set_threshold(*usual)
