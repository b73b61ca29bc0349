"""What may go wrong in a world of the fault tester, and how often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances of what may go wrong, each from 0 to 1; all 0 is an undisturbed world."""

    die: float = 0.0
    """a worker dies with the job it takes up, after part of its work"""
    poison: float = 0.0
    """a chunk kills every worker that speaks it, or a part of it"""
    fail: float = 0.0
    """the backend raises for a job"""
    refuse: float = 0.0
    """the backend refuses a job for good"""
    mute: float = 0.0
    """a job finishes and has made no audio"""
    bad: float = 0.0
    """a job's audio is no audio: not finite, the wrong rate or shape"""
    doubt: float = 0.0
    """a job's audio is complete, and a check has its doubts"""
    long: float = 0.0
    """a job's audio is much longer than its text"""
    split: float = 0.0
    """a job is too long for the model, and is to be spoken in parts; a tenth of it for a part"""
    hang: float = 0.0
    """a worker takes up a job and is never heard of again"""
    freeze: float = 0.0
    """a worker stops with the job it takes up, shows no sign of life, and goes on later; one of four never"""
    numb: float = 0.0
    """a worker that works shows no sign of life for a while"""
    slow: float = 0.0
    """a job takes 30 times as long"""
    memory: float = 0.0
    """a device runs out of memory"""
    broken: float = 0.0
    """a worker tells that its process can do no more"""
    lost: float = 0.0
    """a worker tells that its device is lost; a tenth of it for each job"""
    differ: float = 0.0
    """a backend that calls itself deterministic is not"""
    load: float = 0.0
    """a worker dies while it loads; half of them hang there instead"""
    leak: float = 0.0
    """a worker's memory grows beyond all bounds with a job"""
    deaf: float = 0.0
    """a worker does not answer a cancellation"""
    late: float = 0.0
    """a worker's message is delayed"""
    twice: float = 0.0
    """a worker's message comes a second time, later"""
    store: float = 0.0
    """the store of a stream can be written no more some time, and its stream is cancelled"""
    cancel: float = 0.0
    """a stream is cancelled some time"""
    drain: float = 0.0
    """the run is to be finished early some time"""
    devices: float = 0.0
    """a device disappears, or its caps change, some time"""
