"""A profile as go tool pprof takes it: what runtime/pprof would write (protomem.go, and pprof.go for the others)."""

from __future__ import annotations

from typing import Final

import numpy as np

from gdb_gospan.analysis.callsites import Names
from gdb_gospan.analysis.mappedcode import mapped_code
from gdb_gospan.analysis.profiles import Sampled, Waits
from gdb_gospan.analysis.session import Session
from gdb_gospan.render.pprof import Call, NumberLabel, Profile, SampleType
from gdb_gospan.runtime.mprof import Buckets, Stacks
from gdb_gospan.runtime.record import I64, U64

_HEAP: Final = (
    SampleType("alloc_objects", "count"),
    SampleType("alloc_space", "bytes"),
    SampleType("inuse_objects", "count"),
    SampleType("inuse_space", "bytes"),
)
_CONTENTIONS: Final = SampleType("contentions", "count")


def profile_file(
    session: Session, buckets: Buckets, found: Sampled | Waits, stacks: Stacks, names: Names
) -> Profile:
    """Return the samples, each with its stack and its values; those of the heap also with the size of one object.

    Parameters
    ----------
    stacks
        The frames of each.
    names
        Of what is called there.
    """
    addresses = stacks.pcs - np.uint64(1)
    heap = isinstance(found, Sampled)
    return Profile(
        sample_types=_HEAP if heap else _types(found),
        values=_values(found),
        addresses=addresses,
        offsets=stacks.first,
        calls={} if session.lines is None else _calls(addresses, names),
        mappings=mapped_code(session),
        labels=_sizes(session, buckets, found) if isinstance(found, Sampled) else (),
        period_type=SampleType("space", "bytes") if heap else _CONTENTIONS,
        period=buckets.rate if heap else 1,
        time_nanos=session.heap.moment,
    )


def _types(found: Sampled | Waits) -> tuple[SampleType, ...]:
    timed = isinstance(found, Waits) and found.nanoseconds is not None
    return _CONTENTIONS, SampleType("delay", "nanoseconds" if timed else "ticks")


def _values(found: Sampled | Waits) -> I64:
    if isinstance(found, Sampled):
        return found.scaled
    return np.stack([found.count, found.ticks if found.nanoseconds is None else found.nanoseconds], axis=1)


def _sizes(session: Session, buckets: Buckets, found: Sampled) -> tuple[NumberLabel, ...]:
    """Return the size of one object: of each sample since a bucket counts no bytes, before of those that had an object."""
    sizes = buckets.size[found.rows]
    counted = "alloc_bytes" in session.heap.layout["memRecordCycle"].fields
    return (NumberLabel("bytes", sizes, (found.allocs > 0) & (sizes != 0) if counted else None),)


def _calls(addresses: U64, names: Names) -> dict[int, tuple[Call, ...]]:
    return {
        address: tuple(
            Call(each.function, each.file or None, each.line or None) for each in names.calls(address)
        )
        for address in np.unique(addresses).tolist()
    }
