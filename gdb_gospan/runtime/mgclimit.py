"""The limit on the CPU time of the collector (runtime/mgclimit.go): half of it, when the memory limit asks for more."""

from __future__ import annotations

import attrs

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.runtime.record import Reader


@attrs.frozen
class Limiter:
    """The state of gcCPULimiter; None for what this release does not have.

    Attributes
    ----------
    enabled
        The collector would use more than half of the CPU time, and is held back: the heap may exceed its goal.
    fill, capacity
        Nanoseconds of CPU time by which the collector is beyond half, and at how many the limiter is enabled: a second
        for each P.
    overflow
        Nanoseconds beyond the capacity, since the program began.
    last_enabled_cycle
        The cycle in which it was enabled last; 0 for none.
    """

    enabled: bool | None
    fill: int | None
    capacity: int | None
    overflow: int | None
    last_enabled_cycle: int | None


def read_limiter(reader: Reader, symbols: Symbols) -> Limiter | None:
    """Read ``runtime.gcCPULimiter``; None when it was not found, or a recording has no such memory."""
    where = symbols.get("gcCPULimiter")
    if where is None or "gcCPULimiterState" not in reader.layout.structs:
        return None
    limiter = reader.record_if_there("gcCPULimiterState", where)
    if limiter is None:
        return None
    enabled = limiter.get("enabled")
    return Limiter(
        enabled=None if enabled is None else bool(enabled),
        fill=limiter.get("bucket.fill"),
        capacity=limiter.get("bucket.capacity"),
        overflow=limiter.get("overflow"),
        last_enabled_cycle=limiter.get("lastEnabledCycle"),
    )
