"""The outlet of a stream with a sink: a thread that passes audio to the sink."""

from __future__ import annotations

import logging

from ttsflow.output import Sink
from ttsflow.runner.outlet_thread import OutletThread
from ttsflow.scheduler.messages import ChunkFailed, Deliver, Delivered

logger = logging.getLogger(__name__)


class SinkThread(OutletThread[Deliver | ChunkFailed]):
    """Passes audio to the sink and reports each chunk as Delivered; then finishes the sink, or aborts it.

    After the stream is cancelled, or the sink has failed, it passes nothing more to the sink.
    """

    def __init__(self, stream: str, sink: Sink) -> None:
        super().__init__(f"sink of {stream}")
        self._stream, self._sink = stream, sink

    def _run(self) -> None:
        failed = False
        while (command := self._commands.get()) is not None:
            if failed or not self._whole:
                continue
            try:
                self._hand_over(command)
            except BaseException as error:  # a sink may raise anything, and no other code would see it
                failed = True
                self._fail(error)
        self._wake(self._finish())

    def _hand_over(self, command: Deliver | ChunkFailed) -> None:
        if isinstance(command, Deliver) and command.payloads:
            self._sink.write(command.payloads)
        if command.outcome is not None:
            self._sink.end_chunk(command.outcome)
            self._report(Delivered(self._stream, command.outcome.job.index))

    def _finish(self) -> BaseException | None:
        """Finish the sink, or abort it. Returns the error for the stream's waiter, if any."""
        error, whole = self._error, self._whole
        if whole:
            try:
                self._sink.finish()
            except BaseException as failure:  # as above
                error, whole = failure, False
        if not whole:
            self.abort()
        return error

    def abort(self) -> None:
        try:
            self._sink.abort()
        except Exception:  # the stream has an ending to report already
            logger.exception("the sink of stream %r could not be aborted", self._stream)
