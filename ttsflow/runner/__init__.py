"""The driver for real runs: workers, the monotonic clock, and threads at the edge."""

from ttsflow.runner.core import Runner
from ttsflow.runner.keeping import Keeper
from ttsflow.runner.stream import StreamHandle
from ttsflow.runner.workers import Post, Workers, WorkersFactory

__all__ = ["Keeper", "Post", "Runner", "StreamHandle", "Workers", "WorkersFactory"]
