"""The stages of chunks and parts: the moves that there are, and no others."""

from __future__ import annotations

import itertools

import pytest

from tests.scheduler.hand import job
from ttsflow.scheduler.chunks import (
    CHUNK_MOVES,
    IN_MEMORY,
    PART_MOVES,
    Chunk,
    ChunkStage,
    PartStage,
    Stream,
)


def chunk_at(stage: ChunkStage) -> Chunk:
    chunk = Chunk(job(0), Stream("s", live=False, weight=1.0, stored=True), (0.0, 0), 0.0)
    chunk.stage = stage
    chunk.stream.in_memory = int(stage in IN_MEMORY)
    return chunk


@pytest.mark.parametrize(("old", "new"), list(itertools.product(ChunkStage, ChunkStage)))
def test_a_chunk_makes_the_moves_of_the_table_and_takes_room_while_it_is_in_memory(
    old: ChunkStage, new: ChunkStage
) -> None:
    chunk = chunk_at(old)
    if new in CHUNK_MOVES[old]:
        chunk.move(new)
        assert chunk.stage is new
        assert chunk.stream.in_memory == (new in IN_MEMORY)
    else:
        with pytest.raises(RuntimeError, match=f"chunk 0 of 's' cannot go from {old.value} to {new.value}"):
            chunk.move(new)
        assert chunk.stage is old


@pytest.mark.parametrize(("old", "new"), list(itertools.product(PartStage, PartStage)))
def test_a_part_makes_the_moves_of_the_table(old: PartStage, new: PartStage) -> None:
    [part] = chunk_at(ChunkStage.SPEAKING).parts
    part.stage = old
    if new in PART_MOVES[old]:
        part.move(new)
        assert part.stage is new
    else:
        with pytest.raises(RuntimeError, match=f"chunk 0 of 's' cannot go from {old.value} to {new.value}"):
            part.move(new)
        assert part.stage is old


def test_nobody_wants_what_is_whole_or_withdrawn() -> None:
    [part] = chunk_at(ChunkStage.SPEAKING).parts
    wanted = set()
    for stage in PartStage:
        part.stage = stage
        wanted |= {stage} if part.wanted else set()
    assert wanted == set(PartStage) - {PartStage.WHOLE, PartStage.WITHDRAWN}
