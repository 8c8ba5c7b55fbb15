"""Runs of pages that have something in common, and how many bytes of any range lie in them."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from gdb_gospan.memory.segments import I64, U64


@attrs.frozen(eq=False, repr=False, slots=False)
class Runs:
    """Address ranges, ascending and apart.

    Attributes
    ----------
    start, end
        uint64 (n,).
    """

    start: U64
    end: U64

    def __len__(self) -> int:
        return len(self.start)

    @cached_property
    def _before(self) -> I64:
        sizes = (self.end - self.start).astype(np.int64)
        return np.cumsum(sizes) - sizes

    @property
    def nbytes(self) -> int:
        """Bytes of all runs."""
        return int((self.end - self.start).sum())

    def below(self, addresses: U64) -> I64:
        """Bytes of the runs below each address: int64 (m,)."""
        if not len(self.start):
            return np.zeros(len(addresses), np.int64)
        row = np.searchsorted(self.start, addresses, side="right") - 1
        at = np.maximum(row, 0)
        into = np.minimum(addresses - self.start[at], self.end[at] - self.start[at]).astype(np.int64)
        return np.where(row < 0, 0, self._before[at] + into)

    def within(self, start: U64, size: I64) -> I64:
        """Bytes of the runs in each range: int64 (m,)."""
        return self.below(start + size.astype(np.uint64)) - self.below(start)

    def inside(self, start: int, end: int) -> int:
        """Bytes of the runs in one range."""
        low, high = self.below(np.array([start, end], np.uint64)).tolist()
        return int(high - low)


NONE = Runs(np.empty(0, np.uint64), np.empty(0, np.uint64))
"""No pages."""


def joined_runs(start: U64, end: U64) -> Runs:
    """Return ascending ranges as runs: those that touch become one."""
    if not len(start):
        return NONE
    first = np.flatnonzero(np.append(True, start[1:] != end[:-1]))
    last = np.append(first[1:] - 1, len(end) - 1)
    return Runs(start[first], end[last])


def steps(runs: Runs | None) -> list[int] | None:
    """Return runs as numbers for a file: from edge to edge, which packs well."""
    if runs is None:
        return None
    edges = np.stack([runs.start, runs.end], axis=1).ravel()
    found: list[int] = np.diff(edges, prepend=np.uint64(0)).tolist()
    return found


def from_steps(found: list[int] | None) -> Runs | None:
    """Return the runs of such numbers; `ValueError`, `TypeError` or `OverflowError` where they are not of runs."""
    if found is None:
        return None
    if len(found) % 2 or not all(type(each) is int and 0 <= each < 1 << 64 for each in found):
        raise ValueError(len(found))
    edges = np.cumsum(np.array(found, np.uint64))
    if (edges[1:] < edges[:-1]).any():
        raise ValueError(len(found))
    return Runs(edges[::2], edges[1::2])
