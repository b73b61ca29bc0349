"""What a client may say of a job."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ttsflow.server.schema import Name, VoiceSettings

JobFormat = Literal["mp3", "m4b", "m4a", "opus", "aac", "flac", "wav"]


class JobSettings(VoiceSettings):
    """How the text of a job is to be spoken; where no format of the audio is said it is mp3."""

    response_format: JobFormat | None = None
    """format of the audio"""
    name: Annotated[Name, Field(max_length=200)] | None = None
    """what the job is called, and the file of its audio: at most 200 characters, as it is sent in a header"""


class JobBody(JobSettings):
    """A text to be spoken in the background."""

    input: Name
    """the text"""


class UploadSettings(JobSettings):
    """How a text that is the body of a request is to be spoken, as the query of its address says it."""

    filename: Name | None = None
    """its name, whose suffix says which format it is in: book.epub; without one the content-type says it"""
