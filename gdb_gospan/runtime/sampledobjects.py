"""The objects that the heap profile has sampled, each with its bucket (runtime/mheap.go, type specialprofile).

A sampled object has a special until it is swept; its bucket has the stack that allocated it (mprof.go, mProf_Malloc).
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.mprof import HEAP, MOST_FRAMES, Stacks, held, read_stacks, sampling_rate
from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.proc import Ps
from gdb_gospan.runtime.record import I64, U64, Mask, Reader
from gdb_gospan.runtime.special import specials_of


@attrs.frozen(eq=False, repr=False)
class SampledObjects:
    """Every sampled object that is not swept, dead ones among them; and the buckets that these have.

    Attributes
    ----------
    row
        int64 (n,): its span, as a row of `Spans`.
    offset
        int64 (n,): bytes from the start of the span; past the malloc header of an object that has one.
    bucket
        int64 (n,): row of the buckets, -1 where it could not be read.
    size
        int64 (b,): of each bucket, bytes of one object: those of its slot.
    stacks
        b stacks.
    rate
        MemProfileRate, as of `mprof.Buckets`.
    complete
        Every list of specials was followed to its end, and every bucket and stack could be read.
    """

    row: I64
    offset: I64
    bucket: I64
    size: I64
    stacks: Stacks
    rate: int | None
    complete: bool


_NONE: Final = np.empty(0, np.int64)
NOTHING: Final = SampledObjects(
    row=_NONE,
    offset=_NONE,
    bucket=_NONE,
    size=_NONE,
    stacks=Stacks(np.empty(0, np.uint64), np.zeros(1, np.int64)),
    rate=None,
    complete=False,
)
"""No sampled object, where it is not known which there are."""


def read_sampled_objects(reader: Reader, symbols: Symbols, ps: Ps, spans: Spans) -> SampledObjects | None:
    """Read the specials of all spans in use, and the buckets that they lead to; None where a recording has none of them."""
    if not _known(reader):
        return None
    heads = spans.records["specials"]
    rows: I64 = np.flatnonzero(spans.in_use & (heads != 0))
    specials = specials_of(reader, heads[rows])
    kinds = {name: number for number, name in reader.layout.traits.special_kinds.items()}
    some = np.flatnonzero(specials.kind == kinds.get("profile record", -1))
    where = specials.address[some] + np.uint64(reader.layout["specialprofile"]["b"].offset)
    if not _recorded(reader, symbols, where):
        return None
    pointers, known = reader.pointers(where)
    known &= pointers != 0
    addresses, which = np.unique(pointers[known], return_inverse=True)
    bucket = np.full(len(some), -1, np.int64)
    number, size, stacks, whole = _buckets(reader, addresses)
    bucket[known] = number[which.reshape(-1)]
    return SampledObjects(
        row=rows[specials.span[some]],
        offset=specials.offset[some],
        bucket=bucket,
        size=size,
        stacks=stacks,
        rate=sampling_rate(reader, symbols, ps),
        complete=specials.whole and whole and bool((bucket >= 0).all()),
    )


def allocation_stack(reader: Reader, special: int) -> Stacks | None:
    """Return the one stack of a profile record, by the address of its special; None where it cannot be read."""
    if not _known(reader):
        return None
    bucket = reader.word(special + reader.layout["specialprofile"]["b"].offset)
    if not bucket:
        return None
    number, _, stacks, whole = _buckets(reader, np.array([bucket], np.uint64))
    return stacks if whole and number[0] >= 0 else None


def _recorded(reader: Reader, symbols: Symbols, where: U64) -> bool:
    """Whether there is any of these pointers, or where nothing is sampled MemProfileRate.

    A snapshot of an older release has the specials, but not their buckets; what Delve saved has neither.
    """
    width = reader.word_type.itemsize
    if len(where):
        return bool(reader.memory.read_many(where, width).readable.any())
    rate = symbols.get("MemProfileRate")
    return rate is None or not isinstance(reader.memory.read(rate, width), Unreadable)


def _buckets(reader: Reader, addresses: U64) -> tuple[I64, I64, Stacks, bool]:
    """Read the buckets at these addresses.

    Returns
    -------
    int64 (n,), the number of each, -1 for what is none; sizes and stacks by that number; and whether all stacks are known.
    """
    with held(reader, addresses):
        buckets = reader.records("bucket", addresses)
        good: Mask = buckets.readable & (buckets["typ"] == HEAP) & (buckets["size"] >= 0)
        good &= (buckets["nstk"] >= 0) & (buckets["nstk"] <= MOST_FRAMES)
        buckets = reader.records("bucket", addresses[good])
        stacks, _, whole = read_stacks(reader, buckets)
    number = np.full(len(addresses), -1, np.int64)
    number[good] = np.arange(np.count_nonzero(good))
    return number, buckets["size"], stacks, whole


def _known(reader: Reader) -> bool:
    structs = reader.layout.structs
    return "specialprofile" in structs and "bucket" in structs
