"""TTS plugins of OpenVoiceOS that are installed, found by their entry points: nothing is imported."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from ttsflow import BackendUnavailable, UnknownNameError, pip_command

GROUPS = ("opm.tts", "mycroft.plugin.tts")
"""of entry points, the present one first"""


def installed() -> dict[str, EntryPoint]:
    """All plugins by name."""
    return {entry.name: entry for group in reversed(GROUPS) for entry in entry_points(group=group)}


def chosen(name: str | None) -> EntryPoint:
    """The plugin of this name; without one, the only one that is there.

    Raises BackendUnavailable if there is none to choose, or several; UnknownNameError.
    """
    plugins = installed()
    if name is not None and name in plugins:
        return plugins[name]
    if not plugins:
        example = pip_command("install", name or "ovos-tts-plugin-piper")
        raise BackendUnavailable(
            f"no TTS plugin of OpenVoiceOS is installed. Install one, such as: {example}"
        )
    if name is not None:
        raise UnknownNameError("TTS plugin of OpenVoiceOS", name, plugins)
    if len(plugins) > 1:
        raise BackendUnavailable(
            f"there are several TTS plugins of OpenVoiceOS: name one in backend.options.plugin: "
            f"{', '.join(sorted(plugins))}"
        )
    return next(iter(plugins.values()))
