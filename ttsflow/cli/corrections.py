"""What `ttsflow redo` does, once its arguments are understood."""

from __future__ import annotations

from pathlib import Path

from ttsflow.cli.runs import STREAM, Run, ask
from ttsflow.session.engine import Engine
from ttsflow.session.recipe import Recipe
from ttsflow.session.redo import Choice
from ttsflow.session.setup import make_setup


def redo(output: Path, choice: Choice, seed: int | None, began: float, *, quiet: bool) -> int:
    """Speak chunks of an output again, and build it; the exit code."""
    recipe = Recipe.beside(output)
    folders = [Path(folder) for folder in recipe.plugins_dirs]
    setup = make_setup(recipe.settings(output), folders, fallback_allowed=False, ask=ask())
    with (
        Run(setup, began, quiet=quiet) as run,
        Engine.of(setup, run.observers, preload=False) as engine,
        engine.reopened(output, choice, seed, name=STREAM) as (recording, redo),
    ):
        run.begin(len(redo.jobs), kept=0)
        with run.resumable(recording):
            written = engine.again(recording, redo, run.drained(engine))
        run.end_recording(recording, written)
        return 1 if recording.failed else 0
