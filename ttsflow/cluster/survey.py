"""What a node tells of itself. This module travels to it: the node may have no ttsflow, or another one.

So it imports nothing of ttsflow but inside the function.
"""

from __future__ import annotations

from typing import Any


def survey(engine: bytes | None) -> dict[str, Any]:
    """The versions of this node, its devices (pickled), and why `engine` cannot speak here, if it cannot.

    `engine` is a pickled `PackedRecipe`.
    """
    import pickle
    import platform

    told: dict[str, Any] = {"python": platform.python_version()}
    try:
        from ttsflow.version import __version__

        told["ttsflow"] = __version__
        from ttsflow.devices import detect

        told["devices"] = pickle.dumps(detect().devices)
        if engine is not None:
            pickle.loads(engine).check()
    except Exception as error:  # foreign code, on a foreign machine: whatever it is, the coordinator tells it
        told["why"] = " ".join(str(error).split()) or type(error).__name__
        told["kind"] = type(error).__name__
    return told
