"""A profile as go tool pprof takes it: what runtime/pprof would write (protomem.go, and pprof.go for the others)."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np

from gdb_gospan.analysis.blame import ALIVE, OBJECTS, SPANS, STRANDED, whole_spans
from gdb_gospan.analysis.callsites import Names
from gdb_gospan.analysis.mappedcode import mapped_code
from gdb_gospan.analysis.profiles import Sampled, Waits
from gdb_gospan.analysis.sampling import Moments
from gdb_gospan.analysis.session import Session
from gdb_gospan.render.pprof import Call, NumberLabel, Profile, SampleType
from gdb_gospan.runtime.mprof import Buckets, Stacks
from gdb_gospan.runtime.record import I64, U64
from gdb_gospan.runtime.sampledobjects import SampledObjects

_HEAP: Final = (
    SampleType("alloc_objects", "count"),
    SampleType("alloc_space", "bytes"),
    SampleType("inuse_objects", "count"),
    SampleType("inuse_space", "bytes"),
)
_KEPT: Final = (
    SampleType("objects", "count"),
    SampleType("alive", "bytes"),
    SampleType("stranded", "bytes"),
    SampleType("spans", "count"),
)
_SPACE: Final = SampleType("space", "bytes")
_CONTENTIONS: Final = SampleType("contentions", "count")


@attrs.frozen(eq=False)
class Figures:
    """What a file has besides the stacks: as of `render.pprof.Profile`."""

    types: tuple[SampleType, ...]
    values: I64
    labels: tuple[NumberLabel, ...]
    period_type: SampleType
    period: int | None
    default: str | None = None


def profile_file(session: Session, stacks: Stacks, names: Names, figures: Figures) -> Profile:
    """Return the samples, each with its stack and its figures.

    Parameters
    ----------
    stacks
        The frames of each.
    names
        Of what is called there.
    """
    addresses = stacks.pcs - np.uint64(1)
    return Profile(
        sample_types=figures.types,
        values=figures.values,
        addresses=addresses,
        offsets=stacks.first,
        calls={} if session.lines is None else _calls(addresses, names),
        mappings=mapped_code(session),
        labels=figures.labels,
        default_sample_type=figures.default,
        period_type=figures.period_type,
        period=figures.period,
        time_nanos=session.heap.moment,
    )


def of_profile(session: Session, buckets: Buckets, found: Sampled | Waits) -> Figures:
    """Return what runtime/pprof writes; of the heap also the size of one object."""
    if isinstance(found, Sampled):
        return Figures(_HEAP, found.scaled, _sizes(session, buckets, found), _SPACE, buckets.rate)
    return Figures(_types(found), _values(found), (), _CONTENTIONS, 1)


def of_blame(found: SampledObjects, rows: I64, kept: Moments) -> Figures:
    """Return what the sampled objects of these buckets keep, with the size of one object.

    Shares of spans are whole numbers here, each within one of what it is, and so is their sum.
    """
    values = np.rint(kept.total[:, [OBJECTS, ALIVE, STRANDED, SPANS]]).astype(np.int64)
    values[:, 3] = whole_spans(kept.total[:, SPANS])
    labels = (NumberLabel("bytes", found.size[rows]),)
    return Figures(_KEPT, values, labels, _SPACE, found.rate, _KEPT[2].name)


def _types(found: Waits) -> tuple[SampleType, ...]:
    return _CONTENTIONS, SampleType("delay", "nanoseconds" if found.nanoseconds is not None else "ticks")


def _values(found: Waits) -> I64:
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
