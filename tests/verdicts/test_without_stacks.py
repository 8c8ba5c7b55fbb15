"""Where nobody knows what the threads were doing, damage is not excused by what they might have been doing."""

from __future__ import annotations

import numpy as np
import pytest

from gdb_gospan.analysis.verification import verify
from gdb_gospan.runtime.mpagealloc import PADDING
from tools import images
from tools.damage import DAMAGES, page_bit

PAGE = 8192

#: Of programs at rest, recorded without any thread.
NAMES = [name for name in images.names() if name.endswith(("-frag", "-corners", "-cached", "-released"))]


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_not_transient(name: str) -> None:
    recorded = images.load(name)
    heap = recorded.session().heap
    wrong = []
    for damage in DAMAGES:
        change = damage.find(heap)
        if change is None:
            continue
        checks = verify(recorded.session(change).heap)
        off = {check.code: check.status for check in checks if check.status != "exact"}
        if not off or not {*off.values()} <= {"broken", "unknown"}:
            wrong.append(f"{damage.name}: {off or 'nothing is noticed'}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("bitmap", ["pallocBits", "scavenged"])
def test_one_damaged_page_of_the_padding_is_one_page(bitmap: str) -> None:
    """And not all of the padding behind it."""
    recorded = images.load("1.27-frag")
    heap = recorded.session().heap
    padding = np.flatnonzero(heap.page_kinds.kinds == PADDING)
    assert len(padding) > 2
    change = page_bit(heap, bitmap, int(padding[len(padding) // 2]))
    off = [check for check in verify(recorded.session(change).heap) if check.status != "exact"]
    assert off
    for check in off:
        assert check.expected is not None
        assert abs(check.observed - check.expected) == (PAGE if check.unit == "bytes" else 1), check.code
