"""When a finding is worth telling: every limit that `go-spans doctor` goes by, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Thresholds:
    """Limits of the rules in `findings`; a TOML file may name others.

    Shares are of the resident memory, or without it of Sys - HeapReleased, unless they say otherwise; 0 to 1.

    Attributes
    ----------
    bytes, share
        A finding is told if it explains so many bytes, and such a share.
    beyond_share
        Resident memory that the runtime does not keep, of RSS, with which `summary` sends to `rss`.
    free_slots_share, class_share
        Free slots beyond what the next cycle needs; and of them the share of one class with which it alone is named.
    hoard_share
        What Ps hold for themselves.
    idle_share, short_runs
        Idle pages beyond what the next cycle needs; and of them the share in runs of less than 4 pages with which they
        are called scattered.
    metadata_share, metadata_bytes
        The runtime's own structures. A program that does nothing has mapped up to 11 MiB for them (Go 1.19).
    stacks_share, deep_bytes
        Stacks of live goroutines; and the bytes of one stack from which it is called deep.
    goroutines, waiting_share, waited
        Goroutines that one function has started and that wait, and their share of all that wait, with which they are called
        a leak; and the seconds for which half of them had waited at the last GC to be told however little they take.
    garbage_factor
        Objects allocated since the last cycle are garbage in waiting when they are so many times what survived it.
    live_share, growth
        Survivors are told with this share, if the heap goal is so many times that of the cycle before.
    queue
        Finalizers or cleanups that wait.
    cycles_per_second, marked_per_second
        GC cycles, or bytes that they find live, at a memory limit with which the collector is called thrashing.
    """

    bytes: int = 8 << 20
    share: float = 0.10
    beyond_share: float = 0.50
    free_slots_share: float = 0.15
    class_share: float = 0.60
    hoard_share: float = 0.15
    idle_share: float = 0.15
    short_runs: float = 0.80
    metadata_share: float = 0.25
    metadata_bytes: int = 16 << 20
    stacks_share: float = 0.20
    deep_bytes: int = 1 << 20
    goroutines: int = 500
    waiting_share: float = 0.50
    waited: float = 60.0
    garbage_factor: float = 2.0
    live_share: float = 0.40
    growth: float = 1.25
    queue: int = 1000
    cycles_per_second: float = 4.0
    marked_per_second: int = 512 << 20

    def evolved(self, values: Mapping[str, Any]) -> Thresholds:
        """Return the same with other values of some."""
        return attrs.evolve(self, **values)
