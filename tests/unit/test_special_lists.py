"""Lists of specials, read side by side: whole, or as far as a running process's are worth following."""

from __future__ import annotations

import numpy as np
import pytest

from gdb_gospan.memory.image import Image
from gdb_gospan.memory.segments import Segments
from gdb_gospan.runtime.record import Reader
from gdb_gospan.runtime.special import read_every_special
from tools import images

BASE, COUNT = 0x7F0000000000, 3000


@pytest.mark.parametrize(("steps", "read"), [(None, COUNT), (1024, 1024)])
def test_a_list_is_followed_as_far_as_asked(steps: int | None, read: int) -> None:
    """A special that is freed meanwhile leads along a free list, which has no bound."""
    layout = images.load("1.27-frag").layout
    special = layout["special"]
    data = np.zeros(COUNT * special.size, np.uint8)
    links = BASE + special.size * np.arange(1, COUNT + 1, dtype=np.uint64)
    links[-1] = 0
    offset = special["next"].offset
    data.reshape(COUNT, special.size)[:, offset : offset + 8] = links.view(np.uint8).reshape(COUNT, 8)
    one = np.array([BASE], np.uint64)
    memory = Image(Segments(data, one, np.array([len(data)], np.uint64), np.array([0], np.uint64)))
    read_every_special(Reader(memory, layout), one, *([] if steps is None else [steps]))
    assert memory.reads == read
