"""The driver for real runs: real workers, the monotonic clock, and threads."""

from ttsflow.runner.core import Runner
from ttsflow.runner.handle import StreamHandle
from ttsflow.runner.store_writer import StoreWriter
from ttsflow.runner.workers import Post, Workers, WorkersFactory

__all__ = ["Post", "Runner", "StoreWriter", "StreamHandle", "Workers", "WorkersFactory"]
