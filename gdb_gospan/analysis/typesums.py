"""Objects by their types, added up: by what the roots reach of them, and by how their types are known."""

from __future__ import annotations

import attrs
import numpy as np

from gdb_gospan.analysis.objecttypes import ObjectTypes
from gdb_gospan.analysis.reach import Reach
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.analysis.stranding import stranded
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64

COUNTS = ("objects", "reached", "garbage", "new", "new_garbage")
WAYS = 4
"""How a type can be known: see `objecttypes`."""


@attrs.frozen(eq=False, repr=False)
class ObjectsByType:
    """Sums of each type that an object has, types of one name together.

    Attributes
    ----------
    names
        Of each row: empty where the type is not known.
    sums
        By name, int64 (n,): `COUNTS`, their bytes, stranded_bytes and garbage_stranded_bytes.
    how
        int64 (n,): how most bytes of each are known.
    reached_by_how
        int64 (4,): bytes of reached objects by how their types are known.
    """

    names: tuple[str, ...]
    sums: dict[str, I64]
    how: I64
    reached_by_how: I64


def objects_by_type(heap: Heap, walk: Reach, types: ObjectTypes) -> ObjectsByType:
    """Add up the objects of each type."""
    numbered, states, kept = slots(heap), slot_states(heap), stranded(heap)
    names = tuple(dict.fromkeys(each.name for each in types.types))
    row = {name: number for number, name in enumerate(names)}
    row_of = np.array([row[each.name] for each in types.types], np.int64)
    count = len(names)
    sums = {name: np.zeros(count, np.int64) for name in _NAMES}
    ways = np.zeros((count, WAYS), np.int64)
    reached_by_how = np.zeros(WAYS, np.int64)
    for group in numbered.groups():
        place = slice(group.first, group.first + (group.end - group.begin) * group.nelems)
        some = np.flatnonzero(states.taken[place])
        rows, how = row_of[types.number[place][some]], types.how[place][some]
        reached, survived = walk.reached[place][some], (states.survived | states.dead)[place][some]
        share = kept[place][some]
        masks = (np.ones(len(some), np.bool_), reached, ~reached, ~survived, ~survived & ~reached)
        for name, mask in zip(COUNTS, masks, strict=True):
            found = np.bincount(rows[mask], minlength=count)
            sums[name] += found
            sums["object_bytes" if name == "objects" else f"{name}_bytes"] += found * group.elemsize
        for name, mask in (("stranded_bytes", reached), ("garbage_stranded_bytes", ~reached)):
            sums[name] += np.bincount(rows[mask], share[mask], minlength=count).astype(np.int64)
        ways += np.bincount(rows * WAYS + how, minlength=count * WAYS).reshape(count, WAYS) * group.elemsize
        reached_by_how += np.bincount(how[reached], minlength=WAYS) * group.elemsize
    present = np.flatnonzero(sums["objects"])
    return ObjectsByType(
        names=tuple(names[number] for number in present.tolist()),
        sums={name: values[present] for name, values in sums.items()},
        how=np.argmax(ways[present], axis=1) if len(present) else np.empty(0, np.int64),
        reached_by_how=reached_by_how,
    )


_NAMES = (
    *COUNTS,
    "object_bytes",
    *(f"{name}_bytes" for name in COUNTS[1:]),
    "stranded_bytes",
    "garbage_stranded_bytes",
)
