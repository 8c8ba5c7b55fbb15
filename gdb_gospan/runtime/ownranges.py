"""Where the runtime's metadata lies, as far as its variables lead there (mheap.go, mpagealloc.go)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.segments import NOWHERE, joined
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import U64, Record

Kind = Literal["span_descriptors", "arena_map", "arena_tables", "page_tables", "gc_bitmaps"]
_MOST = 1 << 20
"""Arenas of GC bitmaps, of 64 KiB each, that are followed."""


@attrs.frozen(eq=False, repr=False)
class OwnRanges:
    """Address ranges of one kind of metadata, ascending and apart.

    Attributes
    ----------
    start, size
        uint64 (n,).
    """

    kind: Kind
    start: U64
    size: U64


def own_ranges(heap: Heap) -> tuple[OwnRanges, ...]:
    """Return what is known, once: the descriptors of spans, the maps of arenas, the tables of pages, the bitmaps."""
    return heap.trail.part("own-ranges", lambda: tuple(_found(heap)))


def _found(heap: Heap) -> Iterator[OwnRanges]:
    layout, mheap = heap.layout, heap.mheap
    descriptors = heap.spans.addresses
    yield _ranges("span_descriptors", descriptors, layout["mspan"].size)
    level2 = mheap.struct["arenas[].*"]
    # It counts in no statistic (mheap.go, sysAlloc).
    yield _ranges("arena_map", mheap.array("arenas"), (level2.count or 0) * level2.stride)
    allspans = mheap.slice("allspans")
    starts = [heap.arenas.metadata, np.array([allspans.array], np.uint64)]
    yield _several(
        "arena_tables", starts, [layout["heapArena"].size, allspans.capacity * layout.platform.pointer_size]
    )
    chunks, table = mheap.array("pages.chunks"), mheap.struct["pages.chunks[].*"]
    yield _ranges("page_tables", chunks, (table.count or 0) * table.stride)
    yield _ranges("gc_bitmaps", *_bit_arenas(heap))


def _several(kind: Kind, starts: list[U64], sizes: list[int]) -> OwnRanges:
    start = np.concatenate(starts)
    size = np.concatenate(
        [np.full(len(each), nbytes, np.uint64) for each, nbytes in zip(starts, sizes, strict=True)]
    )
    there = (start != 0) & (size != 0)
    return OwnRanges(kind, *(joined(start[there], size[there]) if there.any() else NOWHERE))


def _ranges(kind: Kind, start: U64, nbytes: int) -> OwnRanges:
    return _several(kind, [start], [nbytes])


def _bit_arenas(heap: Heap) -> tuple[U64, int]:
    """Follow the lists of arenas that bitmaps are taken from (mheap.go, gcBitsArenas), and return the bytes of one."""
    where = heap.symbols.get("gcBitsArenas")
    if where is None:
        return NOWHERE[0], 0
    reader = heap.reader
    lists, arena = reader.record("gcBitsArenas", where), reader.layout["gcBitsArena"]
    found: dict[int, None] = {}
    for name in ("next", "free", "current", "previous"):
        address = lists.get(name)
        while address and address not in found and len(found) < _MOST:
            data = reader.memory.read(address, arena["next"].offset + arena["next"].size)
            if isinstance(data, Unreadable):
                break
            found[address] = None
            address = Record(reader.layout, arena, address, data)["next"]
    return np.array(list(found), np.uint64), arena.size
