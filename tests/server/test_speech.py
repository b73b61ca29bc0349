"""What people's programs get: audio in each format, as it is made, each its own."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import numpy as np
import openai
import pytest

from tests.cli.program import paragraphs, sim
from tests.server.conftest import Serve
from tests.server.world import FORMATS, Server, decoded, length_s, request, until_closed

TEXT = "It was a quiet street. Nobody knew why the clock had stopped, and nobody asked."


@pytest.fixture(scope="module")
def tones(serve_module: Serve) -> Server:
    """An engine that plays a tone for each text, slowly enough to be looked at meanwhile."""
    options = {"rtf": 0.05, "pieces": 2, "slots": 4, "voices": "[low, high]", "languages": "[en, de]"}
    return serve_module(*sim(**options), "--set", "server.voices={alloy: high}")


@pytest.fixture(scope="module")
def espeak(serve_module: Serve) -> Server:
    """A real engine, at 22,050 Hz."""
    return serve_module("--backend", "espeak")


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_whole(espeak: Server, format: str) -> None:
    samples, rate = decoded(espeak.speak(TEXT, voice="en-gb", response_format="flac").content, "flac")
    with (
        espeak.client() as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="en-gb", input=TEXT, response_format=format
        ) as response,
    ):
        audio = response.read()
    assert length_s(audio, format) == pytest.approx(len(samples) / rate, abs=0.12)  # codecs pad to frames
    heard, _ = decoded(audio, format)
    assert np.abs(heard).max() > 0.1


@pytest.mark.parametrize("format", FORMATS)
def test_a_text_without_a_word_is_whole_audio_too(espeak: Server, format: str) -> None:
    response = espeak.speak("...", response_format=format)
    assert response.status_code == 200
    if format not in ("aac", "pcm"):  # which are nothing but their frames
        assert length_s(response.content, format) < 1.0


def test_media_types(espeak: Server) -> None:
    kinds = {
        format: espeak.speak("Hi.", response_format=format).headers["content-type"] for format in FORMATS
    }
    assert kinds == {
        "mp3": "audio/mpeg",
        "opus": "audio/ogg",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "wav": "audio/wav",
        "pcm": "audio/pcm; rate=24000",
    }
    assert espeak.speak("Hi.").headers["content-type"] == "audio/mpeg"


def test_a_streamed_wav_does_not_know_its_length(espeak: Server) -> None:
    audio = espeak.speak("Hi.", response_format="wav").content
    assert (audio[:4], audio[4:8], audio[40:44]) == (b"RIFF", b"\xff" * 4, b"\xff" * 4)


@pytest.mark.parametrize("format", FORMATS)
def test_audio_comes_as_it_is_made(tones: Server, format: str) -> None:
    """The first bytes are there while most of the text is still to be spoken."""
    with tones.speaking(paragraphs(60), response_format=format) as (_, parts):
        first = next(parts)
        assert first
        assert tones.figure("ttsflow_open_requests") == 1
        assert len(b"".join(parts)) > 4 * len(first)


def test_server_sent_events(tones: Server) -> None:
    plain = tones.speak(TEXT, response_format="pcm").content
    response = tones.speak(TEXT, response_format="pcm", stream_format="sse")
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [
        json.loads(line.removeprefix("data: "))
        for line in response.text.splitlines()
        if line.startswith("data")
    ]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1] == {"type": "speech.audio.done"}
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == plain


def test_ten_clients_at_once_hear_their_own_text(tones: Server) -> None:
    texts = [f"This is text number {number}. It has two sentences." for number in range(10)]
    alone = [tones.speak(text, response_format="pcm").content for text in texts]
    with ThreadPoolExecutor(10) as clients:
        together = list(clients.map(lambda text: tones.speak(text, response_format="pcm").content, texts))
    assert together == alone
    assert len(set(alone)) == 10


def test_the_asynchronous_client(tones: Server) -> None:
    async def speak() -> list[bytes]:
        async with openai.AsyncOpenAI(base_url=f"{tones.url}/v1", api_key="none") as client:

            async def one(text: str) -> bytes:
                async with client.audio.speech.with_streaming_response.create(
                    model="sim", voice="low", input=text, response_format="pcm"
                ) as response:
                    return b"".join([part async for part in response.iter_bytes()])

            return list(await asyncio.gather(*map(one, ("One.", "Two.", "One."))))

    one, two, again = asyncio.run(speak())
    assert one == again != two


def test_voice_language_and_speed(tones: Server) -> None:
    def pcm(**said: object) -> bytes:
        return tones.speak(TEXT, response_format="pcm", **said).content

    assert pcm(voice="low") != pcm(voice="high")
    assert pcm(voice="alloy") == pcm(voice={"id": "high"}) == pcm(voice="high")
    assert pcm(language="de") != pcm()
    assert pcm(language="de-AT") == pcm(language="de")
    assert len(pcm(speed=2)) < 0.6 * len(pcm())  # pauses stay
    assert pcm(voice=None, speed=None, language=None) == pcm()


def test_what_is_ignored(tones: Server) -> None:
    response = tones.speak("Hi.", instructions="Be glad.", user="me", seed=3)
    assert response.headers["x-ttsflow-ignored"] == "instructions"
    assert "x-ttsflow-ignored" not in tones.speak("Hi.").headers


def test_each_request_has_an_id(tones: Server) -> None:
    ids = {tones.speak("Hi.").headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2


def test_an_old_client_gets_the_whole_at_once(tones: Server) -> None:
    """HTTP/1.0 has no chunks, so that a part could not be told from the whole."""
    with tones.connect() as connection:
        connection.sendall(
            request('{"input": "Hi.", "response_format": "pcm"}').replace(b"HTTP/1.1", b"HTTP/1.0")
        )
        head, _, body = until_closed(connection).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert f"content-length: {len(body)}".encode() in head.lower()
    assert body == tones.speak("Hi.", response_format="pcm").content


def test_connections_are_used_again(tones: Server) -> None:
    body = request('{"input": "Hi.", "response_format": "pcm"}')
    with tones.connect() as connection:
        for _ in range(3):
            connection.sendall(body)
            came = b""
            while not came.endswith(b"\r\n0\r\n\r\n"):
                came += connection.recv(65_536)
        connection.shutdown(socket.SHUT_WR)


def test_models_and_voices(tones: Server, espeak: Server) -> None:
    with tones.client() as client:
        models = [model.id for model in client.models.list()]
        assert models == ["sim", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
        assert client.models.retrieve("tts-1").owned_by == "ttsflow"
    listed = tones.get("/v1/audio/voices").json()
    assert [voice["id"] for voice in listed["voices"]] == ["low", "high"]
    assert listed["languages"] == ["en", "de"]
    assert listed["other_names"] == {"alloy": "high"}
    german = espeak.get("/v1/audio/voices?language=de-DE").json()["voices"]
    assert "de" in [voice["id"] for voice in german]
    assert "en-gb" not in [voice["id"] for voice in german]
    assert espeak.get("/v1/audio/voices?language=tlh").status_code == 400
    assert tones.get("/v1/models/nothing").status_code == 404


def test_the_description_needs_no_other_server(tones: Server) -> None:
    page = tones.get("/docs").text
    assert "POST /v1/audio/speech" in page
    assert "://" not in page
    described = tones.get("/openapi.json").json()
    body = described["paths"]["/v1/audio/speech"]["post"]["requestBody"]["content"]["application/json"]
    assert "input" in body["schema"]["properties"]


def test_errors_are_described(tones: Server) -> None:
    """Each address tells with which errors it answers, and what they are like."""
    told = tones.get("/openapi.json").json()
    listed = [
        (path, method, answers["responses"])
        for path, methods in told["paths"].items()
        for method, answers in methods.items()
        if path not in ("/health", "/")
    ]
    assert len(listed) >= 12
    schema = {"$ref": "#/components/schemas/ErrorAnswer"}
    for path, method, answers in listed:
        errors = {status: answer for status, answer in answers.items() if not status.startswith("2")}
        assert {"401", "403", "default"} <= set(errors), (path, method)
        for status, answer in errors.items():
            assert answer["content"]["application/json"]["schema"] == schema, (path, method, status)
    speech, job = (told["paths"][path]["post"]["responses"] for path in ("/v1/audio/speech", "/v1/jobs"))
    assert {"400", "413", "415", "429", "500", "503", "504"} <= set(speech)
    assert {"400", "404", "413", "415", "429", "503", "507"} <= set(job)
    assert {"404", "409"} <= set(told["paths"]["/v1/jobs/{id}/audio"]["get"]["responses"])
    jsonschema.validate(tones.speak("").json(), schema | {"components": told["components"]})
