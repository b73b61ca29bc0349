"""The loop itself: run, kill, look at what is left, run again; and what is counted on the way."""

from __future__ import annotations

import filecmp
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash_loop.kept import Differences, Kept
from tests.crash_loop.moments import choose
from tests.crash_loop.runs import Run
from tests.fakes.fake_nvml import build_fake_nvml, environment
from ttsflow.scheduler.limits import Limits

GONE_S = 60.0  # what is left then, after a kill of the main process, hangs; how long it took is counted
DEADLINE_S = 10.0  # of a chunk, where workers are stopped
LATE_S = 5.0  # after which it is known that a worker is stopped, and a second attempt has begun
LATE_KILLS = 15  # of one output, once all of its chunks are there
BACKENDS: dict[str, Mapping[str, object]] = {
    "sim": {"chunk_s": 0.05, "jitter": 0.6, "sample_rate": 8000, "chars_per_s": 45},
    "espeak": {},
}
NEVER = 1_000_000  # a chunk is killed often here, and not to blame


@dataclass(frozen=True, slots=True)
class _Over:
    """A run that is over, and what was kept before and after it."""

    run: Run
    workers: int
    before: Kept
    after: Kept
    killed: bool


@dataclass
class Counts:
    """What happened, and what must not have."""

    runs: int = 0
    finished: int = 0
    outputs: int = 0
    chunks: int = 0
    main_kills: Counter[str] = field(default_factory=Counter)
    worker_kills: int = 0
    worker_freezes: int = 0
    policies: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    changed: int = 0
    torn: int = 0
    left_files: int = 0
    rendered: int = 0
    again: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    kept_and_again: int = 0
    slowest_end_s: float = 0.0
    wall_s: float = 0.0


class CrashLoop:
    """Speaks a text again and again in `folder`, until the main process was killed so many times.

    Raises AssertionError, which tells the seed and the run, where anything is not as it must be;
    `counts` are those so far. Every output is compared with that of an undisturbed run. With `freezes`
    workers are stopped, too, and half of the runs begin no second attempts.
    """

    def __init__(
        self, folder: Path, text: Path, backend: str, seed: int, max_chars: int, *, freezes: bool = False
    ) -> None:
        self._folder, self._text, self._seed = folder, text, seed
        self._rng = random.Random(seed)
        self._backend, self._max_chars, self._freezes = backend, max_chars, freezes
        self._env = {key: value for key, value in os.environ.items() if not key.startswith("CUDA_")}
        self._fake_gpus = build_fake_nvml(folder)
        self._right_output = folder / "undisturbed.wav"
        self._right = Kept()
        self._checked: tuple[int, int] | None = None  # inode and time of the output that was compared
        self._begun: Counter[bytes] = Counter()
        self._raced = 0
        self._to_account: list[_Over] = []
        self.counts = Counts()

    def run(self, kills: int) -> Counts:
        """Kill the main process so many times, and let the last run finish."""
        began = time.monotonic()
        try:
            self._undisturbed()
            while self.counts.main_kills.total() < kills:
                self._one_output(kills)
        except AssertionError as error:
            raise AssertionError(f"seed {self._seed}, run {self.counts.runs}: {error}") from error
        finally:
            self.counts.wall_s = time.monotonic() - began
        return self.counts

    def _undisturbed(self) -> None:
        run = Run(self._folder, 0, self._right_output, self._args("sequential", 1), self._env)
        assert run.end() == 0, run.said()
        self._right = Kept.at(self._right_output)
        assert self._right.complete
        self.counts.chunks = len(self._right.keys)
        run.forget()

    def _one_output(self, kills: int) -> None:
        """From nothing to the whole, killed again and again; then from the chunks to the whole, the same."""
        output = self._folder / f"output-{self.counts.outputs}.wav"
        self._begun.clear()
        self._raced = 0
        worker_kills, in_flight = self.counts.worker_kills, self.counts.in_flight
        late_kills = 0
        kept, more = Kept(), True
        while True:
            kept, killed = self._one_run(output, kept, more)
            late_kills += killed and kept.complete
            more = self.counts.main_kills.total() < kills and late_kills < LATE_KILLS
            if not killed:
                self._check_whole(output, kept)
                if not more:
                    break
            if kept.complete and more and (not killed or self._rng.random() < 0.5):
                output.unlink(missing_ok=True)  # else there may be nothing to do, and to be killed at
        again = self._begun.total() - len(self._begun)
        excused = self.counts.in_flight - in_flight + self.counts.worker_kills - worker_kills
        excused += self._raced
        assert again <= excused, f"{again} chunks were spoken again, and {excused} were in work at a kill"
        self.counts.outputs += 1
        self.counts.rendered += self._begun.total()
        self.counts.again += again
        for file in self._folder.glob(f"{output.name}*"):
            file.unlink()

    def _one_run(self, output: Path, before: Kept, kill: bool) -> tuple[Kept, bool]:
        """One run, killed or to its end; what is kept after it, and whether it was killed."""
        rng, counts = self._rng, self.counts
        counts.runs += 1
        policy, workers = rng.choice(("sequential", "bounded-parallel", "gpu-affinity")), rng.randint(1, 4)
        counts.policies[policy] += 1
        args, env = self._args(policy, workers), self._environment(policy, workers)
        run = Run(self._folder, counts.runs, output, args, env, self._right_output.stat().st_size)
        killed = False
        try:
            self._account()
            if rng.random() < 0.4:
                self._kill_workers(run)
            if self._freezes and rng.random() < 0.5:
                self._freeze_workers(run)
            if kill:
                moment = choose(rng, before.left if before.places else None)
                killed = moment(run, rng) and run.kill()
            if killed:
                counts.main_kills[moment.__name__] += 1
            else:
                assert run.end() == 0, run.said()
                counts.finished += 1
            assert "Traceback" not in run.said(), run.said()
            self._check_output(output)
            after = Kept.at(output)
            self._to_account.append(_Over(run, workers, before, after, killed))
            if not killed or rng.random() < 0.5:  # else the next run starts while the last workers end
                self._account()
        finally:
            run.kill()
        return after, killed

    def _kill_workers(self, run: Run) -> None:
        rng = self._rng
        for _ in range(rng.randint(1, 4)):
            if not (run.until(lambda: bool(run.workers())) and run.wait(rng.uniform(0.0, 0.35))):
                return
            self.counts.worker_kills += run.kill_a_worker(rng)

    def _freeze_workers(self, run: Run) -> None:
        """Stop a worker or two, and wait at times until what it has is late."""
        rng = self._rng
        for _ in range(rng.randint(1, 2)):
            if not (run.until(run.speaks) and run.wait(rng.uniform(0.0, 0.35))):
                return
            self.counts.worker_freezes += run.freeze_a_worker(rng)
        run.wait(rng.choice((0.0, LATE_S)))

    # ------------------------------------------------------------ what must be

    def _account(self) -> None:
        """What was kept is kept, and was not spoken again; what was begun and is not kept was in flight."""
        counts, keys = self.counts, dict(self._right.places)
        while self._to_account:
            over = self._to_account.pop()
            before, after = over.before, over.after
            if over.killed:
                counts.slowest_end_s = max(counts.slowest_end_s, over.run.left_over_s(GONE_S))
            gone = before.chunks - after.chunks
            counts.lost += len(gone)
            assert not gone, f"{len(gone)} chunks that were kept are gone"
            begun = [key for index in over.run.begun() if (key := keys[index])]
            needless = before.keys & set(begun)
            counts.kept_and_again += len(needless)
            assert not needless, f"{len(needless)} chunks that were kept are spoken again"
            in_flight = len(set(begun) - after.keys)
            if self._freezes:  # a second attempt, or another after the worker was given up
                self._raced += len(begun) - len(set(begun))
            assert over.killed or not in_flight, f"{in_flight} chunks were begun and are not kept"
            at_most = over.workers * Limits().look_ahead  # in workers, or on the way to the disk
            assert in_flight <= at_most, f"{in_flight} chunks were in flight at a kill, not {at_most}"
            counts.in_flight += in_flight
            counts.most_in_flight = max(counts.most_in_flight, in_flight)
            self._begun.update(begun)
            over.run.forget()

    def _check_output(self, output: Path) -> None:
        """Under its final name there is nothing, or the whole."""
        if not output.exists():
            return
        found = output.stat()
        if self._checked != (found.st_ino, found.st_mtime_ns):
            whole = filecmp.cmp(output, self._right_output, shallow=False)
            self.counts.torn += not whole
            assert whole, f"{output} is not what an undisturbed run makes"
            self._checked = (found.st_ino, found.st_mtime_ns)

    def _check_whole(self, output: Path, kept: Kept) -> None:
        """The output, the store and the folder are as after an undisturbed run."""
        counts = self.counts
        assert output.exists()
        found = Differences.between(kept, self._right)
        counts.lost += found.lost
        counts.duplicated += found.duplicated
        counts.reordered += found.reordered
        counts.changed += found.changed
        assert found == Differences(0, 0, 0, 0), found
        names = {file.name for file in self._folder.iterdir() if output.name in file.name}
        stray = names - {output.name, f"{output.name}.ttsflow"}
        counts.left_files += len(stray)
        assert not stray, f"files are left over: {stray}"

    # ------------------------------------------------------------ how it is run

    def _args(self, policy: str, workers: int) -> list[str]:
        options = {f"backend.options.{key}": value for key, value in BACKENDS[self._backend].items()}
        settings: dict[str, object] = {
            **options,
            "limits.deaths": NEVER,
            "limits.restarts": NEVER,
            "text.max_chars": self._max_chars,
        }
        if self._freezes:  # else a run all of whose workers are stopped waits for minutes
            settings |= {"limits.timeouts.chunk_s": DEADLINE_S, "limits.timeouts.load_s": 2 * DEADLINE_S}
            if self._rng.random() < 0.5:
                settings["limits.hedge"] = 0
        if policy == "bounded-parallel":
            settings["policy.options.max_concurrent"] = workers
        set_ = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        return [str(self._text), "--backend", f"noted-{self._backend}", "--policy", policy, *set_]

    def _environment(self, policy: str, workers: int) -> Mapping[str, str]:
        """GPUs that do not exist, for the policy that is about them."""
        if policy != "gpu-affinity":
            return self._env
        return environment(self._fake_gpus, gpus=workers, base=self._env)
