"""`python injecting.py THREAD LOOKS ...`: runs ttsflow, and raises MemoryError in a thread.

In the first whose name begins so, after so many looks at it at work, a hundredth of a second apart; or, with
`closing` in place of a number, as soon as the runner is being closed.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from types import FrameType


def at_work(thread: threading.Thread) -> bool:
    """Whether a thread is in what its first function of the program calls: before and after, no `try` holds.

    Nor does it start a thread: until that one has begun, CPython knows it by the number of this one, and may
    raise the error there, where no code of the program runs.
    """
    frame: FrameType | None = sys._current_frames().get(thread.ident or 0)
    depth = 0
    while frame:
        if frame.f_code is threading.Thread.start.__code__:
            return False
        depth += "/ttsflow/" in frame.f_code.co_filename
        frame = frame.f_back
    return depth > 1


def is_closing() -> bool:
    """Whether the main thread waits for the end of the runner."""
    frame: FrameType | None = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame:
        if frame.f_code.co_qualname == "Runner.close":
            return True
        frame = frame.f_back
    return False


def inject(name: str, when: str) -> None:
    """Raise it.

    In the main thread, a while after the run began: what the program imports before it may catch any error.
    """
    seen = 0
    while True:
        threads = threading.enumerate()
        running = name != "MainThread" or any(thread.name == "ttsflow runner" for thread in threads)
        for thread in threads if running else ():
            if thread.name.startswith(name) and at_work(thread):
                seen += 1
                if is_closing() if when == "closing" else seen > int(when):
                    ident, error = ctypes.c_ulong(thread.ident), ctypes.py_object(MemoryError)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, error)
                    print("INJECTED", file=sys.__stderr__, flush=True)
                    return
        time.sleep(0.001 if when == "closing" else 0.01)


if __name__ == "__main__":
    threading.Thread(target=inject, args=sys.argv[1:3], daemon=True, name="zz").start()
    from ttsflow.cli import main

    sys.argv = ["ttsflow", *sys.argv[6:]]  # behind: python -m ttsflow
    sys.exit(main())
