"""A file that is complete or absent: what is written, what is refused, what is left behind."""

import os
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ttsflow.errors import OutputError, SinkError
from ttsflow.interface.jobs import AudioPiece, ChunkJob, Outcome, Status
from ttsflow.output import FORMATS, About, FileSink, Tag, read_tag
from ttsflow.output.pcm import encode

RATE = 8000
INPUT = Tag("aa", "bb")


def sink_for(path: Path, identity: Tag = INPUT, format: str = "wav") -> FileSink:
    return FileSink(path, sample_rate=RATE, about=About(identity), format=FORMATS.named(format))


def tone(frames: int, level: float = 0.5) -> AudioPiece:
    return AudioPiece(np.full(frames, level, np.float32), RATE)


def outcome(status: Status = "ok", pause_s: float = 0.0) -> Outcome:
    return Outcome(ChunkJob("book", 0, "Hello.", pause_s=pause_s), status)


def speak(sink: FileSink, *pieces: AudioPiece) -> None:
    sink.open()
    sink.write(pieces)
    sink.end_chunk(outcome())
    sink.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


spoken_chunks = st.lists(
    st.tuples(
        st.lists(st.lists(st.floats(-1.5, 1.5, width=32), max_size=20), max_size=4),
        st.sampled_from([0.0, 0.01, 0.0003]),
        st.sampled_from(["ok", "flagged", "pause", "failed"]),
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)  # fsync takes as long as it takes
@given(spoken_chunks, st.sampled_from(["wav", "pcm"]))
def test_the_file_holds_every_piece_and_every_pause(
    chunks: list[tuple[list[list[float]], float, Status]], format: str
) -> None:
    expected = b""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "out")
        sink = sink_for(path, format=format)
        sink.open()
        for contents, pause_s, status in chunks:
            pieces = [AudioPiece(np.array(content, np.float32), RATE) for content in contents]
            sink.write(pieces)
            sink.end_chunk(outcome(status, pause_s))
            expected += b"".join(encode(piece, RATE) for piece in pieces) + bytes(2 * round(pause_s * RATE))
        sink.finish()
        statuses = {status for *_, status in chunks}
        assert sink.published == bool(statuses & {"ok", "flagged"} or statuses == {"pause"})
        if not sink.published:
            assert names(Path(folder)) == []
            return
        assert names(Path(folder)) == ["out"]
        if format == "pcm":
            assert path.read_bytes() == expected
            return
        samples, rate = soundfile.read(path, dtype="int16")
        assert (samples.astype("<i2").tobytes(), rate) == (expected, RATE)
        assert read_tag(path) == INPUT


def test_nothing_has_the_final_name_before_finish(tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out.wav")
    sink.open()
    sink.write([tone(100)])
    sink.end_chunk(outcome())
    assert names(tmp_path) == [".out.wav.part"]
    sink.finish()
    assert names(tmp_path) == ["out.wav"]


def test_audio_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out.pcm", format="pcm")
    sink.open()
    sink.write([tone(100)])
    assert (tmp_path / ".out.pcm.part").read_bytes() == encode(tone(100), RATE)
    sink.abort()


def test_abort_leaves_nothing_and_spares_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"precious")
    sink = sink_for(path)
    sink.abort()
    sink.open()
    sink.write([tone(100)])
    sink.abort()
    sink.abort()
    assert names(tmp_path) == ["out.wav"]
    assert path.read_bytes() == b"precious"


def test_a_stream_whose_chunks_all_failed_leaves_no_file(tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out.wav")
    sink.open()
    sink.write([tone(100)])
    sink.end_chunk(outcome("failed", pause_s=0.1))
    sink.finish()
    assert names(tmp_path) == []
    assert not sink.published


def test_a_stream_without_chunks_leaves_no_file(tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out.wav")
    sink.open()
    sink.finish()
    assert names(tmp_path) == []


def test_a_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    path.write_bytes(b"whatever")
    speak(sink_for(path), tone(50))
    assert soundfile.info(path).frames == 50


def refusal(path: Path) -> str:
    with pytest.raises(OutputError) as caught:
        sink_for(path).open()
    assert "choose another place" in str(caught.value) or "name a file" in str(caught.value)
    return str(caught.value)


def test_outputs_that_cannot_be_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    assert f"there is no folder {tmp_path / 'absent'}" in refusal(tmp_path / "absent" / "out.wav")
    assert f"{tmp_path / 'file'} is not a folder" in refusal(tmp_path / "file" / "out.wav")
    assert "it is a folder" in refusal(tmp_path)
    assert "a device or a pipe" in refusal(Path("/dev/null"))
    assert "a device or a pipe" in refusal(tmp_path / "pipe")
    (tmp_path / "kept.wav").touch(0o444)
    assert "it is write-protected; allow it (chmod u+w)" in refusal(tmp_path / "kept.wav")
    assert "symbolic links" in refusal(tmp_path / "loop")
    assert "too long" in refusal(tmp_path / ("x" * 300))
    assert "null byte" in refusal(tmp_path / "a\0b")
    assert "surrogates" in refusal(tmp_path / "a\ud800b")
    assert "takes no new file" in refusal(Path("/proc/out.wav"))
    assert names(tmp_path) == ["file", "kept.wav", "loop", "pipe"]


def test_a_read_only_folder_is_refused_at_once() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, root = Path(name), os.geteuid() == 0
        folder.chmod(0o555)
        if root:
            os.seteuid(65534)  # root is not held back by permission bits
        try:
            assert f"{folder} takes no new file (Permission denied)" in refusal(folder / "out.wav")
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.wav").symlink_to("disk/real.wav")
    speak(sink_for(tmp_path / "out.wav"), tone(100))
    assert (tmp_path / "out.wav").is_symlink()
    assert names(tmp_path / "disk") == ["real.wav"]


def test_a_second_run_on_one_target_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    first = sink_for(path)
    first.open()
    assert "another run is writing it" in refusal(path)
    first.write([tone(100)])
    first.end_chunk(outcome())
    first.finish()
    assert soundfile.info(path).frames == 100


PRELUDE = """
import resource, sys, numpy as np
from pathlib import Path
from ttsflow.errors import SinkError
from ttsflow.interface.jobs import AudioPiece
from ttsflow.output import About, FileSink, Tag
sink = FileSink(Path(sys.argv[1]), sample_rate=8000, about=About(Tag("aa", "bb")))
second = AudioPiece(np.zeros(8000, np.float32), 8000)
"""


def in_a_child(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PRELUDE + code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_killed_run_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    killed = in_a_child("import os\nsink.open(); sink.write([second] * 9); os.kill(os.getpid(), 9)\n", path)
    assert killed.returncode == -9, killed.stderr
    assert names(tmp_path) == [".out.wav.part"]
    speak(sink_for(path), tone(100))
    speak(sink_for(tmp_path / "undisturbed.wav"), tone(100))
    assert names(tmp_path) == ["out.wav", "undisturbed.wav"]
    assert path.read_bytes() == (tmp_path / "undisturbed.wav").read_bytes()


@pytest.mark.usefixtures("quickly")  # coverage could not be written either
def test_a_full_disk_names_the_file_what_was_written_and_what_to_do(tmp_path: Path) -> None:
    child = in_a_child(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "sink.open()\n"
        "try:\n"
        "    while True: sink.write([second])\n"
        "except SinkError as error:\n"
        "    print(error)\n"
        "sink.abort()\n",
        tmp_path / "out.wav",
    )
    assert child.returncode == 0, child.stderr
    assert f"{tmp_path / 'out.wav'} could not be completed: File too large" in child.stdout
    assert "2.0 s of audio (32,000 bytes) had been written" in child.stdout
    assert "ulimit -f" in child.stdout
    assert names(tmp_path) == []


def test_a_place_that_vanishes_is_a_sink_error(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    sink = sink_for(path)
    sink.open()
    sink.end_chunk(outcome())
    path.mkdir()
    with pytest.raises(SinkError, match=r"out\.wav could not be completed"):
        sink.finish()
    assert names(tmp_path) == ["out.wav"]
    assert not sink.published


def test_memory_does_not_grow_with_the_audio(tmp_path: Path) -> None:
    def write(sink: FileSink, pieces: Sequence[AudioPiece], times: int) -> int:
        tracemalloc.reset_peak()
        for _ in range(times):
            sink.write(pieces)
            sink.end_chunk(outcome(pause_s=1.0))
        return tracemalloc.get_traced_memory()[1]

    sink = sink_for(tmp_path / "out.wav")
    sink.open()
    tracemalloc.start()
    try:
        first = write(sink, [tone(RATE)], 10)
        assert write(sink, [tone(RATE)], 500) < 1.2 * first
    finally:
        tracemalloc.stop()
        sink.abort()


def test_what_is_encoded_already_is_appended_as_it_is(tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out.pcm", format="pcm")
    sink.open()
    sink.write_encoded(encode(tone(30), RATE), RATE)
    with pytest.raises(SinkError, match="16000 Hz in an output of 8000 Hz"):
        sink.write_encoded(b"xx", 16000)
    sink.end_chunk(outcome())
    sink.finish()
    assert (tmp_path / "out.pcm").read_bytes() == encode(tone(30), RATE)


def test_a_sink_that_begins_again_drops_what_it_had(tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out.wav")
    sink.open()
    sink.write([tone(5000)])
    sink.end_chunk(outcome("failed"))
    sink.restart()
    assert "another run is writing it" in refusal(tmp_path / "out.wav")
    sink.write([tone(30)])
    sink.end_chunk(outcome())
    sink.finish()
    speak(sink_for(tmp_path / "other.wav"), tone(30))
    assert (tmp_path / "out.wav").read_bytes() == (tmp_path / "other.wav").read_bytes()
