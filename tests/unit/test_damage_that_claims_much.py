"""Damage that asks for memory: indices and lengths of billions, in many places at once."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.analysis.verification import verify
from gdb_gospan.runtime.mcentral import SETS
from tools.tiny_heap import TinyHeap, parked

if TYPE_CHECKING:
    from collections.abc import Callable

    from gdb_gospan.runtime.heap import Heap


def every_set(tiny: TinyHeap) -> None:
    mheap, mcentral, size = tiny.layout["mheap"], tiny.layout["mcentral"], tiny.layout["spanSet"].size
    array, home = mheap["central"], mheap["central[].mcentral"].offset
    for spanclass in range(array.count or 0):
        for name in SETS:
            for half in (0, 1):
                at = tiny.at["mheap"] + array.offset + spanclass * array.stride + home + mcentral[name].offset
                tiny.put("spanSet", at + half * size, index=0xFFFF_FFFF)


def every_span(tiny: TinyHeap) -> None:
    for span in tiny.spans():
        if tiny.get("mspan", span, "state"):
            tiny.put("mspan", span, npages=1 << 40)


@pytest.mark.parametrize("damage", [every_set, every_span])
def test_it_gets_none(damage: Callable[[TinyHeap], None]) -> None:
    tiny = TinyHeap()
    damage(tiny)
    heap = tiny.heap()
    tracemalloc.start()
    broken = {check.code for check in verify(heap, parked) if check.status == "broken"}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert broken
    assert peak < 64 << 20


def test_sets_that_claim_too_much_are_unread() -> None:
    tiny = TinyHeap()
    every_set(tiny)
    central = tiny.heap().central
    assert central.unreadable > 100 * len(tiny.spans())
    assert len(central.row) <= 4 * len(tiny.spans())


def owners(*claimed: int) -> Heap:
    """A heap in which spans claim so many pages from the large object on."""
    tiny = TinyHeap()
    start = tiny.get("mspan", tiny.large, "startAddr")
    for span, npages in zip((tiny.large, tiny.small, tiny.half), claimed, strict=False):
        tiny.put("mspan", span, startAddr=start, npages=npages)
    return tiny.heap()


@pytest.mark.parametrize(
    ("claimed", "shared"), [((2,), 0), ((2, 1), 1), ((2, 2), 2), ((2, 2, 2), 2), ((1, 2, 3), 2)]
)
def test_pages_that_two_spans_claim_are_counted_once(claimed: tuple[int, ...], shared: int) -> None:
    heap = owners(*claimed)
    assert heap.page_kinds.shared == shared
    (found,) = (check for check in verify(heap, parked) if check.code == "page-owners")
    assert found.expected is not None
    assert found.observed == found.expected - shared
