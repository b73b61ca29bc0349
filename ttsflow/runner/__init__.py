"""The driver for real runs: worker processes, the monotonic clock, and threads at the edge."""

from ttsflow.runner.core import Runner
from ttsflow.runner.keeping import Keeper
from ttsflow.runner.stream import StreamHandle

__all__ = ["Keeper", "Runner", "StreamHandle"]
