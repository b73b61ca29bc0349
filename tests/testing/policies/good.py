"""A policy that keeps every rule, of which the broken ones are made."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice

from pydantic import Field

from ttsflow import (
    ChunkJob,
    Device,
    PluginOptions,
    Policy,
    Profile,
    View,
    WorkerSpec,
    WorkerView,
    fill,
)
from ttsflow.registry import Plugin, Provider, Registry
from ttsflow.testing.policies import PolicySubject


class Good(Policy):
    """The longest of the next chunks first, but for listeners; each voice has a lane."""

    name = "good"

    class Options(PluginOptions):
        ahead: int = Field(16, ge=1)

    options: Options

    def place(self, devices: Sequence[Device], profile: Profile) -> Iterable[WorkerSpec]:
        return list(fill(devices, profile))

    def lane(self, job: ChunkJob) -> Hashable:
        return job.voice

    def dispatch(self, view: View) -> Iterator[tuple[ChunkJob, WorkerView]]:
        for worker in view.free:
            job = self._next(view)
            if job is None:
                return
            yield job, worker

    def _next(self, view: View) -> ChunkJob | None:
        """A listener hears the text in order. In a file no long chunk is left for the end."""
        first = view.ready.first()
        if first is None or view.listener(first.stream) is not None:
            return first
        return max(islice(view.ready, self.options.ahead), key=view.costs.cost)


def subject_of(cls: type[Policy], options: PluginOptions | None = None) -> PolicySubject:
    """What the rules look at, in this process."""
    plugin = Plugin(cls.name, cls, Provider("package", "this test", cls.__module__))
    built_in = [Registry.load().policy(name) for name in ("sequential", "bounded-parallel")]
    return PolicySubject(plugin, options or cls.Options(), built_in)
