"""The hooks that a plugin may implement."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from ttsflow.interface.backend import Backend
from ttsflow.interface.policy import Policy

GROUP = "ttsflow"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def ttsflow_policies() -> Sequence[type[Policy]]:  # type: ignore[empty-body]  # a hook has no body
    """Offer scheduling policies.

    A complete plugin::

        import ttsflow

        class Widest(ttsflow.Policy):
            '''A worker on every device; the next chunk goes to any free worker.'''
            name = "widest"
            def place(self, devices, profile):
                return [ttsflow.WorkerSpec(device) for device in devices]

        @ttsflow.hookimpl
        def ttsflow_policies():
            return [Widest]
    """


@hookspec
def ttsflow_backends() -> Sequence[type[Backend]]:  # type: ignore[empty-body]  # a hook has no body
    """Offer TTS backends.

    A complete plugin::

        import numpy as np
        import ttsflow

        class Beep(ttsflow.Backend):
            '''A beep for every character.'''
            name = "beep"

            @classmethod
            def describe(cls, options):
                return ttsflow.Profile(backend=cls.name, sample_rate=8000, deterministic=True)

            def load(self, device, slots):
                t = np.arange(800) / 8000
                self.beep = np.sin(2 * np.pi * 440 * t).astype("float32")

            def synthesize(self, job):
                for _ in job.text:
                    yield ttsflow.AudioPiece(self.beep, 8000)

        @ttsflow.hookimpl
        def ttsflow_backends():
            return [Beep]
    """
