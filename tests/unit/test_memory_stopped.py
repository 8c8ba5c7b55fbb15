"""Memory of a target that may go on is read while it stands still, and at no other time."""

from __future__ import annotations

import numpy as np
import pytest

from gdb_gospan.memory.image import Image
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.segments import Segments
from gdb_gospan.memory.stopped import Stopped

BASE = 0xC000000000


def test_only_while_it_is_open() -> None:
    start = np.array([BASE], np.uint64)
    image = Image(Segments(np.arange(64, dtype=np.uint8), start, np.array([64], np.uint64), start - start))
    memory = Stopped(image)
    assert (memory.kind, memory.at_hand) == (image.kind, image.at_hand)
    for _ in range(2):
        assert memory.read(BASE, 8) == bytes(range(8))
        assert memory.read_many(start, 8).readable.all()
        memory.close()
        before = memory.reads
        with pytest.raises(ReadAfterReleaseError):
            memory.read(BASE, 8)
        with pytest.raises(ReadAfterReleaseError):
            memory.read_many(start, 8)
        assert memory.reads == before
        memory.open()
