"""The central lists: for each span class, spans with and without free slots (runtime/mcentral.go, mspanset.go)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.runtime.columns import grouped
from gdb_gospan.runtime.mspan import BEING_SWEPT, NEEDS_SWEEP, SWEPT, Spans
from gdb_gospan.runtime.record import I64, U64, Mask, Reader, Record

SETS = ("partial", "full")
SWEPT_SET, UNSWEPT_SET = 0, 1


@attrs.frozen(eq=False)
class Central:
    """Every entry of every spanSet, one row each.

    Attributes
    ----------
    descriptor
        uint64 (n,): the span descriptor that the entry points to.
    row
        int64 (n,): its row in `Spans`; -1 when it is not in allspans.
    spanclass
        int64 (n,): of the mcentral, not of the span.
    full
        bool (n,): from ``full``; otherwise from ``partial``.
    unswept
        bool (n,): from the set that waits to be swept.
    holes
        Entries that a push had claimed and not filled yet.
    unreadable
        Entries that could not be read.
    """

    descriptor: U64
    row: I64
    spanclass: I64
    full: Mask
    unswept: Mask
    holes: int
    unreadable: int

    def valid(self, spans: Spans) -> Mask:
        """Entries that mean something now.

        An unswept set keeps pointers to spans that were swept, freed or even
        reused for another class since: the page reclaimer and proportional sweep
        take spans without removing them (mcentral.go). Such an entry is stale.
        """
        row = np.maximum(self.row, 0)
        if not len(spans):
            return np.zeros(len(row), np.bool_)
        alike = (self.row >= 0) & spans.in_use[row] & (spans.records["spanclass"][row] == self.spanclass)
        delta = spans.delta[row]
        valid: Mask = alike & np.where(
            self.unswept, np.isin(delta, (NEEDS_SWEEP, BEING_SWEPT)), delta == SWEPT
        )
        return valid


def read_central(reader: Reader, mheap: Record, spans: Spans) -> Central:
    """Read all 136 mcentrals with four spanSets each, in three bulk reads."""
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

    owner = np.repeat(np.arange(len(heads)), length)
    position = head[owner] + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    # One read for each distinct block of a set, then one for each entry's word inside.
    keys, entry_block = grouped((owner << 40) | (position // per_block))
    set_of, block = keys >> 40, keys & ((1 << 40) - 1)
    width = layout.platform.pointer_size
    # A push claims its index first and makes room in the spine after (mspanset.go, push): what lies beyond
    # the spine, or in a block that is not there yet, is a hole and not damage.
    grown = block < sets["spineLen"][set_of]
    spine = sets["spine"][set_of] + block.astype(np.uint64) * np.uint64(width)
    blocks = np.zeros(len(grown), np.uint64)
    readable = np.ones(len(grown), np.bool_)
    blocks[grown], readable[grown] = reader.pointers(spine[grown])
    there = np.flatnonzero(blocks)
    words = reader.read_many(blocks[there] + np.uint64(spans_field.offset), per_block * spans_field.stride)
    table = np.zeros((len(grown), per_block), np.uint64)
    table[there] = np.ascontiguousarray(words.data).view(reader.word_type)
    readable[there] = words.readable
    entry_known = readable[entry_block]
    descriptor = table[entry_block, position % per_block]
    keep = entry_known & (descriptor != 0)
    kept = owner[keep]
    return Central(
        descriptor=descriptor[keep],
        row=spans.rows_of(descriptor[keep]),
        spanclass=set_class[kept],
        full=set_full[kept],
        unswept=set_unswept[kept],
        holes=int(np.count_nonzero(entry_known & (descriptor == 0))),
        unreadable=int(np.count_nonzero(~entry_known)),
    )
