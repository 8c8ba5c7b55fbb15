"""mheap and its arenas: the map from pages to spans (runtime/mheap.go)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cached_property

import attrs
import numpy as np

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.layout.model import Layout
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.parallel import each_block
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime.columns import Ranges, rows_where
from gdb_gospan.runtime.losses import unread
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record


@attrs.frozen(eq=False, repr=False, slots=False)
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
    lost
        Entries of the list beyond the arena map: damage, without a row.
    entry
        uint64 (n,): where the map has the pointer to the struct.
    """

    index: U64
    metadata: U64
    base: U64
    nbytes: int
    lost: int = 0
    entry: U64 = attrs.field(factory=lambda: np.empty(0, np.uint64))

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def _ranges(self) -> Ranges:
        return Ranges(self.base, self.base + np.uint64(self.nbytes))

    def of(self, addresses: U64) -> I64:
        """Row of the arena that covers each heap address, -1 for none."""
        return self._ranges.of(addresses)

    def page_of(self, addresses: U64, home: I64, page_size: int) -> I64:
        """Return the page number of each address within its arena; meaningless where the arena is -1."""
        page = (addresses - self.base[home]) // np.uint64(page_size)
        number: I64 = np.minimum(page, np.uint64(self.nbytes // page_size - 1)).astype(np.int64)
        return number


def read_arenas(reader: Reader, mheap: Record, spans: Spans, ready_arena_chunks: I64) -> Arenas:
    """Read the list of arenas and the addresses of their metadata.

    The arena map itself is 32 MiB of mostly nothing on 64-bit Linux, so only
    the entries that heapArenas lists are read. The arenas that hold user arenas have
    a list of their own since Go 1.25; before they are in none (arena.go calls
    sysAlloc without registering them), but the chunks in them are spans.
    """
    layout = reader.layout
    level1, level2 = mheap.struct["arenas"], mheap.struct["arenas[].*"]
    if level2.count is None or level1.count is None:
        raise MemoryReadError("runtime.mheap_.arenas is not an array of arrays (try: go-spans layout)")
    nbytes = _arena_bytes(layout)
    rows = np.concatenate([np.flatnonzero(spans.user_arena), ready_arena_chunks])
    chunks = spans.start[rows] - np.uint64(layout.platform.arena_base_offset)
    index = distinct(np.concatenate([*_index_lists(reader, mheap), chunks // np.uint64(nbytes)])).astype(
        np.uint64
    )
    believed = index < np.uint64(level1.count * level2.count)
    lost, index = int(np.count_nonzero(~believed)), index[believed]
    tables = mheap.array("arenas")
    table = tables[(index // np.uint64(level2.count)).astype(np.int64)]
    entry = table + (index % np.uint64(level2.count)) * np.uint64(level2.stride)
    metadata, known = reader.pointers(entry)
    for row in np.flatnonzero(~known & (table != 0))[:1].tolist():
        level = int(index[row]) // level2.count
        reader.lead(
            f"runtime.mheap_.arenas[{level}]",
            mheap.address_of("arenas") + level * level1.stride,
            int(table[row]),
        )
    base = index * np.uint64(nbytes) + np.uint64(layout.platform.arena_base_offset)
    order = np.argsort(base, kind="stable")
    metadata = np.where(known & (table != 0), metadata, np.uint64(0))
    return Arenas(index[order], metadata[order], base[order], nbytes, lost, entry[order])


def listed_arenas(reader: Reader, mheap: Record) -> tuple[U64, U64]:
    """Return the arenas in the runtime's lists, without reading spans: starts, ascending, and sizes; uint64 (n,).

    Those of user arenas are not among them before Go 1.25.
    """
    layout = reader.layout
    nbytes = _arena_bytes(layout)
    index = distinct(np.concatenate(_index_lists(reader, mheap)))
    base = np.sort(index * np.uint64(nbytes) + np.uint64(layout.platform.arena_base_offset))
    return base, np.full(len(base), nbytes, np.uint64)


def _arena_bytes(layout: Layout) -> int:
    """Bytes of heap that one arena covers: heapArena.spans has an entry for each page."""
    return (layout["heapArena"]["spans"].count or 0) * layout.platform.page_size


def _index_lists(reader: Reader, mheap: Record) -> list[U64]:
    """Read the lists of arenas that this release has."""
    return [_index_list(reader, mheap, name) for name in ("heapArenas", "userArenaArenas") if name in mheap]


def _index_list(reader: Reader, mheap: Record, name: str) -> U64:
    """Read a ``[]arenaIdx`` (a slice of uint)."""
    where = mheap.slice(name)
    indices = reader.words(where.array, where.length)
    if isinstance(indices, Unreadable):
        raise unread(f"runtime.mheap_.{name}", mheap.address_of(name), where.array, indices.reason)
    return indices


@attrs.frozen(eq=False, repr=False)
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


_BITMAPS = ("pageInUse", "pageUseSpanInlineMarkBits")
_PIECE = 4096
"""Bytes of heapArena.spans that are fetched at once."""


def places_of_map(
    reader: Reader, arenas: Arenas, spans: Spans, ready_arena_chunks: I64
) -> Iterator[tuple[U64, int]]:
    """Yield the ranges that `read_span_map` reads, gaps included: addresses, and the bytes at each."""
    if not len(arenas):  # as in `read_span_map`
        return
    struct, page_size = reader.layout["heapArena"], reader.layout.platform.page_size
    there = arenas.metadata[arenas.metadata != 0]
    for name in _BITMAPS:
        if name in struct:
            yield there + np.uint64(struct[name].offset), (struct[name].count or 0) * struct[name].stride
    field = struct["spans"]
    pages = min(_PIECE // field.stride, field.count or 1)
    shift = np.uint64((pages * page_size).bit_length() - 1)
    numbers = [np.empty(0, np.uint64)]
    for rows in itertools.chain(rows_where(spans.in_use | spans.manual), [ready_arena_chunks]):
        first = spans.start[rows]
        last = first + (spans.bytes_of(rows) - 1).astype(np.uint64)
        numbers += [distinct(first >> shift), distinct(last >> shift)]
    base = distinct(np.concatenate(numbers)) << shift
    home = arenas.of(base)
    known = (home >= 0) & (arenas.metadata[home] != 0)
    page = arenas.page_of(base, home, page_size).astype(np.uint64)
    entry = arenas.metadata[home] + np.uint64(field.offset) + page * np.uint64(field.stride)
    yield entry[known], pages * field.stride


def read_span_map(reader: Reader, arenas: Arenas, spans: Spans, ready_arena_chunks: I64) -> SpanMap:
    """Look each in-use or manual span, and each user arena chunk ready for reuse, up in its arena."""
    count = len(spans)
    agrees = np.zeros(count, np.bool_)
    page_in_use, inline, known = agrees.copy(), agrees.copy(), agrees.copy()
    if not len(arenas):  # a damaged list: a heap with spans has an arena
        return SpanMap(agrees, page_in_use, inline, known, 0)
    columns = dict(zip(_BITMAPS, (page_in_use, inline), strict=True))
    bitmaps = {name: _bitmaps(reader, arenas, name) for name in columns if name in reader.layout["heapArena"]}
    read = np.logical_and.reduce([known for _, known in bitmaps.values()])
    live = np.concatenate([np.flatnonzero(spans.in_use | spans.manual), ready_arena_chunks])

    def work(block: slice) -> None:
        rows = live[block]
        first, owner = spans.start[rows], spans.addresses[rows]
        home = arenas.of(first)
        at_first, seen = _span_at(reader, arenas, home, first)
        agree = at_first == owner
        longer = np.flatnonzero(spans.records["npages"][rows] > 1)
        last = first[longer] + (spans.bytes_of(rows[longer]) - 1).astype(np.uint64)
        at_last, seen_last = _span_at(reader, arenas, arenas.of(last), last)
        agree[longer] &= at_last == owner[longer]
        seen[longer] &= seen_last
        agrees[rows] = seen & agree
        known[rows] = seen & ((home < 0) | read[home])
        page = arenas.page_of(first, home, reader.layout.platform.page_size)
        for name, (table, _) in bitmaps.items():
            columns[name][rows] = table.ravel()[home * table.shape[1] + page] & (home >= 0)

    each_block(len(live), work, memory=reader.memory)
    total = int(np.count_nonzero(bitmaps["pageInUse"][0]))
    return SpanMap(agrees, page_in_use, inline, known, total)


def _bitmaps(reader: Reader, arenas: Arenas, name: str) -> tuple[Mask, Mask]:
    """Read a bitmap with a bit for each page from every arena: bool (arenas, pages), and bool (arenas,) which are known.

    The metadata of an arena may be lost, or being allocated: the list names an arena first (malloc.go, sysAlloc).
    """
    field = reader.layout["heapArena"][name]
    nbytes = (field.count or 0) * field.stride
    table = np.zeros((len(arenas), nbytes * 8), np.bool_)
    known: Mask = arenas.metadata != 0
    read = reader.read_many(arenas.metadata[known] + np.uint64(field.offset), nbytes)
    for row in np.flatnonzero(known)[~read.readable][:1].tolist():
        reader.lead(
            "a *heapArena of runtime.mheap_.arenas", int(arenas.entry[row]), int(arenas.metadata[row])
        )
    table[known] = np.unpackbits(read.data, axis=1, bitorder="little").view(np.bool_)
    known[known] = read.readable
    return table, known


def _span_at(reader: Reader, arenas: Arenas, home: I64, addresses: U64) -> tuple[U64, Mask]:
    """Return heapArena.spans for the page of each address in the arena ``home``, and where that is known."""
    layout = reader.layout
    field = layout["heapArena"]["spans"]
    page = arenas.page_of(addresses, home, layout.platform.page_size).astype(np.uint64)
    entry = arenas.metadata[home] + np.uint64(field.offset) + page * np.uint64(field.stride)
    value, known = np.zeros(len(home), np.uint64), home < 0
    there = (home >= 0) & (arenas.metadata[home] != 0)
    value[there], known[there] = reader.pointers(entry[there])
    return value, known
