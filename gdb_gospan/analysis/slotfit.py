"""Whether an object of some type can be what is in a slot: by the slot's size, and by which of its words are pointers.

A slot has the least size class that its object fits in (runtime/msize.go), and the bits for its pointers are those of the
type, repeated (runtime/mbitmap.go).
"""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.typebook import CHANNEL, CLOSURE, EXTRA, MAP, OVERFLOW, TABLE, TEXT, VALUE, TypeBook
from gdb_gospan.analysis.typescan import WORDS, Edges, header_bytes, weights
from gdb_gospan.memory.segments import among, distinct
from gdb_gospan.runtime import sizeclasses
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, U64, Mask

_SINGLE = (VALUE, MAP, TABLE, EXTRA, OVERFLOW)
_ANY = (CLOSURE, CHANNEL, TEXT)
_TINY = 16
"""maxTinySize (malloc.go)."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
_OTHER = np.uint64(0xD6E8FEB86659FD93)
_MOST_COUNTS = 1 << 13


class Fit:
    """Compares types with slots.

    Attributes
    ----------
    group
        int64, a row for each span of `Slots`: which spans are alike.
    room, least
        int64, a row for each group: bytes that an object can have in a slot; an object has more than `least`.
    noscan, tiny, headers
        bool, a row for each group: its objects have no pointers; they may be several small values; each knows its type.
    """

    def __init__(self, heap: Heap, found: Edges, book: TypeBook) -> None:
        self._slots, self._book, self._pattern = slots(heap), book, found.pattern
        self._width = heap.layout.platform.pointer_size
        groups = list(self._slots.groups())
        first = np.array([each.begin for each in groups], np.int64)
        self.group: I64 = np.searchsorted(first, np.arange(len(self._slots.rows)), side="right") - 1
        spanclass, elemsize = (column[first] for column in (self._slots.spanclass, self._slots.elemsize))
        before = header_bytes(heap)[first]
        sizes = sizeclasses.sizes()
        below = sizes[np.maximum((spanclass >> 1) - 1, 0)]
        large = spanclass <= 1
        self.room = elemsize - before
        self.least = np.where(large, elemsize - (1 << self._slots.pages.shift), below) - before
        self.noscan = spanclass & 1 == 1
        self.tiny = self.noscan & (elemsize == _TINY)
        self.least[self.tiny] = 0
        typed = "largeType" in heap.spans.records and "bitmap" not in heap.layout["heapArena"]
        self.headers = (before > 0) | (large & ~self.noscan & typed)
        self._pairs = np.empty(0, np.int64)
        self._accepted = np.empty(0, np.uint64)

    def groups_of(self, some: I64) -> I64:
        """Return the group of each of these slots."""
        return self.group[self._slots.spans_of(some)]

    def fits(self, some: I64, groups: I64, numbers: I64) -> Mask:
        """Whether each of these slots, of these groups, can hold an object of the type with this number."""
        pairs = numbers * len(self.room) + groups
        new = pairs[~among(pairs, self._pairs)]
        if len(new):
            self._learn(distinct(new))
        return among(_mixed(pairs, self._pattern[some]), self._accepted)

    def ranges(self, number: int) -> list[tuple[int, int]]:
        """Return the ranges of slots whose size fits an object with pointers of this type: first, and the end."""
        size = self._book.types[number].size
        some = np.flatnonzero(~self.noscan & ~self.headers & (self.least < size) & (size <= self.room))
        begins = np.searchsorted(self.group, some)
        ends = np.searchsorted(self.group, some, side="right")
        first = self._slots.first
        return list(zip(first[begins].tolist(), first[ends].tolist(), strict=True))

    def _learn(self, pairs: I64) -> None:
        numbers, groups = np.divmod(pairs, len(self.room))
        found = [self._accepted]
        for pair, number, group in zip(pairs, numbers.tolist(), groups.tolist(), strict=True):
            patterns = self._patterns(number, group)
            found.append(_mixed(np.full(len(patterns), pair), patterns))
        self._accepted = distinct(np.concatenate(found))
        self._pairs = np.sort(np.concatenate([self._pairs, pairs]))

    def _patterns(self, number: int, group: int) -> U64:
        """Return the patterns of the slots of a group that hold an object of this type."""
        nothing, what = np.empty(0, np.uint64), self._book.types[number]
        size, room, least = what.size, int(self.room[group]), int(self.least[group])
        if what.form in _ANY or not size or self.headers[group]:
            return nothing
        pointers = self._book.pointers(number)
        low, high = max(least // size + 1, 1), room // size
        if what.form in _SINGLE:
            low, high = max(low, 1), min(high, 1)
        if low > high or bool(pointers.any()) == bool(self.noscan[group]):
            return nothing
        if self.noscan[group]:
            return np.zeros(1, np.uint64)
        each = size // self._width
        if len(pointers) != each or size % self._width:
            return nothing
        counts = np.arange(low, min(high, low + _MOST_COUNTS) + 1)
        values = weights(0, high * each) if room // self._width > WORDS else _bits(high * each)
        sums = np.cumsum(np.where(np.tile(pointers, high), values, np.uint64(0)), dtype=np.uint64)
        found: U64 = sums[counts[counts <= high] * each - 1]
        return found


def _bits(count: int) -> U64:
    found: U64 = np.uint64(1) << np.arange(count, dtype=np.uint64)
    return found


def _mixed(pairs: I64, patterns: U64) -> U64:
    """Make one number of a pair and a pattern: that two of them are the same by chance is one in 2^64."""
    found = (pairs.view(np.uint64) + np.uint64(1)) * _MIX
    found = (found ^ (found >> np.uint64(29))) + patterns * _OTHER
    found ^= found >> np.uint64(32)
    mixed: U64 = found * _MIX
    return mixed
