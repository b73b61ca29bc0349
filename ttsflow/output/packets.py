"""Packets of a codec that wait in a file until their container can be written."""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from av.packet import Packet as AnyPacket

    Packet = AnyPacket[Any]


class PacketFile:
    """Keeps packets in their order, in a file that only this process reads.

    Their times are in units of `time_base` seconds. The methods raise OSError, as the file does.
    """

    def __init__(self, file: BinaryIO, time_base: Fraction) -> None:
        self._file = file
        self._time_base = time_base
        self._batches = 0
        self._in_memory: list[Packet] = []  # those with more than their bytes

    def extend(self, packets: Sequence[Packet]) -> None:
        """Add the next packets."""
        self._file.write(marshal.dumps([self._record(packet) for packet in packets]))
        self._batches += 1

    def __iter__(self) -> Iterator[Packet]:
        """All packets; none may be added meanwhile."""
        self._file.seek(0)
        in_memory = iter(self._in_memory)
        for _ in range(self._batches):
            for record in marshal.load(self._file):
                yield next(in_memory) if record is None else self._packet(*record)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _record(self, packet: Packet) -> tuple[bytes, int | None, int | None, int | None] | None:
        """What of a packet goes to the file; None where it is kept in memory."""
        if any(True for _ in packet.iter_sidedata()):
            self._in_memory.append(packet)
            return None
        return bytes(packet), packet.pts, packet.dts, packet.duration

    def _packet(self, content: bytes, pts: int | None, dts: int | None, duration: int | None) -> Packet:
        from av import Packet

        packet: AnyPacket[Any] = Packet(content)
        packet.time_base, packet.is_keyframe = self._time_base, True
        packet.pts, packet.dts, packet.duration = pts, dts, duration
        return packet
