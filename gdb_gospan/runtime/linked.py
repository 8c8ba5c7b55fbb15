"""Follow linked lists whose links are a column, in many places at once instead of node by node."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gdb_gospan.runtime.record import I64

Links = npt.NDArray[np.int32]

_STRETCH = 64
"""Nodes between two starting points, about."""
_LONGEST = 4096
"""Nodes of a stretch, beyond which it is most likely a loop."""


class Followed(NamedTuple):
    """How far a list was followed: the nodes, and the row of the last one, -1 for a loop."""

    nodes: int
    last: int


def follow(links: Links, first: int) -> tuple[int, bool]:
    """Count the nodes of a list, and tell whether it has an end: see `trace`."""
    nodes, last = trace(links, first)
    return nodes, last >= 0 and int(links[last]) == len(links)


def trace(links: Links, first: int) -> Followed:
    """Follow a list to its end, or to where it leads out of the column.

    Many nodes are taken as starting points, and from all of them the links are
    followed in step, each until it meets the next one: a pass over some thousand
    nodes takes little longer than over one. What remains is a list of stretches,
    which is followed by doubling.

    Parameters
    ----------
    links
        int32 (n,): row of the next node; n ends the list, n + 1 leads out of the column.
    first
        Row of the first node.
    """
    count = len(links)
    starts = np.append(np.int64(first), links[links < count][_STRETCH - 1 :: _STRETCH])
    index = np.full(count + 2, -1, np.int32)
    # One that is there twice is the earlier.
    index[starts[::-1]] = np.arange(len(starts), dtype=np.int32)[::-1]
    index[count:] = len(starts)
    jump, last = (np.full(len(starts) + 1, len(starts)) for _ in range(2))
    steps = np.zeros(len(starts) + 1, np.int64)

    going, at = np.arange(len(starts)), starts
    for step in range(1, _LONGEST):
        came, at = at, links[at]
        met = index[at] >= 0
        jump[going[met]], steps[going[met]], last[going[met]] = index[at[met]], step, came[met]
        going, at = going[~met], at[~met]
        if not len(going):
            break
    # What goes on still has run into a loop, as words that are no links do. The list itself mostly does not lead there.
    jump[going], steps[going] = going, 0
    found = _doubled(jump, steps, int(index[first]))
    if found.last >= 0:
        return Followed(found.nodes, int(last[found.last]))
    if not len(going):
        return found
    jump = np.append(np.minimum(links, count), count)
    return _doubled(jump, (jump != np.arange(count + 1)).astype(np.int64), first)


def _doubled(jump: I64, steps: I64, first: int) -> Followed:
    """Follow ``jump`` from ``first`` to its last entry, which leads to itself, in log2(n) passes."""
    end = len(jump) - 1
    before = np.where(jump == end, np.arange(end + 1), jump)  # where the last ones before it stay
    for _ in range(end.bit_length() + 1):
        steps = steps + steps[jump]
        jump, before = jump[jump], before[before]
    return Followed(int(steps[first]), int(before[first])) if jump[first] == end else Followed(0, -1)
