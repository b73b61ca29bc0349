"""The WAV header, written by hand: for pipes, for files beyond 4 GiB, and with a note of who made it.

A file begins as RIFF with a JUNK chunk, in whose place RF64's `ds64` chunk goes if the file outgrows
RIFF's 32-bit sizes (EBU Tech 3306, "RF64: An extended file format for audio", section 3.5). The
header has the same length either way, so the sizes are patched in when the audio is complete.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

from ttsflow.output.pcm import SAMPLE_BYTES

UNKNOWN = 0xFFFFFFFF  # a 32-bit size that is elsewhere (RF64), or known to nobody yet (a pipe)
_DS64 = struct.Struct("<QQQI")  # RIFF size, data size, frames, entries of a table that is not used
_SEEN_CHUNKS, _SEEN_BYTES = 16, 4096  # how much of a stranger's file `read_info` looks at


def stream_header(sample_rate: int) -> bytes:
    """Header (44 bytes) of 16-bit mono audio in a pipe: all sizes are 0xFFFFFFFF, as ffmpeg writes them.

    Players (aplay, ffmpeg, sox) then play until the pipe ends.
    """
    return _riff(b"RIFF", UNKNOWN) + _format(sample_rate) + struct.pack("<4sI", b"data", UNKNOWN)


def file_header(sample_rate: int, data_bytes: int, info: Mapping[str, str]) -> bytes:
    """Header of 16-bit mono audio in a file, RF64 where `data_bytes` does not fit RIFF.

    `info` maps four-letter names of the LIST/INFO chunk (ISFT, ICMT) to ASCII strings. The length
    depends on `info` alone.
    """
    body = _format(sample_rate) + _chunk(b"LIST", b"INFO" + b"".join(_info_chunks(info)))
    riff_size = 4 + 8 + _DS64.size + len(body) + 8 + data_bytes
    if riff_size < UNKNOWN:
        front = _riff(b"RIFF", riff_size) + _chunk(b"JUNK", bytes(_DS64.size))
        return front + body + struct.pack("<4sI", b"data", data_bytes)
    ds64 = _DS64.pack(riff_size, data_bytes, data_bytes // SAMPLE_BYTES, 0)
    front = _riff(b"RF64", UNKNOWN) + _chunk(b"ds64", ds64)
    return front + body + struct.pack("<4sI", b"data", UNKNOWN)


def read_info(file: BinaryIO) -> dict[str, str]:
    """The INFO strings that stand before a WAV file's audio; empty for anything else.

    Any bytes will do: nothing is raised for their sake, and at most a few kilobytes are read.
    """
    start = file.read(12)
    if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        return {}
    for _ in range(_SEEN_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or head[:4] == b"data":
            break
        name, size = struct.unpack("<4sI", head)
        body = file.read(min(size, _SEEN_BYTES))
        if name == b"LIST" and body[:4] == b"INFO":
            return _info_strings(body[4:])
        file.seek(size + size % 2 - len(body), 1)
    return {}


def _riff(kind: bytes, size: int) -> bytes:
    return struct.pack("<4sI4s", kind, size, b"WAVE")


def _format(sample_rate: int) -> bytes:
    pcm, channels = 1, 1
    rate = (sample_rate, sample_rate * SAMPLE_BYTES, SAMPLE_BYTES, SAMPLE_BYTES * 8)
    return _chunk(b"fmt ", struct.pack("<HHIIHH", pcm, channels, *rate))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2)


def _info_chunks(info: Mapping[str, str]) -> list[bytes]:
    return [_chunk(name.encode("ascii"), text.encode("ascii") + b"\0") for name, text in info.items()]


def _info_strings(body: bytes) -> dict[str, str]:
    strings, at = {}, 0
    while at + 8 <= len(body):
        name, size = struct.unpack_from("<4sI", body, at)
        text = body[at + 8 : at + 8 + size].split(b"\0", 1)[0]
        strings[name.decode("latin-1")] = text.decode("latin-1")
        at += 8 + size + size % 2
    return strings
