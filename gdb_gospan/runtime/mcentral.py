"""The central lists: for each span class, spans with and without free slots (runtime/mcentral.go, mspanset.go)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.memory.parallel import BLOCK, each_block
from gdb_gospan.runtime.mspan import BEING_SWEPT, NEEDS_SWEEP, SWEPT, Spans
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record

SETS = ("partial", "full")
SWEPT_SET, UNSWEPT_SET = 0, 1


@attrs.frozen(eq=False, repr=False)
class Central:
    """Every entry of every spanSet, one row each.

    Attributes
    ----------
    row
        int32 (n,): row in `Spans` of the descriptor that the entry points to; -1 when it is not in allspans.
    spanclass
        int16 (n,): of the mcentral, not of the span.
    full
        bool (n,): from ``full``; otherwise from ``partial``.
    unswept
        bool (n,): from the set that waits to be swept.
    valid
        bool (n,): the entry means something now. An unswept set keeps pointers to spans
        that were swept, freed or even reused for another class since: the page
        reclaimer and proportional sweep take spans without removing them
        (mcentral.go). Such an entry is stale.
    holes
        Entries that a push had claimed and not filled yet.
    unreadable
        Entries that could not be read.
    """

    row: npt.NDArray[np.int32]
    spanclass: npt.NDArray[np.int16]
    full: Mask
    unswept: Mask
    valid: Mask
    holes: int
    unreadable: int


@attrs.frozen(eq=False, repr=False)
class SpanSets:
    """The blocks of every spanSet with entries, one row each; their contents are read later.

    Attributes
    ----------
    blocks
        uint64 (n,): address of each spanSetBlock; 0 where there is none yet.
    readable
        bool (n,): False where the spine could not be read.
    first, end
        int64 (n,): which entries of the block count.
    spanclass, full, unswept
        int16, bool, bool (n,): of the set that the block is of, as in `Central`.
    unread
        Entries of sets whose length cannot be true.
    """

    blocks: U64
    readable: Mask
    first: I64
    end: I64
    spanclass: npt.NDArray[np.int16]
    full: Mask
    unswept: Mask
    unread: int

    def places(self, reader: Reader) -> tuple[U64, int]:
        """Return the addresses of the entries: uint64 (m,), and the bytes at each."""
        spans = reader.layout["spanSetBlock"]["spans"]
        return self.blocks[self.blocks != 0] + np.uint64(spans.offset), (spans.count or 1) * spans.stride


def read_sets(reader: Reader, mheap: Record, spans: Spans) -> SpanSets:
    """Read all 136 mcentrals with four spanSets each, and the spines of those, in two bulk reads."""
    layout = reader.layout
    mcentral, span_set = layout["mcentral"], layout["spanSet"]
    array = mheap.struct["central"]
    home = mheap.struct["central[].mcentral"].offset
    classes = array.count or 0
    # partial[2] and full[2]: the one at (sweepgen/2)%2 holds swept spans (mcentral.go, partialSwept).
    swept_half = mheap["sweepgen"] // 2 % 2
    heads = [
        (mheap.address + array.offset + spanclass * array.stride + home + mcentral[name].offset + half * span_set.size,
         spanclass, name, half)
        for spanclass in range(classes) for name in SETS for half in (0, 1)
    ]  # fmt: skip
    where = np.array([head[0] for head in heads], np.uint64)
    sets = reader.records("spanSet", where)
    set_class = np.array([head[1] for head in heads], np.int64)
    set_full = np.array([head[2] == "full" for head in heads], np.bool_)
    set_unswept = np.array([head[3] != swept_half for head in heads], np.bool_)

    # index is a packed pair: the head in the high half, the tail in the low (mspanset.go, headTailIndex).
    index = sets["index"]
    head = (index >> np.uint64(32)).astype(np.int64)
    tail = (index & np.uint64(0xFFFF_FFFF)).astype(np.int64)
    spans_field = layout["spanSetBlock"]["spans"]
    per_block = spans_field.count or 1
    # No set can hold more entries than there are descriptors several times over: beyond that it is damage.
    length = np.where(sets.readable, np.clip(tail - head, 0, 4 * len(spans) + per_block), 0)

    # Nor can all of them together hold much more: of sets that claim so, the largest are taken for damaged.
    order = np.argsort(length, kind="stable")
    too_much = order[np.cumsum(length[order]) > 4 * len(spans) + len(heads) * per_block]
    unread, length[too_much] = int(length[too_much].sum()), 0

    # A row for each block that has entries of a set: they are ``first`` to ``end`` in it.
    first_block = head // per_block
    count = np.where(length > 0, (head + length - 1) // per_block - first_block + 1, 0)
    set_of = np.repeat(np.arange(len(heads)), count)
    number = first_block[set_of] + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    first = np.maximum(head[set_of] - number * per_block, 0)
    end = np.minimum((head + length)[set_of] - number * per_block, per_block)
    # A push claims its index first and makes room in the spine after (mspanset.go, push): what lies beyond
    # the spine, or in a block that is not there yet, is a hole and not damage.
    grown = number < sets["spineLen"][set_of]
    spine = sets["spine"][set_of] + number.astype(np.uint64) * np.uint64(layout.platform.pointer_size)
    where = np.zeros(len(grown), np.uint64)
    readable = np.ones(len(grown), np.bool_)
    where[grown], readable[grown] = reader.pointers(spine[grown])
    return SpanSets(
        where,
        readable,
        first,
        end,
        set_class[set_of].astype(np.int16),
        set_full[set_of],
        set_unswept[set_of],
        unread,
    )


def read_central(reader: Reader, sets: SpanSets, spans: Spans) -> Central:
    """Read the contents of the sets, in one bulk read."""
    spans_field = reader.layout["spanSetBlock"]["spans"]
    per_block = spans_field.count or 1
    where, readable, first, end = sets.blocks, sets.readable.copy(), sets.first, sets.end
    # A row for each entry; what is no entry after all is dropped in the end.
    offset = np.append(0, np.cumsum(end - first))
    row, spanclass = np.empty(offset[-1], np.int32), np.empty(offset[-1], np.int16)
    full, unswept, valid, entry = (np.zeros(offset[-1], np.bool_) for _ in range(4))
    holes: list[int] = []

    def work(some: slice) -> None:
        table = np.zeros((len(where[some]), per_block), np.uint64)
        there = np.flatnonzero(where[some])
        words = reader.read_many(
            where[some][there] + np.uint64(spans_field.offset), per_block * spans_field.stride
        )
        table[there] = np.ascontiguousarray(words.data).view(reader.word_type)
        readable[some][there] = words.readable
        position = np.arange(per_block)
        inside = (position >= first[some, None]) & (position < end[some, None])
        descriptor = table[inside]
        own = slice(offset[some.start], offset[some.stop])
        count = (end - first)[some]
        known = np.repeat(readable[some], count)
        entry[own] = known & (descriptor != 0)
        holes.append(int(np.count_nonzero(known & (descriptor == 0))))
        row[own] = spans.rows_of(descriptor)
        for column, of_block in ((spanclass, sets.spanclass), (full, sets.full), (unswept, sets.unswept)):
            column[own] = np.repeat(of_block[some], count)
        valid[own] = _valid(spans, row[own], spanclass[own], unswept[own])

    each_block(len(where), work, max(BLOCK // per_block, 1), memory=reader.memory)
    if not entry.all():
        row, spanclass, full, unswept, valid = (
            column[entry] for column in (row, spanclass, full, unswept, valid)
        )
    return Central(
        row,
        spanclass,
        full,
        unswept,
        valid,
        sum(holes),
        sets.unread + len(entry) - int(np.count_nonzero(entry)) - sum(holes),
    )


def _valid(spans: Spans, row: npt.NDArray[np.int32], spanclass: npt.NDArray[np.int16], unswept: Mask) -> Mask:
    """Say which entries mean something now."""
    valid = row >= 0
    known = row[valid]
    delta = spans.delta[known]
    alike = spans.in_use[known] & (spans.records.at("spanclass", known) == spanclass[valid])
    waiting = (delta == NEEDS_SWEEP) | (delta == BEING_SWEPT)
    valid[valid] = alike & np.where(unswept[valid], waiting, delta == SWEPT)
    return valid
