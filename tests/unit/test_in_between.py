"""Moments that no quiet stop shows: a span that is just being swept, a P that is just taking another span."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gdb_gospan.analysis.accounting import Accounts, accounts
from gdb_gospan.analysis.verification import verify
from tools import images
from tools.tiny_heap import SWEEPGEN, TinyHeap, parked

HALF = 1024


def put_half(tiny: TinyHeap, delta: int) -> Accounts:
    """Two objects in the span of 1,024-byte slots, one of them marked, at this stage of its sweep."""
    marks = tiny.region(16)
    tiny.write(marks, bytes([0b0001]))
    tiny.put("mspan", tiny.half, sweepgen=SWEEPGEN + delta, gcmarkBits=marks)
    return accounts(tiny.heap())


def test_garbage_is_known_before_the_sweep() -> None:
    swept, waiting = put_half(TinyHeap(), 0), put_half(TinyHeap(), -2)
    assert (swept.garbage_unswept, waiting.garbage_unswept) == (0, HALF)
    assert swept.objects - waiting.objects == HALF
    assert (swept.remainder, waiting.remainder) == (0, 0)


def test_while_a_span_is_swept_its_objects_are_neither() -> None:
    """Its marks may be fresh, its count may be new: which of the two are garbage cannot be told."""
    swept, half_way = put_half(TinyHeap(), 0), put_half(TinyHeap(), -1)
    assert half_way.garbage_unswept == 0
    assert swept.objects - half_way.objects == 2 * HALF
    assert half_way.remainder == 2 * HALF
    assert half_way.free_slots == swept.free_slots


@pytest.mark.parametrize("name", [name for name in images.names() if name.endswith("unswept")])
def test_while_spans_of_a_real_program_are_swept(name: str) -> None:
    recorded = images.load(name)
    heap = recorded.session().heap
    before, columns, field = accounts(heap), heap.spans.records, heap.layout["mspan"]["sweepgen"]
    waiting = np.flatnonzero(heap.spans.delta == -2)
    waiting = waiting[heap.spans.in_use[waiting] & (columns["allocCount"][waiting] > 0)].tolist()
    rows = random.Random(name).sample(waiting, 20)
    generation = (heap.spans.heap_sweepgen - 1).to_bytes(field.size, "little")
    places = [int(heap.spans.addresses[row]) + field.offset for row in rows]
    after = accounts(recorded.session(*((place, generation) for place in places)).heap)
    undecided = int((columns["allocCount"] * columns["elemsize"])[rows].sum())
    assert undecided > 0
    assert after.remainder == undecided
    assert before.objects + before.garbage_unswept == after.objects + after.garbage_unswept + undecided
    assert after.objects <= before.objects
    assert after.garbage_unswept <= before.garbage_unswept
    assert (after.free_slots, after.sys) == (before.free_slots, before.sys)


def given_back() -> TinyHeap:
    """The P has given its span back, swept, counted and in a list, and its mcache still names it (mcache.go, refill)."""
    tiny = TinyHeap()
    tiny.put("mspan", tiny.small, sweepgen=SWEEPGEN)
    tiny.span_set(13, "partial", 0, [tiny.small])
    counts = tiny.layout["heapStatsDelta"]["smallAllocCount"]
    tiny.words(tiny.stats + counts.offset + 6 * counts.stride, 10 + 2)  # of three, one was counted before
    return tiny


def test_a_span_given_back_is_not_cached() -> None:
    heap = given_back().heap()
    assert [check.code for check in verify(heap, parked) if check.status != "exact"] == []
    assert not heap.cached.any()
    assert heap.flush.small_allocs.sum() == 0


def test_a_span_of_another_class_is_not_cached() -> None:
    tiny = TinyHeap()
    alloc = tiny.layout["mcache"]["alloc"]
    tiny.words(tiny.at["mcache"] + alloc.offset + 13 * alloc.stride, tiny.at["emptymspan"])
    tiny.words(tiny.at["mcache"] + alloc.offset + 12 * alloc.stride, tiny.small)
    assert not tiny.heap().cached.any()
    assert "central-lists" in {
        check.code for check in verify(tiny.heap(), parked) if check.status == "broken"
    }


def test_a_list_of_descriptors_that_leads_nowhere_is_never_right() -> None:
    """After its last descriptor, when the numbers would fit; and where nothing is free at all."""
    tiny = TinyHeap()
    tiny.put("mspan", tiny.free[-1], next=0x6666_6666_6666)
    assert broken(tiny) == {"spanalloc-objects"}


def test_a_descriptor_listed_twice_is_noticed() -> None:
    """In the place of one that a P keeps in stock, which nothing else leads to."""
    tiny = TinyHeap()
    where = tiny.allspans + 8 * tiny.spans().index(tiny.stock)
    tiny.words(where, tiny.free[0])
    assert broken(tiny) == {"spanalloc-objects"}


def test_a_byte_of_the_descriptors_in_use_is_noticed() -> None:
    tiny = TinyHeap()
    tiny.put("fixalloc", tiny.spanalloc, inuse=tiny.get("fixalloc", tiny.spanalloc, "inuse") + 1)
    assert broken(tiny) == {"mspan-sys"}


def broken(tiny: TinyHeap) -> set[str]:
    return {check.code for check in verify(tiny.heap(), parked) if check.status == "broken"}
