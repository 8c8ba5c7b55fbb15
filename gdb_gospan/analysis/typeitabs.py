"""The runtime's table of itabs once it has grown: an object without a type that a variable of the runtime leads to (iface.go).

It begins with the number of its places and that of its itabs, and each place has the address of one or nothing. That all of
this holds is what it is known by, where the program has no symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gdb_gospan.analysis.roots import roots
from gdb_gospan.analysis.typebook import ITABS
from gdb_gospan.analysis.typeflow import Flow
from gdb_gospan.analysis.typestate import SHAPE
from gdb_gospan.memory.registers import Thread
from gdb_gospan.memory.segments import distinct
from gdb_gospan.runtime import mgcmark
from gdb_gospan.runtime.record import I64

_HEAD: Final = 2
"""Words before the places."""
_FEWEST: Final = 1 << 9
"""itabInitSize: one of so many places is a variable."""


def by_itabs(flow: Flow, threads: Sequence[Thread]) -> I64:
    """Enter the table of itabs, and return its slot."""
    found = roots(flow.heap, threads)
    some = distinct(found.target[np.isin(found.kind, (mgcmark.DATA, mgcmark.BSS))].astype(np.int64))
    group = flow.fit.groups_of(some)
    some = some[
        flow.fit.noscan[group] & (flow.number[some] == 0) & (flow.fit.room[group] > _FEWEST * flow.width)
    ]
    tables = [slot for slot in some.tolist() if _is_table(flow, slot)]
    which = np.array(tables, np.int64)
    return flow.enter(which, np.full(len(which), flow.book.number(ITABS, 0)), SHAPE)


def _is_table(flow: Flow, slot: int) -> bool:
    """Whether an object is such a table, by all that it has."""
    one = np.array([slot], np.int64)
    begin, group = flow.begins(one), flow.fit.groups_of(one)
    width = np.uint64(flow.width)
    size, count = (int(flow.words(begin + width * np.uint64(row))[0]) for row in range(_HEAD))
    length = (_HEAD + size) * flow.width
    if (
        size & (size - 1)
        or not 0 < count <= size
        or not flow.fit.least[group][0] < length <= flow.fit.room[group][0]
    ):
        return False
    places = flow.words(begin + width * np.arange(_HEAD, _HEAD + size, dtype=np.uint64))
    itabs = places[places > 0]
    if len(distinct(itabs)) != count or len(itabs) != count:
        return False
    return all(flow.types.of_itab(address) is not None for address in itabs.tolist())
