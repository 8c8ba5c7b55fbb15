"""What the sampled objects that are alive keep: their own bytes, the free slots beside them, and their spans.

An object is alive here if it is allocated and not known to be dead, as of `SlotStates.alive`: what was allocated since the
last GC cycle is among them, garbage or not. Its bytes are those of its slot. Free slots are shared as `stranding` says, and a
span equally among the objects in it that are alive, so that the sums over all objects are those of the bitmaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import attrs
import numpy as np

from gdb_gospan.analysis.callsites import Allocator, Names, called, frames, gathered
from gdb_gospan.analysis.occupancy import SPAN_CLASSES
from gdb_gospan.analysis.sampling import F64, Moments, tells, weight
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import Slots, slots
from gdb_gospan.analysis.stranding import stranded, unstranded_bytes
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Column
from gdb_gospan.runtime.sampledobjects import SampledObjects

if TYPE_CHECKING:
    from gdb_gospan.layout.functions import Lines

ALIVE, STRANDED, SPANS, OBJECTS, NEW = range(5)
"""Columns of what an object keeps: bytes alive and stranded, spans, itself, and its bytes if no GC cycle has judged it."""
KEPT = 5


@attrs.frozen(eq=False, repr=False)
class Whole:
    """What all objects keep, by the bitmaps.

    Attributes
    ----------
    by_class
        int64 (256, 5): sums over the objects of each span class.
    empty_bytes
        Free slots in spans without objects, which nobody keeps.
    known
        Every span could be judged; if not, these are lower bounds.
    """

    by_class: I64
    empty_bytes: int
    known: bool


@attrs.frozen(eq=False, repr=False)
class AliveSamples:
    """The sampled objects that are alive.

    Attributes
    ----------
    slot
        int64 (n,): of `Slots`, ascending.
    spanclass
        int64 (n,): of its span.
    bucket
        int64 (n,): of `SampledObjects`.
    kept
        What each keeps, (n, 5); of a span class no more than it has.
    lost
        Sampled objects of which the stack, or whether they are alive, could not be read.
    """

    slot: I64
    spanclass: I64
    bucket: I64
    kept: Moments
    lost: int


def whole(heap: Heap) -> Whole:
    """Add up what all objects keep, once."""
    return heap.trail.part("all kept", lambda: _whole(heap))


def blame(heap: Heap) -> AliveSamples | None:
    """Find who allocated what is alive, once; None where it is not known which objects were sampled."""
    return heap.trail.part("blame", lambda: _blame(heap))


def _blame(heap: Heap) -> AliveSamples | None:
    found = heap.sampled_objects
    if found is None:
        return None
    numbered, states = slots(heap), slot_states(heap)
    which, span, slot = _placed(found, numbered, len(heap.spans))
    known = states.known[span] & (found.bucket[which] >= 0)
    some = np.flatnonzero(known & states.alive[slot])
    some = some[np.argsort(slot[some], kind="stable")]
    span, slot, bucket = span[some], slot[some], found.bucket[which[some]]
    weights = weight(np.ones(len(some), np.int64), found.size[bucket], found.rate)
    kept = Moments.of(weights[:, np.newaxis], _kept(heap, numbered, span, slot))
    spanclass = numbered.spanclass[span]
    return AliveSamples(
        slot=slot,
        spanclass=spanclass,
        bucket=bucket,
        kept=_no_more_than_there_is(kept, spanclass, whole(heap)),
        lost=len(found.row) - int(np.count_nonzero(known)),
    )


def _placed(found: SampledObjects, numbered: Slots, count: int) -> tuple[I64, I64, I64]:
    """Return which of the sampled objects have a slot, the span of each, and the slot."""
    position = np.full(count, -1, np.int64)
    position[numbered.rows] = np.arange(len(numbered.rows))
    which = np.flatnonzero(position[found.row] >= 0)
    span = position[found.row[which]]
    number = found.offset[which] // numbered.elemsize[span]
    inside = (number >= 0) & (number < numbered.nelems[span])
    return which[inside], span[inside], (numbered.first[span] + number)[inside]


def _no_more_than_there_is(kept: Moments, spanclass: I64, every: Whole) -> Moments:
    """Scale the estimates of a span class down to what it has, where they are more together.

    Without that a small object that has a span of its own and happens to be sampled would stand for thousands of spans.
    """
    if not every.known:
        return kept
    sums = np.zeros(every.by_class.shape)
    np.add.at(sums, spanclass, kept.total)
    factor = np.minimum(every.by_class / np.where(sums > 0, sums, 1), 1)
    return kept.scaled(np.where(sums > 0, factor, 1)[spanclass])


def _kept(heap: Heap, numbered: Slots, span: I64, slot: I64) -> F64:
    """Return what these objects keep: (n, 5)."""
    states, nbytes = slot_states(heap), numbered.elemsize[span]
    values = np.empty((len(slot), KEPT))
    values[:, ALIVE] = nbytes
    values[:, STRANDED] = stranded(heap)[slot]
    values[:, SPANS] = 1 / _by_span(states.alive, numbered)[span]
    values[:, OBJECTS] = 1
    values[:, NEW] = np.where(states.survived[slot], 0, nbytes)
    return values


def _whole(heap: Heap) -> Whole:
    numbered, states = slots(heap), slot_states(heap)
    alive, elemsize = states.alive, numbered.elemsize
    objects = _by_span(alive, numbered)
    sums = {
        ALIVE: objects * elemsize,
        STRANDED: _by_span(np.where(alive, stranded(heap), 0), numbered),
        SPANS: (objects > 0).astype(np.int64),
        OBJECTS: objects,
        NEW: _by_span(alive & ~states.survived, numbered) * elemsize,
    }
    by_class = np.zeros((SPAN_CLASSES, KEPT), np.int64)
    for column, values in sums.items():
        np.add.at(by_class[:, column], numbered.spanclass, values)
    known = bool(states.known.all()) and not len(numbered.left_out)
    return Whole(by_class, int(unstranded_bytes(heap).sum()), known)


def _by_span(values: Column, numbered: Slots) -> I64:
    if not len(numbered.rows):
        return np.empty(0, np.int64)
    found: I64 = np.add.reduceat(values, numbered.first[:-1], dtype=np.int64)
    return found


_NONE: Final = np.empty(0, np.int64)
NOBODY: Final = AliveSamples(
    slot=_NONE,
    spanclass=_NONE,
    bucket=_NONE,
    kept=Moments.of(np.empty((0, 1)), np.empty((0, KEPT))),
    lost=0,
)
"""No sampled object."""


def by_bucket(found: AliveSamples, count: int) -> tuple[I64, Moments, I64]:
    """Add up the objects of each bucket.

    Returns
    -------
    The buckets that have any, int64 (k,) ascending; what they keep, (k, 5), estimates of bytes and objects as whole numbers, so
    that all sums of them are the same; and the samples, int64 (k,).
    """
    samples = np.bincount(found.bucket, minlength=count)
    rows = np.flatnonzero(samples)
    sums = np.zeros((count, found.kept.columns.shape[1]))
    np.add.at(sums, found.bucket, found.kept.columns)
    kept = Moments.from_columns(sums[rows])
    whole = np.array([ALIVE, STRANDED, OBJECTS, NEW])
    kept.total[:, whole] = np.rint(kept.total[:, whole])
    return rows, kept, samples[rows]


def whole_spans(spans: F64) -> I64:
    """Return shares of spans as whole numbers that add up: who needs integers, such as a profile, has each to within one.

    Parameters
    ----------
    spans
        float64 (n,): how many are kept by each.
    """
    order = np.argsort(-spans, kind="stable")
    ends = np.rint(np.cumsum(spans[order])).astype(np.int64)
    found = np.empty(len(spans), np.int64)
    found[order] = np.diff(ends, prepend=0)
    return found


def largest_strander(
    heap: Heap, lines: Lines | None, hidden: Sequence[str], spanclass: int | None = None
) -> Allocator | None:
    """Return the function whose objects strand most, of a span class or of all; None where too few samples tell it."""
    found, objects = blame(heap), heap.sampled_objects
    if found is None or objects is None or lines is None or not tells(objects.rate):
        return None
    some = (
        np.flatnonzero(found.spanclass == spanclass) if spanclass is not None else np.arange(len(found.slot))
    )
    sums = np.zeros((len(objects.size), 2))
    for column, values in enumerate((found.kept.total, found.kept.variance)):
        np.add.at(sums[:, column], found.bucket[some], values[some, STRANDED])
    most = np.argsort(-sums[:, 0], kind="stable")[:_MOST_STACKS]
    most = most[sums[most, 0] > 0]
    if not len(most):
        return None
    names = Names(lines)
    rows = gathered(called(frames(objects.stacks, most, names, hidden), names), sums[most], "function")
    row = int(np.argmax(rows.flat[:, 0]))
    nbytes, variance = rows.flat[row].tolist()
    return (
        None if variance > (nbytes * _SURE) ** 2 else Allocator(rows.places[row][0].function, round(nbytes))
    )


_MOST_STACKS: Final = 256
"""That names are looked up for, where only one is wanted."""
_SURE: Final = 1 / 3
"""Share of a figure that its standard error may be, for it to be named."""
