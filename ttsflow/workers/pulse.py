"""Signs of life: a thread of a worker that tells the coordinator each second that its process lives."""

from __future__ import annotations

import logging
import os
import threading
from types import TracebackType

from ttsflow.workers.wire import Beat, Line

logger = logging.getLogger(__name__)

BEAT_S = 1.0
"""from one sign to the next"""

END_S = 1.0
"""for the thread to end, which may wait for a coordinator that does not read"""


class Pulse:
    """Inside the `with` block a thread of its own sends Beat: as long as the process gets time to compute.

    An engine that holds the interpreter's lock, a stopped process and one that is swapped out send none.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(END_S)

    def _beat(self) -> None:
        try:
            while not self._over.wait(BEAT_S):
                self._line.send(Beat())
        except OSError:  # the coordinator has ended, and this process will
            return
        except BaseException:  # without this thread, the coordinator would wait for its signs
            logger.exception("the thread that tells that this worker lives has failed")
            os._exit(1)
