"""A TTS plugin of OpenVoiceOS in a worker: it writes a sound file for each text."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttsflow import BackendUnavailable, ChunkJob, JobRefused, RunError
from ttsflow_plugins.ovos import secrets

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_WORDS = 300
"""characters of an error of a plugin that are passed on"""


class PluginFailed(RunError):
    """A plugin has raised an error that shows a secret, which is hidden here."""


class Engine:
    """The plugin, made with `config`, whose variables are put in here alone.

    Raises BackendUnavailable if it cannot be made, is not content, or a variable is not set.
    """

    def __init__(self, plugin: EntryPoint, config: Mapping[str, Any], rate: int) -> None:
        secrets.check(config)
        self._name, self._rate, self._config = plugin.name, rate, config
        try:
            self._tts = plugin.load()(config={**secrets.filled(config), "module": plugin.name})
            if (validator := getattr(self._tts, "validator", None)) is not None:
                validator.validate()
        except Exception as error:  # it is foreign code, which may raise anything
            shown = None if self._shows_a_secret(error) else error
            raise BackendUnavailable(f"{plugin.name} cannot be used: {self._words(error)}") from shown
        self._takes = inspect.signature(self._tts.get_tts).parameters
        self._suffix = str(getattr(self._tts, "audio_ext", "wav"))

    def speak(self, job: ChunkJob) -> NDArray[np.float32]:
        """The samples of a job. Raises JobRefused where the plugin gives no sound file."""
        given = {"lang": job.language, "voice": job.voice}
        more = {name: value for name, value in given.items() if value is not None and self._is_taken(name)}
        with tempfile.TemporaryDirectory(prefix="ttsflow-") as folder:
            wanted = Path(folder, f"speech.{self._suffix}")
            try:
                answer = self._tts.get_tts(job.text, str(wanted), **more)
            except Exception as error:  # it is foreign code, which may raise anything
                if not self._shows_a_secret(error):
                    raise
                raise PluginFailed(f"{self._name}: {self._words(error)}") from None
            # Some plugins write another file than they were told to, and return its path.
            told = answer[0] if isinstance(answer, tuple) and answer else answer
            path = wanted if wanted.is_file() else Path(str(told))
            if not path.is_file():
                raise JobRefused(f"{self._name} wrote no sound file for {job.text!r}")
            return self._decoded(path)

    def _is_taken(self, name: str) -> bool:
        return name in self._takes or any(
            each.kind is inspect.Parameter.VAR_KEYWORD for each in self._takes.values()
        )

    def _decoded(self, path: Path) -> NDArray[np.float32]:
        """A sound file in any format, as mono samples at the rate of the options."""
        import av
        import numpy as np

        resampler = av.AudioResampler(format="fltp", rate=self._rate)
        try:
            with av.open(str(path)) as file:
                frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
                frames += resampler.resample(None)
        except (av.FFmpegError, IndexError) as error:
            raise JobRefused(f"{self._name} wrote a file that is no sound: {self._words(error)}") from error
        return np.concatenate([np.zeros(0, np.float32), *(frame.to_ndarray().mean(0) for frame in frames)])

    def _shows_a_secret(self, error: Exception) -> bool:
        return secrets.hidden(str(error), self._config) != str(error)

    def _words(self, error: Exception) -> str:
        line = " ".join(secrets.hidden(str(error), self._config).split())[:LONGEST_WORDS]
        return f"{type(error).__name__}: {line}" if line else type(error).__name__
