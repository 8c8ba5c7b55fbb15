"""The buckets of the heap, block and mutex profiles (runtime/mprof.go).

A bucket has a call stack, for the heap also a size, and counts what was sampled there. All are in one table of chains,
whichever profile they belong to. The runtime frees none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import numpy as np

from gdb_gospan.layout.profiletable import HASH_SIZE
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.memory.prefetched import PrefetchedMemory
from gdb_gospan.memory.recorder import RecorderOfCopy
from gdb_gospan.runtime.proc import Ps
from gdb_gospan.runtime.record import I64, U64, Column, Reader, Records

HEAP: Final = 1
BLOCK: Final = 2
MUTEX: Final = 3
"""bucketType."""
MOST_FRAMES: Final = 1024
"""maxProfStackDepth."""
_MOST_IN_A_CHAIN: Final = 1 << 12
COUNTS: Final = ("allocs", "frees", "alloc_bytes", "free_bytes")
"""Fields of memRecordCycle."""


@attrs.frozen(eq=False)
class Stacks:
    """Call stacks, one after the other.

    Attributes
    ----------
    pcs
        uint64 (m,): return addresses, of each stack the newest first.
    first
        int64 (n + 1,): where each stack begins; the last is m.
    """

    pcs: U64
    first: I64


@attrs.frozen(eq=False)
class Buckets:
    """All buckets, by address; of a program without a table there are none.

    Attributes
    ----------
    typ
        int64 (n,): `HEAP`, `BLOCK` or `MUTEX`.
    size
        int64 (n,): of a bucket of the heap, bytes of each object.
    counts
        By each of `COUNTS`: int64 (n, 4), for what is published and for the three cycles that are not yet (memRecord.future);
        0 in buckets of another type.
    events, cycles
        float64 and int64 (n,): of the other types, how often something waited, and for how many ticks of the clock.
    cycle
        mProfCycle, which counts collections.
    rate
        MemProfileRate: one sample is taken in so many bytes on average, 0 for none; None when it was not found.
    mutex_factor
        Events for which one of the mutex profile stands: 1 where its bucket counts all; None when not known.
    ticks_per_second
        Of that clock; None when it was not found, or the program has never computed it.
    complete
        All could be read.
    """

    typ: I64
    size: I64
    stacks: Stacks
    counts: dict[str, I64]
    events: Column
    cycles: I64
    cycle: int
    rate: int | None
    mutex_factor: int | None
    ticks_per_second: int | None
    complete: bool


def read_buckets(reader: Reader, symbols: Symbols, ps: Ps, collections: int) -> Buckets | None:
    """Read the whole table; None when it was not found, or a recording has no such memory.

    Parameters
    ----------
    collections
        memstats.numgc, which goes up together with mProfCycle (mgc.go, gcMarkTermination).
    """
    where = symbols.get("buckhash")
    if where is None or "bucket" not in reader.layout.structs:
        return None
    if isinstance(reader.memory.read(where, reader.word_type.itemsize), Unreadable):
        return None
    table = reader.word(where)
    heads = reader.words(table, HASH_SIZE) if table else np.empty(0, np.uint64)
    known = not isinstance(heads, Unreadable)
    addresses, complete = _chains(reader, np.empty(0, np.uint64) if isinstance(heads, Unreadable) else heads)
    with held(reader, addresses):
        buckets = reader.records("bucket", addresses)
        stacks, ends, followed = read_stacks(reader, buckets)
        counts, whole = _counts(reader, buckets, ends)
        events, cycles, others = _events(reader, buckets, ends)
    counter = symbols.get("mProfCycle")
    value = None if counter is None else reader.word(counter, 4)
    return Buckets(
        typ=buckets["typ"],
        size=buckets["size"],
        stacks=stacks,
        counts=counts,
        events=events,
        cycles=cycles,
        cycle=collections if value is None else value >> 1,
        rate=sampling_rate(reader, symbols, ps),
        mutex_factor=_mutex_factor(reader, symbols),
        ticks_per_second=_ticks(reader, symbols),
        complete=known and complete and followed and whole and others,
    )


def _chains(reader: Reader, heads: U64) -> tuple[U64, bool]:
    """Follow all chains in parallel: uint64 (n,), ascending; and whether all led to their ends.

    A bucket is one only in the place that its hash says (stkbucket): damage ends a chain, and no chain is a circle.
    """
    place: I64 = np.flatnonzero(heads)
    going, found = heads[place], [np.empty(0, np.uint64)]
    for _ in range(_MOST_IN_A_CHAIN):
        if not len(going):
            return np.unique(np.concatenate(found)), True
        buckets = reader.records("bucket", going)
        fits = buckets.readable & (buckets["hash"] % np.uint64(HASH_SIZE) == place.astype(np.uint64))
        fits &= np.isin(buckets["typ"], (HEAP, BLOCK, MUTEX)) & (buckets["nstk"] >= 0)
        fits &= (buckets["nstk"] <= MOST_FRAMES) & ~np.isin(going, found[-1])
        if not fits.all():
            break
        found.append(going)
        following = buckets["next"]
        going, place = following[following != 0], place[following != 0]
    return np.unique(np.concatenate([*found, going[fits]])), False


@contextmanager
def held(reader: Reader, addresses: U64) -> Iterator[None]:
    """Fetch buckets as a whole, unless the memory is a file or a copy: most are short."""
    before = memory = reader.memory
    try:
        if memory.kind in ("live", "remote") and not isinstance(memory, PrefetchedMemory | RecorderOfCopy):
            reader.memory = PrefetchedMemory(memory, [(addresses, np.full(len(addresses), _USUAL))])
        yield
    finally:
        reader.memory = before


_USUAL: Final = 512
"""Bytes of a bucket with some forty frames."""


def read_stacks(reader: Reader, buckets: Records) -> tuple[Stacks, U64, bool]:
    """Read the stacks, which follow the buckets: these, uint64 (n,) where each ends, and whether all are known."""
    width, depth = reader.word_type.itemsize, buckets["nstk"]
    begin = buckets.addresses + np.uint64(buckets.struct.size)
    first = np.append(np.int64(0), np.cumsum(depth))
    pcs, complete = np.zeros(int(first[-1]), np.uint64), True
    for count in np.unique(depth[depth > 0]).tolist():
        some: I64 = np.flatnonzero(depth == count)
        rows = reader.read_many(begin[some], count * width)
        complete = complete and bool(rows.readable.all())
        values = np.ascontiguousarray(rows.data).view(reader.word_type)
        pcs[first[some][:, np.newaxis] + np.arange(count)] = values
    return Stacks(pcs, first), begin + (depth * width).astype(np.uint64), complete


def _counts(reader: Reader, buckets: Records, ends: U64) -> tuple[dict[str, I64], bool]:
    """Read the memRecords."""
    rows: I64 = np.flatnonzero(buckets["typ"] == HEAP)
    record, complete = reader.layout["memRecord"], True
    future = record["future"]
    offsets = [
        record["active"].offset,
        *(future.offset + i * future.stride for i in range(future.count or 0)),
    ]
    counts = {name: np.zeros((len(buckets), len(offsets)), np.int64) for name in COUNTS}
    for column, offset in enumerate(offsets):
        cycles = reader.records("memRecordCycle", ends[rows] + np.uint64(offset))
        complete = complete and bool(cycles.readable.all())
        for name, other in zip(COUNTS, ("", "", "allocs", "frees"), strict=True):
            found = cycles.get(name)
            counts[name][rows, column] = cycles[other] * buckets["size"][rows] if found is None else found
    return counts, complete


def _events(reader: Reader, buckets: Records, ends: U64) -> tuple[Column, I64, bool]:
    """Read the blockRecords."""
    rows: I64 = np.flatnonzero(buckets["typ"] != HEAP)
    records = reader.records("blockRecord", ends[rows])
    events, cycles = np.zeros(len(buckets)), np.zeros(len(buckets), np.int64)
    events[rows], cycles[rows] = records["count"], records["cycles"]
    return events, cycles, bool(records.readable.all())


def sampling_rate(reader: Reader, symbols: Symbols, ps: Ps) -> int | None:
    """Read MemProfileRate; without its symbol each mcache has what it was at its last sample (since Go 1.24)."""
    where = symbols.get("MemProfileRate")
    if where is not None:
        value, sign = reader.word(where), 1 << 8 * reader.word_type.itemsize - 1
        return None if value is None else (value ^ sign) - sign
    rates = ps.mcaches.get("memProfRate")
    if rates is None or not len(rates):
        return None
    used = np.unique(rates[rates != 0])  # a P that has not allocated yet has 0
    return int(used[0]) if len(used) == 1 else None if len(used) else 0


def _mutex_factor(reader: Reader, symbols: Symbols) -> int | None:
    """Read mutexprofilerate where that is what a sampled event stands for; not known once the program has turned it off."""
    if reader.layout.traits.mutex_events_scaled:
        return 1
    where = symbols.get("mutexprofilerate")
    return None if where is None else reader.word(where, 8) or None


def _ticks(reader: Reader, symbols: Symbols) -> int | None:
    """Read ticks.val, which is 0 until somebody asks for it (runtime.go, ticksPerSecond)."""
    where = symbols.get("ticks")
    if where is None or "ticksType" not in reader.layout.structs:
        return None
    ticks = reader.record_if_there("ticksType", where)
    return None if ticks is None else ticks.get("val") or None
