"""Which slots have an object, and which of these survived the last cycle (runtime/mbitmap.go, isFree; mgcsweep.go, sweep)."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.slots import Alike, Slots, slots
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.segments import among
from gdb_gospan.runtime import bits
from gdb_gospan.runtime.bitmaps import Bitmaps
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask


@attrs.frozen(eq=False, repr=False)
class SlotStates:
    """What each slot holds; bool, a row for each slot.

    Attributes
    ----------
    taken
        The runtime counts it as an object: of a span that is not swept yet its garbage, too.
    survived
        The last cycle found it alive, or it was allocated while that cycle marked.
    dead
        The last cycle found it dead, and its span is not swept yet.
    known
        bool, a row for each span of `Slots`: its bitmaps could be read; without them no slot of it is anything.
    """

    taken: Mask
    survived: Mask
    dead: Mask
    known: Mask

    @property
    def alive(self) -> Mask:
        """Slots that a pointer may lead to: objects that are not known to be garbage."""
        found: Mask = self.taken & ~self.dead
        return found


def slot_states(heap: Heap) -> SlotStates:
    """Read the bitmaps of all spans in use, once."""
    return heap.trail.part("slot states", lambda: _slot_states(heap))


def _slot_states(heap: Heap) -> SlotStates:
    numbered, count = slots(heap), len(slots(heap))
    taken, survived, dead = (np.zeros(count, np.bool_) for _ in range(3))
    found = SlotStates(taken, survived, dead, known=np.zeros(len(numbered.rows), np.bool_))
    unswept = heap.spans.unswept[numbered.rows]
    freeindex = heap.spans.records.at("freeindex", numbered.rows)
    for group in numbered.groups():
        for block in blocks(group.end - group.begin, max((1 << 20) // group.nelems, 1)):
            _fill(heap, numbered, found, group, group.begin + np.arange(block.start, block.stop), freeindex)
    _judge_unswept(heap, numbered, found, np.flatnonzero(unswept))
    return found


def _fill(heap: Heap, numbered: Slots, found: SlotStates, group: Alike, some: I64, freeindex: I64) -> None:
    """Enter what allocBits and freeindex say of spans that are alike, side by side."""
    addresses = heap.spans.records["allocBits"][numbered.rows[some]]
    width = int(bits.bytes_of(np.array([group.nelems]))[0])
    read = heap.reader.read_many(addresses, width)
    marked = np.unpackbits(read.data, axis=1, count=group.nelems, bitorder="little").view(np.bool_)
    below = np.arange(group.nelems) < freeindex[some][:, np.newaxis]
    readable = read.readable[:, np.newaxis]
    place = slice(int(numbered.first[some[0]]), int(numbered.first[some[-1] + 1]))
    found.survived[place] = (marked & readable).reshape(-1)
    found.taken[place] = ((marked | below) & readable).reshape(-1)
    found.known[some] = read.readable


def _judge_unswept(heap: Heap, numbered: Slots, found: SlotStates, some: I64) -> None:
    """Take from the marks what survives of the spans that are not swept yet: the sweep will make them the allocBits."""
    if not len(some):
        return
    rows, marks = heap.unswept_marks.rows, heap.unswept_bitmaps
    there = among(numbered.rows[some], rows)
    found.known[some[~there]] = False
    some = some[there]
    at = np.searchsorted(rows, numbered.rows[some])
    known = marks.known[at] & found.known[some]
    found.known[some] = known
    _enter_marks(numbered, found, some, at, known, marks)


def _enter_marks(numbered: Slots, found: SlotStates, some: I64, at: I64, known: Mask, marks: Bitmaps) -> None:
    """Enter the marks of these spans, slot by slot; a block of spans at a time."""
    for block in blocks(len(some), 1 << 12):
        spans = some[block]
        counts = numbered.nelems[spans]
        number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        slot = np.repeat(numbered.first[spans], counts) + number
        sure = np.repeat(known[block], counts)
        marked = marks[np.repeat(at[block], counts), number] & sure
        found.taken[slot] &= sure
        found.survived[slot] = marked & found.taken[slot]
        found.dead[slot] = found.taken[slot] & ~marked
