"""Who holds the objects of a heap, found once: what the report owners and the options --owners of others rest on."""

from __future__ import annotations

import attrs

from gdb_gospan.analysis.goroutines import Living, living
from gdb_gospan.analysis.objecttypes import ObjectTypes, object_types
from gdb_gospan.analysis.ownership import Ownership, ownership
from gdb_gospan.analysis.reach import Reach, reach
from gdb_gospan.analysis.session import Session
from gdb_gospan.memory.registers import Thread
from gdb_gospan.reports.ownernames import OwnerNames
from gdb_gospan.runtime.heap import Heap


@attrs.frozen(eq=False, repr=False)
class Holding:
    """The objects of a heap: their types, what reaches them, what holds them, and what all of that is called."""

    heap: Heap
    threads: tuple[Thread, ...]
    types: ObjectTypes
    walk: Reach
    owners: Ownership
    goroutines: Living
    names: OwnerNames

    @property
    def incomplete(self) -> bool:
        """Some roots or objects could not be read: what only they lead to is not known to be reached."""
        return bool(self.walk.roots.unread) or self.walk.graph.unread_bytes > 0


def holding(session: Session, *parts: str) -> Holding:
    """Read the contents of objects, and find who holds them. SciPy must be installed.

    Parameters
    ----------
    parts
        What else the report reads of the heap: all that it has not read before is named here, or not read at all of a process.
    """
    heap = session.heap
    session.finish_reading("goroutines", "goroutine_details", *parts)
    threads = () if session.threads is None else tuple(session.threads())
    types = object_types(heap, threads)
    walk = reach(heap, threads)
    owners = ownership(heap, walk, session.variables_at)
    goroutines = living(heap, session.lines, session.tracebacks)
    return Holding(heap, threads, types, walk, owners, goroutines, OwnerNames(owners, types, goroutines))
