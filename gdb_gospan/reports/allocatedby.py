"""Who allocated one object, if the heap profile has sampled it: a part of go-spans show."""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.callsites import Names, called, frames
from gdb_gospan.analysis.location import Location
from gdb_gospan.analysis.session import Session
from gdb_gospan.runtime.sampledobjects import allocation_stack

_RECORD = "profile record"


def allocated_by(session: Session, place: Location) -> tuple[str, ...] | None:
    """Return the calls that allocated the object at a place, the innermost first; None where that is not known."""
    if place.slot is None or session.lines is None:
        return None
    for special in place.specials:
        if special.kind == _RECORD:
            stacks = allocation_stack(session.heap.reader, special.address)
            if stacks is None:
                return None
            names, hidden = Names(session.lines), session.heap.layout.traits.hidden_callers
            calls = called(frames(stacks, np.zeros(1, np.int64), names, hidden), names)
            return tuple(f"{each.function} {each.file}:{each.line}" for each in calls.stack(0))
    return None
