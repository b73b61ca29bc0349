"""What happened in a run: measured as it goes, for a person and for a JSON file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ttsflow.interface.costs import Slowdown
from ttsflow.interface.device import Device
from ttsflow.interface.jobs import Account, Outcome
from ttsflow.report.attempts import Attempt, Loss
from ttsflow.report.chunks import AsTheyEnd, ChunkList, InTextOrder, OfManyTexts, Text
from ttsflow.report.course import Course
from ttsflow.report.decisions import Decision
from ttsflow.report.file import ReportFile, ReportPlace
from ttsflow.report.metrics import Metrics
from ttsflow.report.observer import WorkerInfo
from ttsflow.report.summary import Summary, failures_text, summary_text
from ttsflow.report.units import duration, size
from ttsflow.version import __version__

KEPT_OUTCOMES = 20
KEPT_NOTICES = 100
KEPT_LOSSES = 1000


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is settled before a run begins. `decided_by` is the file or rule that chose the policy.

    `backend_fallback` is the notice that another backend was taken than the first choice.
    `reproducible`: whether the backend gives the same audio again on devices of `device_kind`, which
    the run uses.
    """

    policy: str
    backend: str
    decided_by: str
    policy_options: Mapping[str, object] = field(default_factory=dict)
    backend_options: Mapping[str, object] = field(default_factory=dict)
    backend_fallback: str | None = None
    devices: Sequence[Device] = ()
    device_kind: str = "cpu"
    reproducible: bool = True


@dataclass(frozen=True, slots=True)
class OutputInfo:
    """What a run has made: where it is, its length in seconds with all pauses, and its size if it has one."""

    path: str
    length_s: float
    bytes: int | None = None

    def __str__(self) -> str:
        """For a person: "book.wav: 1:02:03 h, 178.6 MB"."""
        of = "" if self.bytes is None else f", {size(self.bytes)}"
        return f"{self.path}: {duration(self.length_s)}{of}"


@dataclass(frozen=True, slots=True)
class TextInfo:
    """What became of one of many texts: its stream, where it was given, and its output.

    `state` is that of a task's result, `error` why it was refused or stopped. `submitted`, `delivered`,
    `failed` and `not_reached` are of the chunks that were spoken now. `chunks` are all distinct ones of the
    text, `kept` those whose audio is there now; `flagged` of them are in doubt. They are None where the text
    was not cut. `length_s` and `bytes` are of the file, None where none was written.
    """

    stream: str | None
    source: str
    output: str | None
    state: str
    error: str | None = None
    submitted: int = 0
    delivered: int = 0
    failed: int = 0
    not_reached: int = 0
    chunks: int | None = None
    kept: int | None = None
    flagged: int | None = None
    length_s: float | None = None
    bytes: int | None = None


class RunReport:
    """Observes a run: keeps its summary and, with `path`, writes a file as the run goes.

    The file is JSON, or what the suffix of `path` asks for (`ttsflow.report.timeline`).

    The path "-" is standard output. `t0` is the run's start on the driver's clock; times in the file are
    seconds since then. Memory stays bounded: two numbers per chunk, the workers and what runs there, the
    first failed and flagged chunks, the first notices.
    """

    def __init__(self, info: RunInfo, t0: float, path: ReportPlace | None = None) -> None:
        self._info = info
        self._t0 = t0
        self._path = path
        self._file: ReportFile | None = None
        self._chunks: ChunkList | None = None
        self._course: Course | None = None
        self._metrics = Metrics(t0)
        self._account: Account | None = None
        self._started_s: dict[tuple[str, int], float | None] = {}  # of workers that load
        self._workers: list[dict[str, object]] = []
        self._losses: list[dict[str, object]] = []
        self._failures: list[Outcome] = []
        self._flagged: list[Outcome] = []
        self._notices: list[str] = []
        self._slowdowns: Sequence[Slowdown] = ()
        self._hedges, self._stopped_s = 0, 0.0
        self._texts: list[TextInfo] | None = None  # of a run that speaks many

    def open(self, text: Text | None = None, *, listening: bool | None = None) -> None:
        """Begin the file. Raises OutputError where it cannot be written, or is not a report.

        Its chunks are all places of `text`; without one, what is spoken, as it is spoken. `listening`:
        whether somebody hears it as it is made; None: where there is no `text`.
        """
        heard = text is None if listening is None else listening
        self._open(lambda file, path: _chunks(file, path, self._t0, text), heard)

    def open_many(self) -> None:
        """As `open`, for a run that speaks many texts: see `speaking` and `add`. It has no listener."""
        self._texts = []
        self._open(lambda file, path: OfManyTexts(file, _folder(path), self._t0), False)

    def _open(self, chunks: Callable[[ReportFile, ReportPlace], ChunkList], listening: bool) -> None:
        if self._path is None:
            return
        file = ReportFile(self._path)
        file.open(__version__, {**_settled(self._info), "listening": listening})
        self._file = file
        try:
            self._chunks = chunks(file, self._path)
            self._course = Course(_folder(self._path), self._t0)
        except OSError as error:
            file.give_up(error)

    @contextmanager
    def speaking(self, text: Text) -> Iterator[None]:
        """One of many texts is spoken inside, and all its places are written at the end; for any thread."""
        many, file = self._chunks, self._file
        if not isinstance(many, OfManyTexts) or file is None:
            yield
            return
        try:
            many.begin(text)
        except OSError as error:
            file.give_up(error)
        try:
            yield
        finally:
            if (notice := many.end(text.stream)) is not None:
                self.notice(notice)

    def add(self, text: TextInfo) -> None:
        """Note what became of one of many texts."""
        if self._texts is not None:
            self._texts.append(text)

    def loading(self, worker: str, what: str, now: float) -> None:
        """Not kept: how long each worker took is."""

    def worker_started(self, worker: str, generation: int, now: float) -> None:
        self._started_s[worker, generation] = self._since(now)

    def worker_ready(self, info: WorkerInfo, now: float) -> None:
        started_s = self._started_s.pop((info.worker, info.generation), None)
        self._workers.append({**asdict(info), "started_s": started_s, "ready_s": self._since(now)})

    def worker_lost(self, loss: Loss) -> None:
        started_s = self._started_s.pop((loss.worker, loss.generation), None)  # else it was ready
        if len(self._losses) < KEPT_LOSSES:
            self._losses.append(
                {**asdict(loss), "at_s": self._since(loss.at_s), "loading_since_s": started_s}
            )

    def attempt(self, token: int, attempt: Attempt) -> None:
        self._hedges += attempt.hedge and attempt.ended_s is None and attempt.first_audio_s is None
        self._keep(lambda course: course.attempt(token, attempt))

    def decided(self, decision: Decision) -> None:
        """The policy has decided; told where its decisions are traced."""
        self._keep(lambda course: course.decided(decision))

    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None:
        self._metrics.delivered(stream, audio_s, now)
        self._keep(lambda course: course.delivered(stream, index, audio_s, now))

    def made(self, outcome: Outcome, now: float) -> None:
        """Not kept: its attempts are."""

    def ended(self, outcome: Outcome, now: float) -> None:
        self._metrics.ended(outcome, now)
        if outcome.status == "failed" and len(self._failures) < KEPT_OUTCOMES:
            self._failures.append(outcome)
        if outcome.status == "flagged" and len(self._flagged) < KEPT_OUTCOMES:
            self._flagged.append(outcome)
        if self._chunks is not None:
            self._chunks.ended(outcome)
        self._keep(lambda course: course.ended(outcome, now))

    def encoding(self, part: float, now: float) -> None: ...

    def learnt(self, slowdowns: Sequence[Slowdown]) -> None:
        self._slowdowns = slowdowns

    def paused(self, stopped_s: float, now: float) -> None:
        self._stopped_s += stopped_s

    def notice(self, text: str) -> None:
        if len(self._notices) < KEPT_NOTICES:
            self._notices.append(text)

    def summary(self) -> Summary:
        """The run in numbers: so far, or as it ended."""
        summary = replace(
            self._metrics.summary(self._account), hedges=self._hedges, stopped_s=self._stopped_s
        )
        return summary if self._texts is None else replace(summary, wait_s=None, stalls=0, stall_s=0.0)

    def summary_text(self) -> str:
        """The summary for a person, the first of the failed and flagged chunks named."""
        many = self._texts is not None
        return summary_text(self.summary(), self._failures, self._flagged, self._slowdowns, of_texts=many)

    def failures_text(self) -> str:
        """The failed chunks alone, as `summary_text` names them; empty if there are none."""
        return failures_text(self.summary(), self._failures, of_texts=self._texts is not None)

    def close(
        self,
        account: Account | None = None,
        error: BaseException | None = None,
        output: OutputInfo | None = None,
        predicted: Summary | None = None,
    ) -> None:
        """The run is over; complete the file. `error` is what ended the run early, `output` what came out.

        `predicted` is what a plan with the costs known before the run comes to.

        The file's "ended" is "finished"; "interrupted" after KeyboardInterrupt, or BrokenPipeError
        (the listener left); else "failed". Raises SinkError if the file could not be written. A
        second call does nothing.
        """
        self._account = account or self._account
        chunks, self._chunks = self._chunks, None
        file, self._file = self._file, None
        course, self._course = self._course, None
        if chunks is not None and (notice := chunks.close()) is not None:
            self.notice(notice)
        if file is None:
            return
        try:
            texts = {} if self._texts is None else {"texts": map(asdict, self._texts)}
            file.close(
                {**texts, **({} if course is None else course.lists())},
                {
                    "workers": self._workers,
                    "losses": self._losses,
                    "notices": self._notices,
                    "summary": asdict(self.summary()),
                    "slowdown": [asdict(each) for each in self._slowdowns],
                    "predicted": _compared(predicted, self.summary()),
                    "output": None if output is None else asdict(output),
                    "ended": _ending(error),
                    "error": None if error is None else str(error) or type(error).__name__,
                },
            )
        finally:
            if course is not None:
                course.close()

    def _keep(self, happened: Callable[[Course], None]) -> None:
        """Note something of the course of the run, if there is a file to write it to."""
        course, file = self._course, self._file
        if course is not None and file is not None:
            try:
                happened(course)
            except OSError as error:
                file.give_up(error)

    def _since(self, when: float | None) -> float | None:
        return None if when is None else round(when - self._t0, 6)


def _chunks(file: ReportFile, path: ReportPlace, t0: float, text: Text | None) -> ChunkList:
    if text is None:
        return AsTheyEnd(file, t0)
    return InTextOrder(file, _folder(path), t0, text)


def _folder(path: ReportPlace) -> Path | None:
    """Where what is to be written later waits; None for the system's own place."""
    return None if path == "-" else path.resolve().parent


def _settled(info: RunInfo) -> dict[str, object]:
    return {
        "policy": {"name": info.policy, "options": info.policy_options, "decided_by": info.decided_by},
        "backend": info.backend,
        "backend_options": info.backend_options,
        "backend_fallback": info.backend_fallback,
        "reproducible": info.reproducible,
        "devices": [_device(device) for device in info.devices],
    }


def _device(device: Device) -> dict[str, object]:
    return {
        "id": device.id,
        "kind": device.kind,
        "name": device.name,
        "uuid": device.uuid,
        "total_bytes": device.total_bytes,
        "free_bytes": device.free_bytes,
        "cores": device.cores,
        "host": device.host,
    }


def _compared(predicted: Summary | None, really: Summary) -> dict[str, object] | None:
    """What was predicted, and by what share each was missed: off by 0.1 is 10 % more than expected."""
    if predicted is None:
        return None
    compared: dict[str, object] = {}
    for key in ("time_to_first_audio_s", "wait_s", "makespan_s", "audio_s"):
        expected, came = getattr(predicted, key), getattr(really, key)
        off = came / expected - 1.0 if expected and came is not None else None
        compared[key] = {"predicted": expected, "off": off}
    return compared


def _ending(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt | BrokenPipeError) else "failed"
