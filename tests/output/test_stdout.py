"""Audio in a pipe: at once, whole, and a quiet end when the reader leaves."""

import io
import os
import pty
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome
from ttsflow.output import FORMATS, StreamSink
from ttsflow.output.pcm import encode
from ttsflow.output.wav import stream_header

RATE = 8000
PCM = FORMATS.named("pcm")
PIECE = AudioPiece(np.linspace(-1, 1, 500, dtype=np.float32), RATE)
PAUSED = Outcome(ChunkJob("book", 0, "Hello.", pause_s=0.01), "failed")


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    ends = {reader, writer}
    yield reader, writer, ends
    for end in ends:
        os.close(end)


def test_header_and_pieces_are_there_at_once(pipe) -> None:
    reader, writer, _ = pipe
    sink = StreamSink(writer, sample_rate=RATE)
    sink.open()
    assert os.read(reader, 1 << 16) == stream_header(RATE)
    sink.write([PIECE, PIECE])
    assert os.read(reader, 1 << 16) == 2 * encode(PIECE, RATE)
    sink.end_chunk(PAUSED)
    assert os.read(reader, 1 << 16) == bytes(160)
    sink.finish()
    os.write(writer, b"still open")


def test_raw_pcm_has_no_header() -> None:
    stream = io.BytesIO()
    sink = StreamSink(stream, sample_rate=RATE, format=PCM)
    sink.open()
    sink.write([PIECE])
    assert stream.getvalue() == encode(PIECE, RATE)


def test_a_stream_is_flushed_after_every_piece(pipe) -> None:
    reader, writer, _ = pipe
    with open(writer, "wb", closefd=False) as buffered:
        sink = StreamSink(buffered, sample_rate=RATE)
        sink.open()
        assert os.read(reader, 1 << 16) == stream_header(RATE)
        sink.write([PIECE])
        assert os.read(reader, 1 << 16) == encode(PIECE, RATE)


class Dribble(io.RawIOBase):
    """Takes seven bytes at a time."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data) -> int:
        self.taken += bytes(data[:7])
        return len(data[:7])


def test_partial_writes_are_continued() -> None:
    stream = Dribble()
    sink = StreamSink(stream, sample_rate=RATE)
    sink.open()
    sink.write([PIECE])
    assert stream.taken == stream_header(RATE) + encode(PIECE, RATE)


def test_a_full_non_blocking_pipe_is_waited_for(pipe) -> None:
    reader, writer, ends = pipe
    os.set_blocking(writer, False)
    received = bytearray()

    def read_slowly() -> None:
        while data := os.read(reader, 30_000):
            received.extend(data)
            time.sleep(0.005)

    thread = threading.Thread(target=read_slowly)
    thread.start()
    sink = StreamSink(writer, sample_rate=RATE)
    sink.open()
    sink.write([PIECE] * 500)
    ends.remove(writer)
    os.close(writer)
    thread.join()
    with wave.open(io.BytesIO(received)) as reading:
        assert reading.readframes(1_000_000) == 500 * encode(PIECE, RATE)


def test_a_reader_who_left_is_a_broken_pipe(pipe) -> None:
    reader, writer, ends = pipe
    sink = StreamSink(writer, sample_rate=RATE)
    sink.open()
    ends.remove(reader)
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        sink.write([PIECE])
    with pytest.raises(BrokenPipeError):
        sink.end_chunk(PAUSED)
    with pytest.raises(BrokenPipeError):
        StreamSink(writer, sample_rate=RATE).open()
    sink.abort()


def test_a_reader_who_left_before_the_end_has_not_heard_it(pipe) -> None:
    reader, writer, ends = pipe
    sink = StreamSink(writer, sample_rate=RATE)
    sink.open()
    sink.write([PIECE])
    ends.remove(reader)
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        sink.finish()


def test_a_full_disk_behind_the_redirection() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        sink = StreamSink(full.fileno(), sample_rate=RATE, format=PCM)
        sink.open()
        with pytest.raises(SinkError, match=r"No space left on device; .*-o"):
            sink.write([PIECE])
        with pytest.raises(OutputError, match=r"No space left on device; .*-o"):
            StreamSink(full.fileno(), sample_rate=RATE).open()


def test_a_terminal_gets_no_audio() -> None:
    main, terminal = pty.openpty()
    try:
        with pytest.raises(OutputError, match=r"aplay"):
            StreamSink(terminal, sample_rate=RATE).open()
    finally:
        os.close(main)
        os.close(terminal)


def test_a_closed_descriptor_is_an_output_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    with pytest.raises(OutputError, match="Bad file descriptor"):
        StreamSink(writer, sample_rate=RATE).open()
