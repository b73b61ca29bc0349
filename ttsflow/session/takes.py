"""Takes of a chunk to choose from: spoken with other seeds, kept beside the one that is heard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ttsflow.errors import InputError, OutputError
from ttsflow.interface.jobs import Outcome
from ttsflow.output import About, FileSink, read_tag
from ttsflow.output.folder import make_folder
from ttsflow.output.partfile import PartFile
from ttsflow.session.recording import Recording
from ttsflow.session.redo import Redo
from ttsflow.store import Audio, Place, Spoken

HEARD = 0
"""the number of the take that is heard in the output"""


def takes_of(output: Path) -> Path:
    """The folder of the takes of an output."""
    return output.with_name(f"{output.name}.takes")


@dataclass(frozen=True, slots=True)
class Takes:
    """The takes of one chunk of a recording, each with a number; 0 is the one that was heard before.

    The chunk is `place`, whose job is the first that was not tried.
    """

    recording: Recording
    place: Place

    @classmethod
    def of(cls, recording: Recording, redo: Redo) -> Takes:
        """Of the chunk that was chosen. Raises InputError where several were."""
        if len(redo.places) != 1:
            raise InputError(f"takes are of one chunk, not of {len(redo.places)}: choose one of them")
        return cls(recording, redo.places[0])

    def places(self, count: int) -> Iterator[Place]:
        """What is to be spoken for so many further takes; the one that is heard now becomes take 0."""
        audio = self._read(self._key)
        if audio is not None and self._read(self._key_of(HEARD)) is None:
            self._keep(HEARD, audio)
        job = self.place.job
        for number in range(1, count + 1):
            yield Place(self._key_of(number), job)
            job = job.retake()

    def choose(self, number: int) -> None:
        """Have the output heard with this take, when it is built. Raises InputError where there is none."""
        audio = self._read(self._key_of(number))
        if audio is None:
            raise InputError(
                f"there is no take {number} of chunk {self.place.job.index} of {self.recording.path}; "
                f"`--takes 3` speaks three to choose from"
            )
        self._commit(self._key, audio)

    def write(self, count: int) -> list[Path]:
        """Write take 0 and so many further takes to files of WAV. Raises OutputError, SinkError."""
        index, tag, folder = self.place.job.index, self.recording.tag, takes_of(self.recording.path)
        make_folder(folder)
        written = []
        for number in range(count + 1):
            audio = self._read(self._key_of(number))
            if audio is None:  # it failed
                continue
            path = folder / f"{index}-{number}.wav"
            if PartFile(path).check() and read_tag(path) != tag:
                raise OutputError(f"{path} is another's file; move it away")
            sink = FileSink(path, sample_rate=audio.sample_rate, about=About(tag))
            sink.open()
            sink.write_encoded(audio.samples, audio.sample_rate)
            sink.end_chunk(Outcome(replace(self.place.job, pause_s=0.0), audio.status))
            sink.finish()
            written.append(path)
        return written

    @property
    def _key(self) -> bytes:
        if self.place.key is None:
            raise ValueError("a chunk with nothing to say has no takes")
        return self.place.key

    def _key_of(self, number: int) -> bytes:
        return hashlib.blake2b(self._key + b"take %d" % number, digest_size=len(self._key)).digest()

    def _read(self, key: bytes) -> Audio | None:
        return self.recording.store.read(key)

    def _keep(self, number: int, audio: Audio) -> None:
        self._commit(self._key_of(number), audio)

    def _commit(self, key: bytes, audio: Audio) -> None:
        outcome = Outcome(self.place.job, audio.status, why=audio.why, take=audio.take)
        self.recording.store.commit([Spoken(key, outcome, [audio.piece()])])
