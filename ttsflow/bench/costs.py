"""Figures as the costs in a profile file."""

from __future__ import annotations

from pathlib import Path

from ttsflow.bench.arms import most_workers
from ttsflow.bench.choice import beside, clear_curve, taken
from ttsflow.bench.figures import Figures
from ttsflow.bench.measurement import Measured
from ttsflow.errors import OutputError
from ttsflow.profiles import Costs, read_profiles, write_profiles
from ttsflow.profiles import Measured as Entry
from ttsflow.version import __version__

COMMENT = """\
What engines cost on devices, measured by `ttsflow bench`. To use it: ttsflow run --set profile=FILE
or, in a configuration, profile: FILE. docs/bench.md says what each number is."""

DIGITS = 4
"""significant digits that are written: the rounds never agree as far"""


def entry_of(measured: Measured, figures: Figures, date: str) -> Entry:
    """The entry of a profile file for what was measured on a day.

    Its curves have their knees at the arm that is taken. Where that is one worker with several slots, more
    workers gain nothing in the file; where it has both, `workers` are beside one worker with these slots.
    """
    language = measured.jobs[0].language
    choice = taken(figures)
    best = choice.arm
    most = max(figures.workers[-1].arm.workers, most_workers(measured.device, measured.profile, None))
    of_slots = clear_curve(figures.slots, best.slots, figures.slots[-1].arm.slots)
    workers = beside(choice, figures.slots) if min(best) > 1 else figures.workers
    of_workers = clear_curve(workers, best.workers, most)
    numbers: dict[str, float | None] = {
        "rtf": figures.rtf.median,
        "load_s": figures.load_s.median,
        "first_piece": figures.first_piece,
        "memory_mb": figures.memory_mb,
        "slot_memory_mb": figures.slot_memory_mb,
    }
    costs = Costs(
        **{key: _short(value) for key, value in numbers.items() if value is not None},  # type: ignore[arg-type]  # all of these are numbers
        chars_per_s={language: _short(figures.chars_per_s)},
        slots=measured.most_slots,
        slowdown=tuple(map(_short, of_slots)),
        workers=tuple(map(_short, of_workers)) if len(figures.workers) > 1 or best.slots > 1 else None,
    )
    rounds = "1 round" if figures.rounds == 1 else f"{figures.rounds} rounds"
    return Entry(
        backend=measured.profile.backend,
        device=measured.device.kind,
        name=measured.device.name,
        source=f"ttsflow bench, {date}, ttsflow {__version__}, {figures.chunks} chunks in {rounds}",
        costs=costs,
    )


def others_in(path: Path) -> tuple[Entry, ...]:
    """The entries of a profile file that may be written anew; none where there is no file.

    Raises OutputError where no file can be written, and ConfigError for a file that is something else: it is
    never overwritten.
    """
    if not path.parent.is_dir():
        raise OutputError(
            f"cannot write the profile {path}: there is no folder {path.parent}; choose another file"
        )
    if path.is_dir():
        raise OutputError(f"cannot write the profile {path}: it is a folder; choose another file")
    return read_profiles(path).profiles if path.exists() else ()


def write(path: Path, entry: Entry, others: tuple[Entry, ...]) -> None:
    """Write a profile file in which this entry takes the place of one for the same engine and device."""
    same = (entry.backend, entry.device, entry.name)
    kept = [other for other in others if (other.backend, other.device, other.name) != same]
    write_profiles(path, [*kept, entry], COMMENT)


def _short(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")
