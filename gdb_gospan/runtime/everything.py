"""Read everything that any report can need, for a copy that must answer all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from typing import Final

import numpy as np

from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.prefetched import PAGE, SHIFT, Places, PrefetchedMemory, pages_of
from gdb_gospan.memory.recorder import RecorderOfCopy
from gdb_gospan.memory.segments import distinct, overlaps
from gdb_gospan.runtime import bits, mspan
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mheap import listed_arenas
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.ownranges import own_ranges
from gdb_gospan.runtime.parts import part
from gdb_gospan.runtime.record import I64, U64, Mask, Reader
from gdb_gospan.runtime.special import read_every_special

_PLACED: Final = frozenset(
    {"central", "allocated", "unswept_marks", "unswept_bitmaps", "cached", "page_kinds", "mem_stats"}
)
"""Parts that read only where `Heap.places` or the marks are, or do not read at all."""


_MOST_SPECIALS: Final = 1024
"""Specials of a span that are looked for in a running process; the pages of the others are mostly copied anyway."""


def note_everything(heap: Heap, footprint: Footprint) -> None:
    """Note where `capture_everything` reads; where there is much of it, without reading it."""
    for name, value in vars(Heap).items():
        if isinstance(value, part) and name not in _PLACED:
            getattr(heap, name)
    own_ranges(heap)
    reader, spans = heap.reader, heap.spans
    rows: I64 = np.flatnonzero(spans.in_use)
    bases = heap.arenas.base, np.full(len(heap.arenas), heap.arenas.nbytes, np.uint64)
    for places in _outside(bases, _many(heap, rows)):
        footprint.note(*places)
    inline = rows[heap.span_map.inline_marks[rows]]
    if len(inline):
        footprint.note(*mspan.inline_marks_at(reader, spans, inline))
    footprint.note(*_pinned(spans, rows))
    read_every_special(reader, spans.records["specials"][rows], _MOST_SPECIALS)
    for address in types_of_objects(heap, rows):
        heap.type_at(address)


def capture_everything(heap: Heap) -> None:
    """Read every part of the heap, and of every span in use its bitmaps, its specials and the types of its objects.

    Of the objects themselves only the malloc headers are read, pointers to types that the runtime has put there.
    What there is much of is fetched first, by whole pages outside of all arenas, and decoded from there.
    """
    reader = heap.reader
    if reader.memory.at_hand:  # else who reads keeps what there is, and need not have it twice
        where, _ = heap.descriptors
        arenas = listed_arenas(reader, heap.mheap)
        _fetch(reader, _outside(arenas, [(where, reader.layout["mspan"].size)]))
    rows: I64 = np.flatnonzero(heap.spans.in_use)
    bases = heap.arenas.base, np.full(len(heap.arenas), heap.arenas.nbytes, np.uint64)
    _fetch(reader, _outside(bases, _many(heap, rows)))
    for name, value in vars(Heap).items():
        if isinstance(value, part):
            getattr(heap, name)
    own_ranges(heap)
    spans = heap.spans
    _read_rest(reader, *_bitmaps(spans, rows, "allocBits"))
    inline = heap.span_map.inline_marks[rows]
    missing = inline.copy()
    if inline.any():
        marks, nbytes = mspan.inline_marks_at(reader, spans, rows[inline])
        copied = _copied(reader, marks, nbytes)
        missing[inline] = ~copied
        _read_rest(reader, marks[copied], _bitmaps(spans, rows[inline][copied], "gcmarkBits")[1])
    _read_rest(reader, *_bitmaps(spans, rows[~missing], "gcmarkBits"))
    _read_rest(reader, *_pinned(spans, rows))
    read_every_special(reader, spans.records["specials"][rows])
    # Of a copy, a type that the program has just begun to use was not copied.
    unseen = suppress(ReadAfterReleaseError) if isinstance(reader.memory, RecorderOfCopy) else nullcontext()
    for address in types_of_objects(heap, rows):
        with unseen:
            heap.type_at(address)


def _copied(reader: Reader, addresses: U64, size: int) -> Mask:
    """Which of these were copied, where the memory is a copy: not what is in spans that the program has just taken.

    No account rests on that: what the identities need of such spans they have read before.
    """
    memory = reader.memory
    there: Mask = np.ones(len(addresses), np.bool_)
    return memory.has(addresses, size) if isinstance(memory, RecorderOfCopy) else there


def _fetch(reader: Reader, places: Iterable[Places]) -> None:
    """Fetch these ranges as whole pages, unless the memory is already a copy."""
    if isinstance(reader.memory, RecorderOfCopy):
        reader.memory.note(places)
    else:
        reader.memory = PrefetchedMemory(reader.memory, places)


def _read_rest(reader: Reader, addresses: U64, size: I64) -> None:
    """Read what is at these addresses, as far as it does not lie in pages that were fetched or noted as a whole."""
    memory = reader.memory
    for each in np.flatnonzero(np.bincount(size)).tolist():
        some = addresses[size == each]
        if isinstance(memory, RecorderOfCopy):
            some = some[~memory.noted(some, each)]
        elif isinstance(memory, PrefetchedMemory):
            some = some[~memory.has(some, each)]
        if len(some):
            reader.read_many(some, each)


def _many(heap: Heap, rows: I64) -> Iterator[Places]:
    """Yield where it is that there is something for each span: addresses, and the bytes at each."""
    yield from heap.places()
    for name in ("allocBits", "gcmarkBits"):
        yield _bitmaps(heap.spans, rows, name)


def _bitmaps(spans: Spans, rows: I64, name: str) -> tuple[U64, I64]:
    """Return where the bitmaps of these spans are, and the bytes of each."""
    return spans.records.at(name, rows), bits.bytes_of(spans.records.at("nelems", rows))


def _pinned(spans: Spans, rows: I64) -> tuple[U64, I64]:
    """Return where the pinner bits of those spans are that have any, and the bytes of each; two bits for each slot."""
    if "pinnerBits" not in spans.records:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    pinned = spans.records.at("pinnerBits", rows)
    ends = spans.records.at("nelems", rows)[pinned != 0]
    return pinned[pinned != 0], bits.bytes_of(2 * ends)


def _outside(arenas: tuple[U64, U64], places: Iterable[Places]) -> Iterator[Places]:
    """Yield the pages of these ranges; not those of the program's own objects, where damage can have moved a range to."""
    for place in places:
        pages = distinct(pages_of(*place)) << np.uint64(SHIFT)
        yield pages[~overlaps(*arenas, pages, PAGE)], PAGE


def types_of_objects(heap: Heap, rows: I64) -> list[int]:
    """Return where the types of these spans' objects are described, as far as the runtime keeps them (since Go 1.22)."""
    spans = heap.spans
    if "largeType" not in spans.records:
        return []
    large = spans.records["largeType"][rows[spans.records.at("spanclass", rows) <= 1]]
    objects = _allocated(heap.reader, spans, rows[heap.has_headers(rows)])
    copied = _copied(heap.reader, objects, heap.layout.platform.pointer_size)
    headers, known = heap.reader.pointers(objects[copied])
    found: list[int] = distinct(np.concatenate([large, headers[known]])).tolist()
    return found


def _allocated(reader: Reader, spans: Spans, rows: I64) -> U64:
    """Return the address of every slot in use of these spans."""
    columns = spans.records
    ends = columns.at("nelems", rows)
    widths = bits.bytes_of(ends)
    found = [np.empty(0, np.uint64)]
    for width in np.flatnonzero(np.bincount(widths)).tolist():
        some = rows[widths == width]
        read = reader.read_many(columns["allocBits"][some], width)
        number = np.arange(8 * width)
        taken = bits.unpack(read.data).reshape(len(some), 8 * width) & read.readable[:, np.newaxis]
        taken |= number < columns.at("freeindex", some)[:, np.newaxis]
        taken &= number < columns.at("nelems", some)[:, np.newaxis]
        span, slot = np.nonzero(taken)
        found.append(spans.start[some[span]] + (slot * columns.at("elemsize", some)[span]).astype(np.uint64))
    return np.concatenate(found)
