"""A folder for outputs."""

from __future__ import annotations

from pathlib import Path

from ttsflow.errors import OutputError


def make_folder(path: Path) -> None:
    """Make a folder, and those around it, where there is none. Raises OutputError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"the folder {path} cannot be made ({reason}); choose another place") from error
