"""The pauses of the last GC cycles, as debug.ReadGCStats tells them; nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_RING: Final = 256
"""Pauses that the runtime keeps (mstats.go)."""


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
