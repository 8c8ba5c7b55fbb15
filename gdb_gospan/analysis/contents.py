"""Where the contents are that reports of objects read: of a process they are copied before it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.roots import places_of_roots
from gdb_gospan.memory.gather import GAP
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.segments import I64, U64, joined, within
from gdb_gospan.runtime.everything import types_of_objects
from gdb_gospan.runtime.gcmask import GCMasks
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mbitmap import places_of_bits
from gdb_gospan.runtime.symtab import modules

_MOST_TYPES: Final = 1 << 30
"""Bytes of the types of a module at most; more is damage."""
_ANY: Final = 1 << 62
"""Bytes of a slot that no type is too large for."""


@attrs.frozen(eq=False, repr=False)
class Contents:
    """Ranges of memory, sorted and apart.

    Attributes
    ----------
    start, size
        uint64 (n,), in bytes.
    scan_bytes
        Bytes of the spans whose objects have pointers.
    """

    start: U64
    size: U64
    scan_bytes: int


def contents(heap: Heap, threads: Sequence[Thread], lasting: tuple[U64, U64]) -> Contents:
    """Find the objects with pointers, the bits that say which words these are, the roots, and the types of modules.

    What leads there is read, and is not among it: descriptors of spans, goroutines, specials, lists of queues.

    Parameters
    ----------
    threads
        Of the process, with their registers; those that are not known have no roots.
    lasting
        Ranges that are known already and never change: types in these are not found again.
    """
    rows = _scanned(heap)
    start, size = heap.spans.start[rows], heap.spans.bytes_of(rows).view(np.uint64)
    where, each = places_of_bits(heap.reader, heap.arenas, _pages(heap, start, size))
    places = [(start, size), (where, np.full(len(where), each, np.uint64))]
    places += places_of_roots(heap, threads)
    places += _types_of_modules(heap, lasting)
    starts, sizes = (np.concatenate(column) for column in zip(*places, strict=True))
    return Contents(*joined(starts, sizes, gap=GAP), int(size.sum()))


def _scanned(heap: Heap) -> I64:
    """Return the rows of the spans whose objects have pointers, as far as the arenas can hold them as a whole."""
    spans, arenas = heap.spans, heap.arenas
    counted = np.flatnonzero(spans.counted)
    rows: I64 = counted[spans.records.at("spanclass", counted) & 1 == 0]
    low, size = joined(arenas.base, np.full(len(arenas), arenas.nbytes, np.uint64))
    begin, nbytes = spans.start[rows], spans.bytes_of(rows).view(np.uint64)
    if not len(low):
        return rows[:0]
    at = np.maximum(np.searchsorted(low, begin, side="right") - 1, 0)
    offset = begin - low[at]
    inside = (begin >= low[at]) & (offset < size[at]) & (nbytes > 0) & (nbytes <= size[at] - offset)
    found: I64 = rows[inside]
    return found


def _pages(heap: Heap, start: U64, size: U64) -> U64:
    """Return the address of every page of these spans."""
    step = heap.layout.platform.page_size
    count = (size // np.uint64(step)).astype(np.int64)
    row = np.repeat(np.arange(len(start)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    found: U64 = start[row] + (within * step).view(np.uint64)
    return found


def read_masks(heap: Heap) -> None:
    """Read the masks of the types that objects have, and discard them, so that a copy has what `graph` reads.

    Most are constants of the program or objects themselves; some are made at their first use, of memory of the runtime's own.
    """
    types = types_of_objects(heap, _scanned(heap))
    GCMasks(heap.reader).numbers(np.array(types, np.uint64), _ANY)


def _types_of_modules(heap: Heap, lasting: tuple[U64, U64]) -> list[tuple[U64, U64]]:
    """Return where the descriptors of the modules' types are, where these can be written: a position-independent program's."""
    found = []
    for module in modules(heap.reader, heap.symbols)[0]:
        low, high = module["types"], module["etypes"]
        place = np.array([low], np.uint64), np.array([max(high - low, 0)], np.uint64)
        # Its end may be on a page that can be written, behind pages that cannot.
        if 0 < high - low < _MOST_TYPES and not within(*lasting, place[0], high - low)[0]:
            found.append(place)
    return found
