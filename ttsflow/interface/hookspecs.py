"""The hooks that a plugin may implement."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from ttsflow.interface.audioencoder import AudioEncoder
from ttsflow.interface.backend import Backend
from ttsflow.interface.observing import RunObserver
from ttsflow.interface.policy import Policy
from ttsflow.interface.textreader import TextReader
from ttsflow.interface.textrule import TextRule

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

        import ttsflow

        class Beep(ttsflow.Backend):
            '''A beep for every character.'''
            name = "beep"

            @classmethod
            def describe(cls, options):
                return ttsflow.Profile(backend=cls.name, sample_rate=8000, deterministic=True)

            def load(self, device, slots):
                import numpy as np

                t = np.arange(800) / 8000
                self.beep = np.sin(2 * np.pi * 440 * t).astype("float32")

            def synthesize(self, job):
                for _ in job.text:
                    yield ttsflow.AudioPiece(self.beep, 8000)

        @ttsflow.hookimpl
        def ttsflow_backends():
            return [Beep]
    """


@hookspec
def ttsflow_text_rules() -> Sequence[type[TextRule]]:  # type: ignore[empty-body]  # a hook has no body
    """Offer text rules.

    A complete plugin::

        import ttsflow

        class Ampersand(ttsflow.TextRule):
            '''Speaks & as a word.'''
            name = "ampersand"

            def spoken(self, text, language):
                return text.replace("&", "und" if language.startswith("de") else "and")

        @ttsflow.hookimpl
        def ttsflow_text_rules():
            return [Ampersand]
    """


@hookspec
def ttsflow_observers() -> Sequence[type[RunObserver]]:  # type: ignore[empty-body]  # a hook has no body
    """Offer observers of runs.

    A complete plugin::

        import ttsflow

        class Lines(ttsflow.RunObserver):
            '''Writes each failed chunk into a file.'''
            name = "lines"

            class Options(ttsflow.PluginOptions):
                file: str = "failed.txt"

            def observe(self, event):
                if isinstance(event, ttsflow.ChunkFailed):
                    with open(self.options.file, "a") as file:
                        print(event.index, event.why, file=file)

        @ttsflow.hookimpl
        def ttsflow_observers():
            return [Lines]
    """


@hookspec
def ttsflow_readers() -> Sequence[type[TextReader]]:  # type: ignore[empty-body]  # a hook has no body
    """Offer readers of text.

    A complete plugin::

        import ttsflow

        class Shouted(ttsflow.TextReader):
            '''Files in capital letters.'''
            name = "shouted"
            suffixes = (".shout",)

            def read(self, data, name):
                return data.decode().capitalize()

        @ttsflow.hookimpl
        def ttsflow_readers():
            return [Shouted]
    """


@hookspec
def ttsflow_encoders() -> Sequence[type[AudioEncoder]]:  # type: ignore[empty-body]  # a hook has no body
    """Offer encoders of audio.

    A complete plugin::

        import ttsflow

        class Floats(ttsflow.AudioEncoder):
            '''Samples as 32-bit numbers, behind one another.'''
            name = "floats"
            suffixes = (".f32",)
            streamed = True

            def begin(self, file, sample_rate, kbit_s):
                self.file = file

            def write(self, samples):
                self.file.write((samples / 32768).astype("<f4").tobytes())

            def finish(self, details):
                pass

        @ttsflow.hookimpl
        def ttsflow_encoders():
            return [Floats]
    """
