"""The world of a run that is played again from its report, under other policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttsflow.config import Settings
from ttsflow.errors import InputError, UsageError
from ttsflow.interface.jobs import ChunkJob
from ttsflow.interface.profile import Profile
from ttsflow.planning.recorded import (
    Recorded,
    devices_of,
    first_piece_of,
    load_s_of,
    read_report,
    recorded,
    slots_of,
)
from ttsflow.planning.world import World
from ttsflow.profiles import Costs, Known
from ttsflow.registry import Registry, describe
from ttsflow.scheduler.placement import usable

WITHOUT_LENGTH = 15.0
"""characters per second of audio, where nothing was spoken"""


class RecordedText:
    """The chunks of a run, which are the same under each policy."""

    def __init__(self, run: Recorded) -> None:
        self._run = run

    def jobs(self, world: World, most: int | None = None) -> list[ChunkJob]:
        """The jobs of all streams; at most so many."""
        return list(self._run.jobs)[:most]


def replayed(path: Path, settings: Settings, registry: Registry, *, listening: bool) -> World:
    """The world of the run whose report is at `path`; for somebody if the run was, or `listening`.

    The costs are those of the run. How many slots there are, and what memory they need, says the backend, if
    it is known here. Raises InputError for a file that is no report, and UsageErrors.
    """
    report = read_report(path)
    try:
        return _world(report, path, settings, registry, listening)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is no whole report of this version of ttsflow ({type(error).__name__}: {error})"
        ) from error


def _world(
    report: Mapping[str, Any], path: Path, settings: Settings, registry: Registry, listening: bool
) -> World:
    profile, notices = _profile(report, registry)
    run = recorded(report, profile)
    audio_s = sum(run.audios.values())
    speakable = [job for job in run.jobs if job.speakable]
    if not speakable:
        raise InputError(f"{path} has no chunk that was spoken in it, so there is nothing to play again")
    profile = replace(
        profile,
        rtf=sum(run.works.values()) / audio_s,
        chars_per_s={"*": sum(len(job.text) for job in speakable) / audio_s},
    )
    costs = Costs(load_s=load_s_of(report), first_piece=first_piece_of(report))
    heard = report.get("listening")
    if heard is None:  # as version 0.1.0 has it
        heard = report.get("output") is None and report.get("texts") is None
    return World(
        profile,
        usable(devices_of(report), profile),
        listening or bool(heard),
        known=Known(costs, f"the run of {path}"),
        limits=settings.config.limits,
        notices=notices,
        recorded=run,
    )


def _profile(report: Mapping[str, Any], registry: Registry) -> tuple[Profile, Sequence[str]]:
    """The backend's profile with the s(k) that the run measured, or one made of the report, and a notice."""
    notices: list[str] = []
    name = str(report["backend"])
    try:
        plugin = registry.backend(name)
        profile = describe(plugin, plugin.options(report.get("backend_options") or {}))
    except UsageError as error:
        slots = slots_of(report)
        kinds = tuple(dict.fromkeys(str(device["kind"]) for device in report["devices"]))
        profile = Profile(name, 24_000, kinds, slots=slots, chars_per_s=WITHOUT_LENGTH)
        why = str(error).partition("\n")[0]
        notices.append(f"no worker has more slots than in the run ({slots}): {why}")
    return replace(profile, slowdown=_slowdown(report, profile)), notices


def _slowdown(report: Mapping[str, Any], profile: Profile) -> tuple[float, ...]:
    measured = {int(each["k"]): float(each["measured"]) for each in report.get("slowdown", ())}
    most = max((profile.slots, *measured), default=1)
    table: list[float] = []
    for k in range(1, most + 1):
        table.append(max(measured.get(k, profile.slow(k)), *table) if table else 1.0)
    return tuple(table)
