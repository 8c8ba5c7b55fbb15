"""How one object is kept: a part of go-spans owners."""

from __future__ import annotations

import numpy as np

from gdb_gospan.analysis.ownerpaths import Link, Paths, both_ends
from gdb_gospan.analysis.ownertree import OwnerTree
from gdb_gospan.analysis.slotbits import slot_states
from gdb_gospan.analysis.slots import slots
from gdb_gospan.errors import TargetError, UsageError
from gdb_gospan.fields.document import Address
from gdb_gospan.memory import ADDRESS_SPACE
from gdb_gospan.reports.holding import Holding
from gdb_gospan.reports.pathsteps import WAYS, Steps
from gdb_gospan.reports.rows.owners import Kept, Path
from gdb_gospan.runtime.heap import Heap


def kept(held: Holding, tree: OwnerTree, place: str, most: int) -> Kept:
    """Describe how the object at an address is kept, with so many paths at most; 0 for all."""
    heap, walk, types = held.heap, held.walk, held.types
    address = _address(place)
    slot = _slot(heap, address)
    paths = Paths(heap, held.owners, walk.graph, walk.roots)
    describe = Steps(held, tree.retained)
    numbered = slots(heap)
    reached = bool(walk.reached[slot])
    weights = (
        {name: describe.retained(name, slot) for name in ("objects", "bytes", "stranded")} if reached else {}
    )
    dominators = paths.dominators(slot) if reached else []
    shown, left_out = both_ends(len(dominators))
    return Kept(
        address=Address(int(numbered.addresses(np.array([slot], np.int64))[0])),
        asked=Address(address),
        type=held.names.type_of(slot, int(types.number[slot])),
        known_by=WAYS[int(types.how[slot])],
        size=int(numbered.elemsize[numbered.spans_of(np.array([slot]))[0]]),
        reached=reached,
        retained_objects=weights.get("objects", 0),
        retained_bytes=weights.get("bytes", 0),
        retained_stranded_bytes=weights.get("stranded", 0),
        referrers=len(paths.referrers(slot)),
        paths=tuple(
            Path(steps=tuple(map(describe.step, links)), left_out=more)
            for links, more in (paths.shortest(slot, most) if reached else ())
        ),
        dominators=tuple(describe.step(Link(dominators[at], None)) for at in shown),
        dominators_left_out=left_out,
    )


def _address(text: str) -> int:
    try:
        address = int(text, 0)
    except ValueError:
        address = -1
    if not 0 <= address < ADDRESS_SPACE:
        raise UsageError(f"owners: {text} is not an address (try: a number such as 0xc000012340)")
    return address


def _slot(heap: Heap, address: int) -> int:
    where, slot = slots(heap).find(np.array([address], np.uint64))
    if not len(where):
        raise TargetError(f"{address:#x} is in no object of the Go heap (try: go-spans show {address:#x})")
    if not slot_states(heap).taken[slot[0]]:
        raise TargetError(
            f"{address:#x} is in a free slot: no object is there (try: go-spans show {address:#x})"
        )
    return int(slot[0])
