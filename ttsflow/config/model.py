"""The configuration: one schema for every YAML file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveFloat, PositiveInt


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Timeouts(Section):
    """Seconds after which the program stops waiting."""

    cancel_s: PositiveFloat = 5.0
    """for a worker to let go of a cancelled job, before the worker is killed"""
    close_s: PositiveFloat = 5.0
    """for workers to end by themselves when the run is over, before they are killed"""


class Limits(Section):
    """What the scheduler may spend."""

    retries: NonNegativeInt = 2
    """how often a chunk is tried again after an attempt that failed"""
    restarts: NonNegativeInt = 3
    """how often in a row a worker is restarted without finishing a job"""
    look_ahead: PositiveInt = 8
    """chunks of a stream that may be in work or in memory ahead of what its sink has written"""
    timeouts: Timeouts = Timeouts()
