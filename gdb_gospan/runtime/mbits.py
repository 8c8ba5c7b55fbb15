"""Tell new spans from old ones, by the arenas of their bitmaps (runtime/mheap.go, gcBitsArenas)."""

from __future__ import annotations

import numpy as np

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import Mask, Reader, Record

_MOST = 1 << 20
"""Arenas of 64 KiB that are followed."""


def new_spans(reader: Reader, symbols: Symbols, spans: Spans) -> Mask | None:
    """Which spans were allocated since the last GC cycle began: bool, a row for each span; None when not known.

    Bitmaps come from ``next`` until a cycle begins, which then makes a new one
    (nextMarkBitArenaEpoch). A span keeps its allocBits until it is swept, and gets
    those that were marked then: only in a span that no cycle has seen do they come
    from ``next``.
    """
    where = symbols.get("gcBitsArenas")
    if where is None:
        return None
    arenas = reader.record("gcBitsArenas", where)
    arena = reader.layout["gcBitsArena"]
    starts: list[int] = []
    address = arenas["next"]
    while address:
        data = reader.read(address, arena["next"].offset + arena["next"].size)
        if isinstance(data, Unreadable) or len(starts) >= _MOST:
            return None
        starts.append(address)
        address = Record(reader.layout, arena, address, data)["next"]
    if not starts:
        return np.zeros(len(spans), np.bool_)
    begin = np.sort(np.array(starts, np.uint64))
    bits = spans.records["allocBits"]
    row = np.maximum(np.searchsorted(begin, bits, side="right") - 1, 0)
    inside: Mask = (bits >= begin[row]) & (bits - begin[row] < np.uint64(arena.size))
    return inside & spans.in_use
