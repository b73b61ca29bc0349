"""What `ttsflow redo` does, once its arguments are understood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ttsflow.cli.runs import STREAM, Run, ask
from ttsflow.config import settings_of
from ttsflow.errors import InputError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.output import Tag
from ttsflow.registry import Registry
from ttsflow.session.plan import Plan, make_plan
from ttsflow.session.recording import Recipe, Recording, kept_beside
from ttsflow.store import Place, Store


def redo(output: Path, chunks: Sequence[int], seed: int | None, began: float, *, quiet: bool) -> int:
    """Speak chunks of an output again, and build it; the exit code."""
    recipe = _recipe(output)
    settings = settings_of(recipe.config, f"the store of {output}")
    registry = Registry.load(settings.config.plugins, [Path(folder) for folder in recipe.plugins_dirs])
    plan = make_plan(settings, registry, fallback_allowed=False, ask=ask())
    with (
        Run(plan, began, quiet=quiet) as run,
        Recording(plan, output, Tag(*recipe.mark), overwrite=True) as recording,
    ):
        recording.open()
        places = _chosen(recording.store, plan, chunks, output)
        jobs = [_job(recording.store, place, seed) for place in places]
        for place in _echoes(recording.store, places):
            run.console.say(f"chunk {place.job.index} has the same text, and changes with it")
        return run.redo(recording, jobs, output)


def _recipe(output: Path) -> Recipe:
    with Store.open(kept_beside(output), readonly=True) as store:
        return Recipe.read(store)


def _chosen(store: Store, plan: Plan, chunks: Sequence[int], output: Path) -> list[Place]:
    """The places of the chunks, in text order. Raises InputError for one that cannot be spoken again."""
    wanted, found, last = set(chunks), [], -1
    for place in store.places(STREAM):
        last = place.job.index
        if last in wanted:
            found.append(place)
    for index in sorted(wanted - {place.job.index for place in found}):
        raise InputError(f"there is no chunk {index} in {output}; its last is {last}")
    for place in found:
        if place.key is None:
            raise InputError(f"chunk {place.job.index} of {output} has nothing to say")
        if place.key != plan.key(place.job):
            raise InputError(
                f"chunk {place.job.index} would not be spoken as the rest of {output}: the voice, the model "
                f"or a plugin has changed since. Run the same command as before, to have all of it spoken so"
            )
    return found


def _job(store: Store, place: Place, seed: int | None) -> ChunkJob:
    """The job with the seed that is asked for, or else with the first that was not tried."""
    job = place.job
    if seed is not None:
        return replace(job, seed=seed)
    audio = None if place.key is None else store.read(place.key)
    for _ in range(0 if audio is None else audio.take + 1):
        job = job.retake()
    return job


def _echoes(store: Store, places: Sequence[Place]) -> Iterator[Place]:
    """Other places of the same chunks."""
    keys, indexes = {place.key for place in places}, {place.job.index for place in places}
    return (place for place in store.places() if place.key in keys and place.job.index not in indexes)
