"""Free slots that objects keep in their spans: each span's, shared equally among its objects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

_AT_ONCE = 1 << 20


def stranded(heap: Heap) -> npt.NDArray[np.int32]:
    """Return the bytes of free slots that each object keeps from other uses: int32, a row for each slot; once.

    What does not divide by the objects of a span goes to the first of them, a byte each, so that all of a span's add up to
    the bytes of its free slots. A span without objects, which a P still has, keeps nothing: its slots are nobody's.
    """
    return heap.trail.part("stranded", lambda: _stranded(heap))


def _stranded(heap: Heap) -> npt.NDArray[np.int32]:
    numbered, taken = slots(heap), slot_states(heap).taken
    found = np.zeros(len(numbered), np.int32)
    for group in numbered.groups():
        for block in blocks(group.end - group.begin, max(_AT_ONCE // group.nelems, 1)):
            begin = group.first + block.start * group.nelems
            place = slice(begin, begin + (block.stop - block.start) * group.nelems)
            held = taken[place].reshape(-1, group.nelems)
            number = np.cumsum(held, axis=1, dtype=np.int32)
            objects = number[:, -1].astype(np.int64)
            free = (group.nelems - objects) * group.elemsize
            each, more = np.divmod(free, np.maximum(objects, 1))
            share = each[:, np.newaxis] + (number <= more[:, np.newaxis])
            found[place] = np.where(held, share, 0).reshape(-1)
    return found


def unstranded_bytes(heap: Heap) -> I64:
    """Return the bytes of free slots of each span without objects, 0 of all others; a row for each span of `Slots`."""
    numbered, states = slots(heap), slot_states(heap)
    held = (
        np.add.reduceat(states.taken, numbered.first[:-1], dtype=np.int64)
        if len(numbered)
        else numbered.nelems
    )
    nobody = states.known & (held == 0)
    return np.where(nobody, numbered.nelems * numbered.elemsize, 0)
