"""What the scheduler may spend: tries, time, memory."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from ttsflow.interface.validation import Seconds, Section


class Timeouts(Section):
    """Seconds after which the program stops waiting."""

    chunk_s: Seconds | None = None
    """for a chunk, before its worker is killed; unset: by what chunks of the run take"""
    idle_s: Seconds | None = None
    """for the next piece of a chunk, once there was one; unset: half the time of the chunk"""
    load_s: Seconds = 600.0
    """for a worker to load its model, from one sign of progress to the next"""
    policy_s: Seconds = 30.0
    """for a policy to answer, before the run ends with an error that names it"""
    plugin_s: Seconds = 60.0
    """for a plugin to be imported, or to answer a question in the foreground, before an error names it"""
    drain_s: Seconds = 30.0
    """after Ctrl-C, for chunks in work to end; their audio is kept in the store"""
    cancel_s: Seconds = 5.0
    """for a worker to let go of a cancelled job, before the worker is killed"""
    close_s: Seconds = 5.0
    """for workers to end by themselves when the run is over, before they are killed"""


class Limits(Section):
    """What the scheduler may spend."""

    retries: NonNegativeInt = 2
    """how often a chunk is tried again after an attempt that failed"""
    takes: NonNegativeInt = 2
    """how often a chunk is spoken again, with another seed, where its audio is in doubt"""
    deaths: PositiveInt = 2
    """how many deaths of a worker, the last with that chunk alone, show a chunk to be the cause"""
    restarts: NonNegativeInt = 3
    """how often in a row a worker that died without a job is started again; with jobs, more often"""
    recycle_chunks: PositiveInt | None = None
    """chunks after which a worker is started anew"""
    recycle_bytes: PositiveInt = 4 * 1024**3
    """growth of a worker's memory after which it is started anew"""
    look_ahead: PositiveInt = 8
    """chunks of a stream that may be in work or in memory ahead of what its sink has written"""
    hedge: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """share of all work that may go into second attempts at chunks that are late; 0: none. Unset: 0.05 where
    the engine gives the same audio again, else none"""
    timeouts: Timeouts = Timeouts()
