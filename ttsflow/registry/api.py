"""Whether a plugin that was written for another version of the interface works with this one."""

from __future__ import annotations

from collections.abc import Mapping

from ttsflow.version import API_VERSION

NAME = "TTSFLOW_API"
"""the name under which a plugin's module says what it was written for: `TTSFLOW_API = (1, 0)`"""

CHANGED: Mapping[int, str] = {}
"""for each first number: what it changed for plugins that were written before, and how to mend them"""


def misfit(
    written_for: object, ours: tuple[int, int] = API_VERSION, changed: Mapping[int, str] = CHANGED
) -> str | None:
    """Why a plugin that says what it was `written_for` does not work; None where it does, or says nothing.

    A plugin works with every later version of the same first number.
    """
    if written_for is None:
        return None
    match written_for:
        case (int(first), int(second)) if first >= 1 and second >= 0:
            pass
        case _:
            return f"its {NAME} is {written_for!r}; the rule: two whole numbers, such as {ours}"
    if (first, second) <= ours and first == ours[0]:
        return None
    said = f"it was written for version {first}.{second} of the interface"
    if (first, second) > ours:
        return f"{said}, and this ttsflow has {ours[0]}.{ours[1]}: install a later ttsflow"
    told = " ".join(changed[number] for number in sorted(changed) if first < number <= ours[0])
    return f"{said}, and this ttsflow has {ours[0]}.{ours[1]}. {told}".strip()
