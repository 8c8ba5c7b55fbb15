"""The pauses of the last GC cycles, as debug.ReadGCStats tells them, and how often cycles end; nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

_RING: Final = 256
"""Pauses that the runtime keeps (mstats.go)."""
_LATELY: Final = 16
_FEW: Final = 4
"""Of fewer cycles nothing is said: a program often begins with some."""
_QUIET: Final = 2
"""Intervals without a cycle that tell nothing yet."""


def newest_first(ring: Sequence[int], cycles: int) -> tuple[int, ...]:
    """Return the pauses that the ring still has.

    Parameters
    ----------
    ring
        MemStats.PauseNs.
    cycles
        Cycles completed.
    """
    # readGCStats: the newest pause is at (NumGC+255)%256, and there are at most 256 (mstats.go).
    return tuple(ring[(cycles - 1 - back) % _RING] for back in range(min(cycles, _RING)))


def quantiles(pauses: Sequence[int]) -> tuple[int, ...]:
    """Return minimum, 25 %, 50 %, 75 % and maximum; nothing of no pauses."""
    # As debug.ReadGCStats fills five PauseQuantiles (runtime/debug/garbage.go).
    ordered = sorted(pauses)
    return (*(ordered[len(ordered) * i // 4] for i in range(4)), ordered[-1]) if ordered else ()


@attrs.frozen
class Pace:
    """How often the last cycles ended.

    Attributes
    ----------
    cycles
        Cycles that the figure rests on: up to 16 of the newest.
    nanoseconds
        From the end of the first of them to the end of the last.
    last
        When that was, in nanoseconds since 1970.
    """

    cycles: int
    nanoseconds: int
    last: int

    @property
    def per_second(self) -> float:
        """Cycles a second."""
        return (self.cycles - 1) * 1e9 / self.nanoseconds

    def up_to(self, moment: int | None) -> float:
        """Cycles a second up to this moment, of which it may be that no cycle has ended for long before it."""
        quiet = 0 if moment is None else moment - self.last
        longer = quiet if quiet * self.per_second > _QUIET * 1e9 else 0
        return (self.cycles - 1) * 1e9 / (self.nanoseconds + longer)


def pace(ends: Sequence[int], cycles: int) -> Pace | None:
    """Return how often the last cycles ended; None of few cycles, and where the times cannot be.

    Parameters
    ----------
    ends
        MemStats.PauseEnd: nanoseconds since 1970, a ring like the pauses.
    cycles
        Cycles completed.
    """
    newest = newest_first(ends, cycles)[:_LATELY]
    if len(newest) < _FEW or newest[0] <= newest[-1]:
        return None
    return Pace(len(newest), newest[0] - newest[-1], newest[0])
