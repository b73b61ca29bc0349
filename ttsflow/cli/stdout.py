"""Standard output, which carries what the program says and nothing else, whatever its plugins print."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

logger = logging.getLogger(__name__)

STDOUT, STDERR = 1, 2

MOST_LINES = 20
"""of one call of a plugin that are passed on"""

LONGEST_LINE = 500
"""characters of such a line"""

LEFT_S = 0.2
"""seconds for the last words of a call; a process that it has left behind may keep them open for longer"""


class _Words(io.TextIOWrapper):
    """The program's own words, which its main thread prints; those of other threads go to standard error."""

    def write(self, text: str) -> int:
        if threading.current_thread() is threading.main_thread():
            return super().write(text)
        return sys.stderr.write(text)


def set_aside() -> None:
    """Have the descriptor 1 lead to standard error, and `sys.stdout` to where it led before.

    So what C code prints, and a process that a plugin starts, is not taken for what the program says. Where
    `sys.stdout` leads elsewhere, as in a test, nothing is done.
    """
    if sys.stdout is not sys.__stdout__ or sys.stdout is None or sys.stdout.fileno() != STDOUT:
        return
    sys.stdout.flush()
    own = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    words = _Words(
        os.fdopen(own, "wb"),
        sys.stdout.encoding,
        sys.stdout.errors,
        line_buffering=os.isatty(own),
    )
    sys.stdout = words
    sys.__stdout__ = words  # type: ignore[misc]  # what asks for it means standard output


_one_at_a_time = threading.Lock()


def is_aside() -> bool:
    """Whether `set_aside` did what it says."""
    return isinstance(sys.__stdout__, _Words)


def plugin_is_heard() -> bool:
    """Whether a plugin is called now."""
    return _one_at_a_time.locked()


@contextmanager
def hearing(name: str) -> Iterator[None]:
    """What is printed inside, which is code of the plugin `name`, goes to the log under its name.

    Of calls at the same time one is heard; of the others, words go to standard error without a name.
    """
    if not _one_at_a_time.acquire(blocking=False):
        yield
        return
    try:
        with _overheard(name):
            yield
    finally:
        _one_at_a_time.release()


@contextmanager
def _overheard(name: str) -> Iterator[None]:
    before = os.dup(STDOUT)
    theirs, ours = os.pipe()
    listener = threading.Thread(target=_listen, args=(theirs, name), name="what plugins print", daemon=True)
    listener.start()
    os.dup2(ours, STDOUT)
    try:
        with (
            os.fdopen(ours, "w", 1, encoding="utf-8", errors="backslashreplace") as words,
            redirect_stdout(words),
        ):
            yield
    finally:
        os.dup2(before, STDOUT)
        os.close(before)
        listener.join(LEFT_S)


def _listen(descriptor: int, name: str) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="backslashreplace") as words:
        for number, line in enumerate(iter(lambda: words.readline(LONGEST_LINE), "")):
            if number == MOST_LINES:
                logger.warning("%s prints more, which is left out", name)
            elif number < MOST_LINES and line.strip():
                logger.warning("%s prints: %s", name, line.rstrip())
