"""mheap and its arenas: the map from pages to spans (runtime/mheap.go)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime import bits
from gdb_gospan.runtime.columns import distinct
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record


@attrs.frozen(eq=False)
class Arenas:
    """The heapArenas that exist, one row each.

    Attributes
    ----------
    index
        uint64 (n,): arenaIdx, the position in the arena map.
    metadata
        uint64 (n,): address of the heapArena struct; 0 where the map could not be read.
    base
        uint64 (n,): first heap address of the arena.
    nbytes
        Bytes of heap that one arena covers (heapArenaBytes; 64 MiB on 64-bit Linux).
    """

    index: U64
    metadata: U64
    base: U64
    nbytes: int

    def __len__(self) -> int:
        return len(self.index)

    def of(self, addresses: U64) -> I64:
        """Row of the arena that covers each heap address, -1 for none."""
        if not len(self):
            return np.full(len(addresses), -1, np.int64)
        rows = np.searchsorted(self.base, addresses, side="right") - 1
        inside = (rows >= 0) & (addresses - self.base[np.maximum(rows, 0)] < np.uint64(self.nbytes))
        return np.where(inside, rows, -1).astype(np.int64)


def read_arenas(reader: Reader, mheap: Record, spans: Spans) -> Arenas:
    """Read the list of arenas and where their metadata lies.

    The arena map itself is 32 MiB of mostly nothing on 64-bit Linux, so only
    the entries that heapArenas lists are read. The arenas that hold user arenas have
    a list of their own since Go 1.25; before they are in none (arena.go calls
    sysAlloc without registering them), but the chunks in them are spans.
    """
    layout = reader.layout
    level1, level2 = mheap.struct["arenas"], mheap.struct["arenas[].*"]
    if level2.count is None or level1.count is None:
        raise MemoryReadError("runtime.mheap_.arenas is not an array of arrays (try: go-spans layout)")
    pages = layout["heapArena"]["spans"].count or 0
    nbytes = pages * layout.platform.page_size
    chunks = spans.start[spans.user_arena] - np.uint64(layout.platform.arena_base_offset)
    indices = [
        _index_list(reader, mheap, name) for name in ("heapArenas", "userArenaArenas") if name in mheap
    ]
    index = distinct(np.concatenate([*indices, chunks // np.uint64(nbytes)])).astype(np.uint64)
    index = index[index < np.uint64(level1.count * level2.count)]
    tables = mheap.array("arenas")
    table = tables[(index // np.uint64(level2.count)).astype(np.int64)]
    entry = table + (index % np.uint64(level2.count)) * np.uint64(level2.stride)
    metadata, known = reader.pointers(entry)
    base = index * np.uint64(nbytes) + np.uint64(layout.platform.arena_base_offset)
    order = np.argsort(base, kind="stable")
    metadata = np.where(known & (table != 0), metadata, np.uint64(0))
    return Arenas(index[order], metadata[order], base[order], nbytes)


def _index_list(reader: Reader, mheap: Record, name: str) -> U64:
    """Read a ``[]arenaIdx`` (a slice of uint)."""
    where = mheap.slice(name)
    indices = reader.words(where.array, where.length)
    if isinstance(indices, Unreadable):
        raise MemoryReadError(f"cannot read runtime.mheap_.{name} at {where.array:#x}: {indices.reason}")
    return indices


@attrs.frozen(eq=False)
class SpanMap:
    """What the arenas say about each span's first and last page; rows match those of `Spans`.

    Attributes
    ----------
    agrees
        bool (n,): heapArena.spans names this span at both its first and its last page.
    page_in_use
        bool (n,): the bit of its first page in heapArena.pageInUse.
    inline_marks
        bool (n,): the span keeps its mark bits inside (Green Tea; pageUseSpanInlineMarkBits).
    known
        bool (n,): False where the arena's metadata could not be read; the others are then False too.
    pages_in_use
        Bits set in pageInUse over all arenas: the number of in-use spans, by the arenas.
    """

    agrees: Mask
    page_in_use: Mask
    inline_marks: Mask
    known: Mask
    pages_in_use: int


def read_span_map(reader: Reader, arenas: Arenas, spans: Spans) -> SpanMap:
    """Look each in-use or manual span up in its arena."""
    layout = reader.layout
    arena = layout["heapArena"]
    count = len(spans)
    agrees = np.zeros(count, np.bool_)
    page_in_use, inline, known = agrees.copy(), agrees.copy(), agrees.copy()
    if not len(arenas):  # a damaged list: a heap with spans has an arena
        return SpanMap(agrees, page_in_use, inline, known, 0)
    rows = np.flatnonzero(spans.in_use | spans.manual)
    first = spans.start[rows]
    last = first + (np.maximum(spans.nbytes[rows], 1) - 1).astype(np.uint64)
    at_first, seen_first = _span_at(reader, arenas, first)
    at_last, seen_last = _span_at(reader, arenas, last)
    owner = spans.addresses[rows]
    known[rows] = seen_first & seen_last
    agrees[rows] = known[rows] & (at_first == owner) & (at_last == owner)

    total = 0
    home = arenas.of(first)
    page = ((first - arenas.base[np.maximum(home, 0)]) // np.uint64(layout.platform.page_size)).astype(
        np.int64
    )
    bitmaps = {"pageInUse": page_in_use, "pageUseSpanInlineMarkBits": inline}
    # A loop over arenas (64 MiB of heap each), for two 1 KiB bitmaps.
    for row, metadata in enumerate(arenas.metadata.tolist()):
        here = home == row
        for name, column in bitmaps.items():
            if name not in arena:
                continue
            field = arena[name]
            data = reader.read(metadata + field.offset, (field.count or 0) * field.stride)
            if isinstance(data, Unreadable) or not metadata:
                known[rows[here]] = False
                continue
            set_bits = bits.unpack(data)
            column[rows[here]] = set_bits[page[here]]
            if name == "pageInUse":
                total += int(np.count_nonzero(set_bits))
    return SpanMap(agrees, page_in_use, inline, known, total)


def _span_at(reader: Reader, arenas: Arenas, addresses: U64) -> tuple[U64, Mask]:
    """Return heapArena.spans for the page of each address, and where that is known."""
    layout = reader.layout
    field = layout["heapArena"]["spans"]
    home = arenas.of(addresses)
    row = np.maximum(home, 0)
    if not len(arenas):
        return np.zeros(len(addresses), np.uint64), np.zeros(len(addresses), np.bool_)
    page = (addresses - arenas.base[row]) // np.uint64(layout.platform.page_size)
    entry = arenas.metadata[row] + np.uint64(field.offset) + page * np.uint64(field.stride)
    value, known = reader.pointers(np.where(home >= 0, entry, np.uint64(0)))
    return value, known & (home >= 0) & (arenas.metadata[row] != 0)


def span_at(reader: Reader, arenas: Arenas, address: int) -> int | None:
    """Descriptor that heapArena.spans names for the page of ``address``; None when not known or none.

    The entry stays after a span is freed (mheap.go never clears it), so the
    caller must check the span's state and bounds.
    """
    value, known = _span_at(reader, arenas, np.array([address], np.uint64))
    return int(value[0]) or None if known[0] else None
