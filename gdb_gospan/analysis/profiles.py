"""The profiles that the runtime keeps of a program: what was allocated where, and who waited for whom (runtime/mprof.go)."""

from __future__ import annotations

from typing import Final, Literal

import attrs
import numpy as np

from gdb_gospan.analysis.sampling import F64, tells, weight
from gdb_gospan.runtime.mprof import BLOCK, COUNTS, HEAP, MUTEX, Buckets
from gdb_gospan.runtime.record import I64

Kind = Literal["heap", "block", "mutex"]
_TYPES = {"heap": HEAP, "block": BLOCK, "mutex": MUTEX}
_LARGEST: Final = 2.0**62


@attrs.frozen(eq=False)
class Sampled:
    """What was allocated by each stack and size, up to the end of a GC cycle.

    Attributes
    ----------
    cycle
        Which one: the one before the last, or the last where the program has waited for its sweep (runtime.GC). None where
        none is published: then it is all up to now, what is dead included.
    rows
        int64 (n,): rows of the buckets.
    allocs, frees, alloc_bytes, free_bytes
        int64 (n,): of the sampled objects.
    scaled
        int64 (n, 4): objects and bytes allocated, objects and bytes in use, each for all objects: the estimate that
        /debug/pprof/heap has (runtime/pprof/protomem.go, scaleHeapSample).
    variance
        float64 (n,): of the estimate of the bytes in use; 0 where each object is sampled, nan where the rate is 0 or not known.
    """

    cycle: int | None
    rows: I64
    allocs: I64
    frees: I64
    alloc_bytes: I64
    free_bytes: I64
    scaled: I64
    variance: F64


@attrs.frozen(eq=False)
class Waits:
    """Who waited.

    Attributes
    ----------
    rows
        int64 (n,): rows of the buckets.
    count
        int64 (n,): how often.
    ticks
        int64 (n,): for how long, in ticks of the processor's clock.
    nanoseconds
        int64 (n,): the same; None where the speed of the clock is not known.
    """

    rows: I64
    count: I64
    ticks: I64
    nanoseconds: I64 | None


def sampled(buckets: Buckets) -> Sampled:
    """Return the profile of the heap as runtime.MemProfile would give it now.

    Allocations count for the cycle after the next, and what is freed for the next one, so that both are of the same
    moment: a cycle is published when the next one has ended. Without any published, all is (mprof.go, memProfileInternal).
    """
    rows: I64 = np.flatnonzero(buckets.typ == HEAP)
    counts = {name: column[rows] for name, column in buckets.counts.items()}
    # Between the end of a cycle and its flush (mProf_Flush) it is published nevertheless.
    flushed = 1 + buckets.cycle % (counts["allocs"].shape[1] - 1)
    published = {name: column[:, 0] + column[:, flushed] for name, column in counts.items()}
    # What the sweep frees is of the cycle before it, and what was allocated before the cycle too (mProf_PostSweep).
    following = 1 + (buckets.cycle + 1) % (counts["allocs"].shape[1] - 1)
    waiting = counts["allocs"][:, following].any() or counts["frees"][:, following].any()
    # Where no cycle has ended, what is published is what the program had when it read the profile itself.
    cycle = buckets.cycle - int(waiting) if buckets.cycle else None
    if not (published["allocs"].any() or published["frees"].any()):
        published, cycle = {name: column.sum(axis=1) for name, column in counts.items()}, None
    allocs, frees, alloc_bytes, free_bytes = (published[name] for name in COUNTS)
    live, live_bytes = allocs - frees, alloc_bytes - free_bytes
    scaled = [*_scaled(allocs, alloc_bytes, buckets.rate), *_scaled(live, live_bytes, buckets.rate)]
    return Sampled(
        cycle,
        rows,
        allocs,
        frees,
        alloc_bytes,
        free_bytes,
        np.stack(scaled, axis=1),
        _variance(live, live_bytes, buckets.rate),
    )


def waits(buckets: Buckets, kind: Kind) -> Waits:
    """Return the profile of blocking or of contention as runtime/pprof would give it."""
    rows: I64 = np.flatnonzero(buckets.typ == _TYPES[kind])
    count = _whole(buckets.events[rows])
    if kind == "block":
        count = np.maximum(count, 1)  # mprof.go, blockProfileInternal
    ticks = buckets.cycles[rows]
    if kind == "mutex" and buckets.mutex_factor is not None:
        count, ticks = count * buckets.mutex_factor, ticks * buckets.mutex_factor
    speed = buckets.ticks_per_second
    return Waits(rows, count, ticks, None if speed is None else _whole(ticks / (speed / 1e9)))


def _whole(values: F64) -> I64:
    """Cut figures to whole numbers; those that damage has made are bounded."""
    found: I64 = np.clip(np.nan_to_num(values), -_LARGEST, _LARGEST).astype(np.int64)
    return found


def _scaled(count: I64, nbytes: I64, rate: int | None) -> tuple[I64, I64]:
    none, factor = (count == 0) | (nbytes == 0), weight(count, nbytes, rate)
    exact = factor == 1  # a float has not all integers
    every = [np.where(exact, each, _whole(each * factor)) for each in (count, nbytes)]
    return np.where(none, 0, every[0]), np.where(none, 0, every[1])


def _variance(count: I64, nbytes: I64, rate: int | None) -> F64:
    """Return the variance of the bytes that the samples stand for (Horvitz and Thompson).

    Samples of a stack are independent: each of n objects of size s adds w (w - 1) s², where w is its factor.
    """
    if not tells(rate):
        return np.full(len(count), np.nan)
    factor = weight(count, nbytes, rate)
    size = nbytes / np.maximum(count, 1)
    variance: F64 = np.maximum(count, 0) * factor * (factor - 1) * size**2
    return variance
