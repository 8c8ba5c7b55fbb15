"""The owners for go tool pprof: a sample for each group of objects, whose stack is the way from its holder to it.

What a holder or a type retains is its cumulated figure there, and what its own objects have the flat one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from gdb_gospan.analysis.ownertree import OwnerGroup, OwnerTree
from gdb_gospan.analysis.session import Session
from gdb_gospan.render.pprof import Call, Profile, SampleType
from gdb_gospan.reports.ownernames import OwnerNames

_DEEPEST: Final = 100
"""Levels of a path; what is below belongs to the last one."""
_PART: Final = 100_000
"""A group with less than this part of all has no stack of its own: pprof leaves out much more."""
_TYPES: Final = (
    ("objects", SampleType("objects", "count")),
    ("bytes", SampleType("alive", "bytes")),
    ("stranded", SampleType("stranded", "bytes")),
)
_SMALLER: Final = "(smaller owners)"


def owners_file(session: Session, tree: OwnerTree, names: OwnerNames, by: str) -> Profile:
    """Return the profile; by bytes or by stranded bytes is what pprof shows first."""
    places: dict[str, int] = {}
    stacks, values = list[list[int]](), list[list[int]]()
    least = -(-int(tree.groups(-1, lambda *_: []).retained[by]) // _PART)

    def choose(groups: list[OwnerGroup], _above: OwnerGroup | None) -> list[OwnerGroup]:
        return [each for each in groups if each.retained[by] >= max(least, 1)]

    for path, figures in _samples(tree.groups(_DEEPEST, choose), names):
        stacks.append([places.setdefault(name, len(places) + 1) for name in reversed(path)])
        values.append([figures[name] for name, _ in _TYPES])
    return Profile(
        sample_types=tuple(kind for _, kind in _TYPES),
        values=np.array(values, np.int64).reshape(-1, len(_TYPES)),
        addresses=np.array([place for stack in stacks for place in stack], np.uint64),
        offsets=np.cumsum([0, *map(len, stacks)], dtype=np.int64),
        calls={place: (Call(name),) for name, place in places.items()},
        default_sample_type="stranded" if by == "stranded" else "alive",
        period_type=SampleType("space", "bytes"),
        period=1,
        time_nanos=session.heap.moment,
    )


def _samples(
    group: OwnerGroup, names: OwnerNames, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, int]]]:
    """Yield the stack and the figures of each group below this one, and of what is too small to have its own."""
    figures = [name for name, _ in _TYPES]
    for each in group.children:
        node = names.node(each)
        yield from _samples(each, names, (*path, names.title(node)))
    rest = {
        name: group.retained[name]
        - group.own.get(name, 0)
        - sum(each.retained[name] for each in group.children)
        for name in figures
    }
    if any(group.own.get(name, 0) for name in figures):
        yield path, group.own
    if any(rest.values()):
        yield (*path, _SMALLER), rest
