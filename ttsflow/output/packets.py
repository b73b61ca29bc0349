"""Packets of a codec that wait in a file until their container can be written."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
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
        self._count = 0
        self._in_memory: dict[int, Packet] = {}  # by number: those with more than their bytes

    def append(self, packet: Packet) -> None:
        """Add the next packet."""
        if any(True for _ in packet.iter_sidedata()):
            self._in_memory[self._count] = packet
        else:
            self._file.write(marshal.dumps((bytes(packet), packet.pts, packet.dts, packet.duration)))
        self._count += 1

    def __iter__(self) -> Iterator[Packet]:
        """All packets; none may be added meanwhile."""
        self._file.seek(0)
        for number in range(self._count):
            yield self._in_memory.get(number) or self._read()

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _read(self) -> Packet:
        from av import Packet

        content, pts, dts, duration = marshal.load(self._file)
        packet: AnyPacket[Any] = Packet(content)
        packet.time_base, packet.is_keyframe = self._time_base, True
        packet.pts, packet.dts, packet.duration = pts, dts, duration
        return packet
