"""One server: its requests, and for how long it is asked again."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

from ttsflow import BackendUnavailable, ChunkJob, DeviceLost, __version__
from ttsflow_plugins.openai.options import OpenAIOptions
from ttsflow_plugins.openai.troubles import Busy, Failed, other_rate, trouble, words_in
from ttsflow_plugins.sound import BadSound, OtherRate, Samples, Sound

TRIES = 3
"""requests for a job that the server answers with errors, until the attempt has failed"""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""before a job is asked for again, doubled each time, where the server does not say"""

LONGEST_ERROR = 2**16
"""bytes that are read of an answer that is no audio"""

RAW = ("audio/pcm", "application/octet-stream", "binary/octet-stream")
"""types of an answer that may be PCM without a header"""

CORRECT = "Start the server, or correct backend.options.url"


class Server:
    """A server at `url`. It is alone on its event loop, and its methods are for tasks of that loop.

    As long as nothing of its audio was passed on, a request is made again: for `retry_s` seconds while the
    server is busy or cannot be reached, and three times in all where it answers with an error. A server from
    which nothing came for other requests in that time, either, is lost. Redirects are not followed, so that
    neither text nor key reach a host that nobody named.
    """

    def __init__(self, url: str, options: OpenAIOptions, key: str | None, slots: int) -> None:
        self._url, self._options, self._key = url, options, key
        self._client = httpx2.AsyncClient(
            headers={"user-agent": f"ttsflow/{__version__}"} | _authorization(key),
            timeout=httpx2.Timeout(options.read_s, connect=options.connect_s),
            limits=httpx2.Limits(max_connections=slots + 1),
            follow_redirects=False,
        )
        self._alive_s = -math.inf  # when it last answered that it is neither busy nor away

    async def greet(self, progress: Callable[[str], None]) -> None:
        """Wait until it answers, for `retry_s`, and takes the key. Raises BackendUnavailable.

        What else it says does not count: some keys may not list models, and some servers have no list.
        """
        began, failures = time.monotonic(), 0
        while True:
            try:
                await self._look()
                return
            except DeviceLost as lost:
                raise BackendUnavailable(str(lost)) from None
            except Busy as busy:
                failures += 1
                pause_s = _pause_s(busy, failures)
                if time.monotonic() - began + pause_s > self._options.retry_s:
                    raise BackendUnavailable(f"{busy}. {CORRECT}") from None
                progress(f"waiting for {busy}")
            await asyncio.sleep(pause_s)

    async def speak(self, job: ChunkJob) -> AsyncIterator[Samples]:
        """The audio of a job as it comes, in pieces. Raises JobRefused, Failed, DeviceLost."""
        began, failures = time.monotonic(), 0
        while True:
            passed_on = False
            try:
                async for samples in self._answer(job):
                    passed_on = True
                    yield samples
                return
            except (Busy, Failed) as error:
                failures += 1
                pause_s = _pause_s(error, failures)
                if passed_on or (isinstance(error, Failed) and failures >= TRIES):
                    raise
                if time.monotonic() - began + pause_s > self._options.retry_s:
                    if isinstance(error, Failed) or self._alive_s > began:
                        raise Failed(str(error)) from None
                    raise DeviceLost(f"{error}; {self._patience(error, began)}") from None
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _look(self) -> None:
        """Ask for the list of models. Raises Busy, or DeviceLost if the key is refused."""
        try:
            async with self._client.stream("GET", f"{self._url}/models") as response:
                if response.status_code == 200:
                    await _start_of(response)  # so that the connection can be used again
                    return
                found = await self._trouble(response)
                if isinstance(found, Busy) or response.status_code == 401:
                    raise found
        except httpx2.RequestError as error:
            raise Busy(self._say(error)) from None

    async def _answer(self, job: ChunkJob) -> AsyncIterator[Samples]:
        """The audio of one request."""
        response = None
        try:
            async with self._client.stream(
                "POST", f"{self._url}/audio/speech", json=self._request(job)
            ) as response:
                if response.status_code != 200:
                    found = await self._trouble(response)
                    if not isinstance(found, Busy):
                        self._alive_s = time.monotonic()
                    raise found
                sound = await self._sound(response)
                async for data in response.aiter_bytes():
                    self._alive_s = time.monotonic()
                    for samples in sound.take(data):
                        yield samples
                yield sound.end()
        except OtherRate as error:
            raise other_rate(self._url, error.rate, self._options.rate) from None
        except BadSound as error:
            raise Failed(str(error)) from None
        except httpx2.RequestError as error:
            raise Busy(self._say(error)) if response is None else Failed(self._say(error)) from None

    def _request(self, job: ChunkJob) -> dict[str, Any]:
        options = self._options
        fields: dict[str, Any] = {
            "model": options.model,
            "input": job.text,
            "response_format": options.format,
            **options.extra,
        }
        if voice := job.voice or options.voice:
            fields["voice"] = voice
        if job.speed != 1.0:
            fields["speed"] = job.speed
        if options.language_field is not None:
            fields[options.language_field] = job.language
        return fields

    async def _sound(self, response: httpx2.Response) -> Sound:
        """The empty sound of an answer with status 200. Raises Failed where it is no audio that is read."""
        kind, _, parameters = response.headers.get("content-type", RAW[-1]).lower().partition(";")
        kind = kind.strip()
        raw = kind in RAW
        if not raw and "wav" not in kind:
            words = "" if kind.startswith("audio/") else words_in(await _start_of(response), kind)
            said = f"{self._url}: the answer is {kind}, and not the audio asked for"
            raise Failed(self._hidden(f"{said}: {words}" if words else said))
        for name, _, value in (part.strip().partition("=") for part in parameters.split(";")):
            if name == "rate" and value.isdigit() and int(value) != self._options.rate:
                raise other_rate(self._url, int(value), self._options.rate)
        return Sound(f"{self._url}: the answer", self._options.rate, raw=raw)

    async def _trouble(self, response: httpx2.Response) -> Exception:
        """What an answer means whose status is not 200."""
        headers = response.headers
        words = words_in(await _start_of(response), headers.get("content-type", ""))
        if response.has_redirect_location:
            words = headers["location"]
        return trouble(
            self._url,
            response.status_code,
            response.reason_phrase,
            self._hidden(words),
            self._options.key_env,
            wait_s=_seconds(headers.get("retry-after", "")),
        )

    def _say(self, error: httpx2.RequestError) -> str:
        """An error of the network in words."""
        if isinstance(error, httpx2.ConnectTimeout):
            return f"{self._url}: no connection in {self._options.connect_s:g} s"
        if isinstance(error, httpx2.TimeoutException):
            return f"{self._url}: nothing came for {self._options.read_s:g} s"
        return self._hidden(f"{self._url}: {_reason(error)}")

    def _patience(self, busy: Busy, began: float) -> str:
        """Why a server is not asked any more."""
        if busy.wait_s is not None and busy.wait_s > self._options.retry_s:
            return f"it asks for {busy.wait_s:g} s, and backend.options.retry_s is {self._options.retry_s:g}"
        return f"it was asked again for {time.monotonic() - began:.0f} s"

    def _hidden(self, text: str) -> str:
        """The text without the key, which servers repeat in their errors."""
        return text.replace(self._key, "***") if self._key else text


def _authorization(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _pause_s(error: Busy | Failed, failures: int) -> float:
    if isinstance(error, Busy) and error.wait_s is not None:
        return max(error.wait_s, FIRST_PAUSE_S)
    return float(min(FIRST_PAUSE_S * 2.0 ** (failures - 1), LONGEST_PAUSE_S))


def _seconds(retry_after: str) -> float | None:
    """The header Retry-After in seconds; a date in it is passed over, as clocks differ."""
    try:
        seconds = float(retry_after)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _reason(error: BaseException) -> str:
    """What the system says of the failed call that an error goes back to; else the error's own words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:  # asyncio has words of its own
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


async def _start_of(response: httpx2.Response) -> bytes:
    """The body of an answer, or the start of a long one."""
    body = b""
    async for data in response.aiter_bytes():
        body += data
        if len(body) >= LONGEST_ERROR:
            break
    return body[:LONGEST_ERROR]
