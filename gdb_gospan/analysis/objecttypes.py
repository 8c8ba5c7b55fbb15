"""The type of each object, without debug information: by what the runtime has of it, and what points to it.

Every figure rests on type descriptors (`runtime.abitype`), which are in the executable, stripped or not. Without it, as of a core
alone, the type of nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.analysis import typeseeds
from gdb_gospan.analysis.roots import roots
from gdb_gospan.analysis.typebook import ObjectType, TypeBook
from gdb_gospan.analysis.typeflow import Flow
from gdb_gospan.analysis.typeitabs import by_itabs
from gdb_gospan.analysis.typescan import Edges, edges
from gdb_gospan.analysis.typeshape import by_shape
from gdb_gospan.analysis.typestate import EDGES, EXACT, SHAPE, UNKNOWN
from gdb_gospan.memory.heldonly import HeldOnly
from gdb_gospan.memory.registers import Thread
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.losses import Losses
from gdb_gospan.runtime.record import I64

__all__ = ("EDGES", "EXACT", "SHAPE", "UNKNOWN", "ObjectTypes", "object_types")


@attrs.frozen(eq=False, repr=False)
class ObjectTypes:
    """What every object is.

    Attributes
    ----------
    number
        int32, a row for each slot: index into `types`; 0 is unknown.
    how
        uint8, a row for each slot: `UNKNOWN`; `EXACT`: the runtime has the type; `EDGES`: by pointers from objects of known types
        and from interfaces; `SHAPE`: inferred from what the object looks like.
    types
        The types, by number.
    known
        There were descriptors to read. If not, everything is unknown.
    conflicts
        Objects that were found to be of two types that exclude each other: they are unknown.
    """

    number: npt.NDArray[np.int32]
    how: npt.NDArray[np.uint8]
    types: tuple[ObjectType, ...]
    book: TypeBook
    known: bool
    conflicts: int


def object_types(heap: Heap, threads: Sequence[Thread] = ()) -> ObjectTypes:
    """Return the types of all objects, found once. `threads` are those of the process, with their registers, as far as known."""
    return heap.trail.part("object types", lambda: _with_guesses(heap, edges(heap), threads))


def types_by_edges(heap: Heap, known: Edges, threads: Sequence[Thread]) -> ObjectTypes:
    """Return the same, for who has read the pointers already."""
    return heap.trail.part("object types", lambda: _with_guesses(heap, known, threads))


def _with_guesses(heap: Heap, known: Edges, threads: Sequence[Thread]) -> ObjectTypes:
    """Let words be followed that may be anything, such as the first one of what may be an interface.

    The graph and the roots are read before: what these need must be there. Of guesses nothing is missed.
    """
    roots(heap, threads)
    reader = heap.reader
    before, losses = reader.memory, reader.losses
    try:
        reader.memory, reader.losses = HeldOnly(before), Losses()
        return _found(heap, known, threads)
    finally:
        reader.memory, reader.losses = before, losses


def _found(heap: Heap, known: Edges, threads: Sequence[Thread]) -> ObjectTypes:
    flow = Flow(heap, known)
    if flow.types.known:
        flow.run(typeseeds.by_headers(flow), EDGES)
        flow.run(typeseeds.by_interfaces(flow), EDGES)
        flow.run(typeseeds.by_roots(flow, threads), EDGES)
        flow.run(typeseeds.by_variables(flow, threads), EDGES)
        flow.run(typeseeds.by_channels(flow), EDGES)
        flow.run(_likely(flow), SHAPE)
        by_shape(flow)
        by_itabs(flow, threads)
    excluded = flow.conflict & (flow.how != EXACT)
    flow.number[excluded] = 0
    flow.how[flow.number == 0] = UNKNOWN
    return ObjectTypes(
        number=flow.number,
        how=flow.how,
        types=tuple(flow.book.types),
        book=flow.book,
        known=flow.types.known,
        conflicts=int(np.count_nonzero(excluded)),
    )


def _likely(flow: Flow) -> I64:
    """Enter the types that were only likely, where nothing else was found."""
    some = np.flatnonzero((flow.weak > 0) & (flow.number == 0))
    return flow.enter(some, flow.weak[some].astype(np.int64), SHAPE)
