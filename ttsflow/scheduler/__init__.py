"""The heart: which chunk runs where and when, as a state machine without I/O."""

from ttsflow.scheduler.core import Scheduler

__all__ = ["Scheduler"]
