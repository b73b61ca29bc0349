"""ttsflow as a library: an engine that is opened from a configuration and speaks texts."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ttsflow.config import Flag, load
from ttsflow.errors import RunError
from ttsflow.interface.jobs import Account, AudioPiece, ChunkJob, Outcome
from ttsflow.output import IteratorSink, Sink
from ttsflow.registry import Registry
from ttsflow.report import WorkerInfo
from ttsflow.runner import Keeper, Runner, StreamHandle
from ttsflow.session.plan import make_plan
from ttsflow.session.recording import Recording, identity_of
from ttsflow.text import Document, read_file, read_text

logger = logging.getLogger(__name__)


class ChunksFailed(RunError):
    """Some chunks of a text could not be spoken; `outcomes` names each, `account` counts them all."""

    def __init__(self, outcomes: Sequence[Outcome], account: Account) -> None:
        self.outcomes, self.account = list(outcomes), account
        first = outcomes[0]
        super().__init__(
            f"{account.failed} of {account.submitted} chunks failed; the first is chunk "
            f"{first.job.index} {first.job.text[:60]!r}: {first.why}"
        )


@dataclass(frozen=True, slots=True)
class Speech:
    """A text that was spoken to a file."""

    path: Path
    account: Account


class Engine:
    """Speaks texts with workers that stay loaded between them; any thread may call it.

    `policy` is the name of a policy or policy file, or a path; `config` a YAML file; `settings` any
    keys of the configuration, such as {"backend.use": "espeak", "text.language": "de"}. Where
    several backends are configured only the first counts: the library never falls back.

        >>> with Engine(settings={"backend.use": "espeak"}) as engine:
        ...     speech = engine.speak("Good morning.", "morning.wav", overwrite=True)
        ...     seconds = sum(len(p.samples) / p.sample_rate for p in engine.stream("And good night."))
        >>> speech.account.delivered, seconds > 1.0
        (1, True)

    Raises UsageErrors for a configuration that cannot work, before any worker starts.
    """

    def __init__(
        self,
        policy: str | Path | None = None,
        config: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        plugins_dirs: Sequence[str | Path] = (),
    ) -> None:
        flags = [Flag(f"settings[{key!r}]", key, value) for key, value in (settings or {}).items()]
        chosen = load(
            None if policy is None else str(policy), None if config is None else Path(config), flags
        )
        registry = Registry.load(chosen.config.plugins, [Path(folder) for folder in plugins_dirs])
        self.plan = make_plan(chosen, registry, fallback_allowed=False)
        self._failures = _Failures()
        limits = chosen.config.limits
        self._runner = Runner(self.plan.scheduler(), self.plan.workers, limits, self._failures)
        self._streams = itertools.count()
        self._runner.start()

    def speak(
        self, text: str | Path | Document, path: str | Path, *, overwrite: bool = False, fresh: bool = False
    ) -> Speech:
        """Speak a text, or the file at a Path, to a WAV file, which appears when it is complete.

        Finished chunks are kept in a store beside it: what is there already, of a call that was cut short
        or of the text before an edit, is not spoken again, unless `fresh`. Raises InputError, OutputError,
        ChunksFailed (the file is there, without those chunks), and the RunErrors.
        """
        document, target = self._document(text), Path(path)
        accounts, failed = [Account()], list[Outcome]()

        def speak() -> None:
            with self._speaking(recording.jobs, recording, keeper=recording) as speaking:
                accounts.append(speaking.handle.wait())
                failed.extend(speaking.failed)

        with Recording(self.plan, target, identity_of(document), overwrite=overwrite) as recording:
            recording.open(fresh=fresh)
            recording.plan(document)
            if recording.counts().left or not recording.is_built:
                recording.complete(speak, self._failures.notice)
        account = sum(accounts, Account())
        if failed:
            raise ChunksFailed(failed, account)
        return Speech(target, account)

    def stream(self, text: str | Path | Document) -> Iterator[AudioPiece]:
        """Speak a text piece by piece, as soon as each is made; pauses come as pieces of silence.

        An iterator that is left early stops the work. Raises InputError, ChunksFailed after the last
        piece, and the RunErrors.
        """
        document, sink = self._document(text), IteratorSink(self.plan.profile.sample_rate)
        with self._speaking(lambda stream: self.plan.jobs(document, stream), sink, live=True) as speaking:
            try:
                yield from sink
            except BaseException:  # the iterator was left early, or by Ctrl-C
                sink.leave()
                raise
            speaking.wait()

    def _document(self, text: str | Path | Document) -> Document:
        if isinstance(text, Document):
            return text
        if isinstance(text, Path):
            return read_file(text, self.plan.config.text.encoding)
        return read_text(text)

    def close(self, *, now: bool = False) -> None:
        """End the workers; streams that are still open end with RunError."""
        self._runner.close(now)

    @contextmanager
    def _speaking(
        self,
        jobs: Callable[[str], Iterable[ChunkJob]],
        sink: Sink,
        *,
        live: bool = False,
        keeper: Keeper | None = None,
    ) -> Iterator[_Speaking]:
        """A stream that is being spoken; whatever is left of it when its caller leaves is given up."""
        stream = f"stream {next(self._streams)}"
        with self._failures.of(stream) as failed:
            handle = self._runner.open(stream, jobs(stream), sink, live, keeper=keeper)
            try:
                yield _Speaking(handle, failed)
            finally:
                handle.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(now=error is not None)


@dataclass(frozen=True, slots=True)
class _Speaking:
    """A document that is being spoken, and its chunks that have failed so far."""

    handle: StreamHandle
    failed: list[Outcome]

    def wait(self) -> Account:
        """Wait for its end. Raises ChunksFailed where it lacks any chunk, and the RunErrors."""
        account = self.handle.wait()
        if self.failed:
            raise ChunksFailed(self.failed, account)
        return account


class _Failures:
    """Collects the failed chunks of each stream while its caller wants to hear of them."""

    def __init__(self) -> None:
        self._failed: dict[str, list[Outcome]] = {}

    @contextmanager
    def of(self, stream: str) -> Iterator[list[Outcome]]:
        """The list to which the stream's failed chunks are added."""
        failed = self._failed.setdefault(stream, [])
        try:
            yield failed
        finally:
            del self._failed[stream]

    def ended(self, outcome: Outcome, now: float) -> None:
        if outcome.status == "failed":
            self._failed.get(outcome.job.stream, []).append(outcome)

    def loading(self, worker: str, what: str, now: float) -> None:
        logger.debug("worker %s is loading: %s", worker, what)

    def worker_ready(self, info: WorkerInfo, now: float) -> None: ...
    def delivered(self, stream: str, index: int, audio_s: float, now: float) -> None: ...

    def notice(self, text: str) -> None:
        logger.warning("%s", text)
