"""The lines at the foot of a terminal that show a run as it goes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from ttsflow.cli.activity import Activity
from ttsflow.cli.progress import Progress
from ttsflow.devices import nvml
from ttsflow.interface.device import Device
from ttsflow.report.excerpt import printable
from ttsflow.report.units import duration

if TYPE_CHECKING:
    from rich.console import RenderableType

REDRAWN = 4  # times a second
GPUS_S = 2.0  # seconds from one look at the GPUs to the next
LINES = 8  # of the terminal that workers leave to everything else

Write = Callable[[str, bool], object]
"""takes a text for the terminal, and whether it must be written"""


class Display:
    """Draws a run on a terminal until `close`; what `say` is given appears above.

    A thread of its own draws, so the run never waits for it; `write` must not wait either. `chapters` are
    titles by the index of the chapter's first chunk, in order.
    """

    def __init__(
        self,
        write: Write,
        progress: Progress,
        activity: Activity,
        devices: Sequence[Device] = (),
        chapters: Mapping[int, str] | None = None,
    ) -> None:
        from rich.console import Console
        from rich.live import Live

        self._paper = _Paper(write)
        self._console = Console(
            file=self._paper, force_terminal=True, markup=False, highlight=False, emoji=False
        )
        self._progress, self._activity = progress, activity
        self._gpus = _Gpus([device for device in devices if device.kind == "cuda" and device.host is None])
        self._chapters = list((chapters or {}).items())
        self.chunk = 0
        """the last chunk that has ended"""
        self.of: str | None = None
        """how far a run of many texts is, in words"""
        self.doing: str | None = None
        """what is done after the speaking, if it has come to that"""
        self._live = Live(
            console=self._console,
            get_renderable=self._drawn,
            refresh_per_second=REDRAWN,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def say(self, text: str, must: bool = False) -> None:
        """Write lines above what is drawn."""
        with self._paper.needed(must):
            self._console.print(text.removesuffix("\n"), soft_wrap=True)

    def close(self) -> None:
        """Wipe what is drawn, and draw no more. May be called again."""
        with self._paper.needed(True):
            self._live.stop()

    # ------------------------------------------------------------ what is drawn

    def _drawn(self) -> RenderableType:
        from rich.console import Group

        now = time.monotonic()
        lines = [self._bar(), self._numbers(now), *self._chapter(), self._workers(now), *self._devices()]
        return Group(*lines)

    def _bar(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(ratio=1)
        line.add_column(no_wrap=True)
        share, counted = self._progress.share, self._progress.counted
        words = "the text still comes" if share is None and self.of is None else self.of or ""
        if share is not None:
            words = f"{share:4.0%}  {words}".rstrip()
        if counted is not None:
            words += f"  {counted[0]:,} of {counted[1]:,} chunks"
        line.add_row(ProgressBar(1.0, share or 0.0, pulse=share is None), words)
        return line

    def _numbers(self, now: float) -> RenderableType:
        words = [f"{duration(self._progress.audio_s)} of speech"]
        if (speed := self._progress.speed(now)) is not None:
            words.append(f"{speed:.3g} x real time")
        if (left_s := self._progress.left_s(now)) is not None:
            words.append(f"about {duration(left_s)} left")
        if self.doing is not None:
            words.append(self.doing)
        if self._activity.lost:
            words.append(
                "1 worker lost" if self._activity.lost == 1 else f"{self._activity.lost} workers lost"
            )
        return _line(", ".join(words))

    def _chapter(self) -> Iterator[RenderableType]:
        begun = [number for number, (first, _) in enumerate(self._chapters, 1) if first <= self.chunk]
        if begun:
            title = self._chapters[begun[-1] - 1][1]
            yield _line(f"chapter {begun[-1]} of {len(self._chapters)}: {printable(title)}")

    def _workers(self, now: float) -> RenderableType:
        from rich.table import Table

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(no_wrap=True, style="dim")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right", style="dim")
        doing = list(self._activity)
        room = max(self._console.height - LINES - len(self._gpus), 2)
        for each in doing[:room]:
            slots = f" {each.busy}/{each.slots}" if each.slots > 1 else ""
            took_s = round(now - each.since_s) if each.busy or each.device is None else 0
            took = duration(took_s) if took_s else ""
            table.add_row(each.worker, f"{each.device or ''}{slots}", printable(each.what), took)
        if len(doing) > room:
            busy = sum(1 for each in doing[room:] if each.busy)
            table.add_row("", "", f"and {len(doing) - room} more, {busy} of them at work")
        return table

    def _devices(self) -> Iterator[RenderableType]:
        yield from map(_line, self._gpus.lines())


def _line(text: str) -> RenderableType:
    from rich.text import Text

    return Text(text, no_wrap=True, overflow="ellipsis")


class _Gpus:
    """What NVML tells of the GPUs of a run, looked up now and then."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._lines: list[str] = []
        self._looked_s = -GPUS_S

    def __len__(self) -> int:
        return len(self._devices)

    def lines(self) -> list[str]:
        """A line for each that NVML knows: its memory, and how busy it is."""
        now = time.monotonic()
        if self._devices and now - self._looked_s >= GPUS_S:
            self._looked_s = now
            self._lines = list(self._look())
        return self._lines

    def _look(self) -> Iterator[str]:
        found = {
            gpu.uuid: gpu for whole in nvml.read().gpus if whole for gpu in (whole, *(whole.instances or ()))
        }
        for device in self._devices:
            gpu = found.get(device.uuid)
            if gpu is None or gpu.total_bytes is None or gpu.free_bytes is None:
                continue
            used, total = (gpu.total_bytes - gpu.free_bytes) / 1e9, gpu.total_bytes / 1e9
            busy = "" if gpu.busy is None else f", {gpu.busy:.0%} busy"
            yield f"{device.id} {printable(gpu.name)}: {used:.1f} of {total:.1f} GB{busy}"


class _Paper(io.StringIO):
    """A file for rich, whose text goes to `write`."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write
        self._must = False
        self._lock = Lock()

    @contextmanager
    def needed(self, must: bool) -> Iterator[None]:
        """Inside, what is written must be, if `must`. One thread at a time is inside."""
        with self._lock:
            self._must = must
            try:
                yield
            finally:
                self._must = False

    def write(self, text: str) -> int:
        self._write(text, self._must)
        return len(text)

    def flush(self) -> None:
        """Nothing to do: `write` keeps nothing."""
