"""What go-spans profile answers."""

from __future__ import annotations

from typing import Literal

from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.document import BYTES, COUNT, NANOSECONDS, Document, document, field
from gdb_gospan.reports.pprof import Written
from gdb_gospan.reports.rows.sites import Allocated, Waited


@document
class Totals(Document):
    """Of all stacks; None for what the profile does not have."""

    inuse_bytes: int | None = field("heap: bytes in use", unit=BYTES)
    inuse_error_bytes: int | None = field("heap: standard error of these", unit=BYTES)
    inuse_objects: int | None = field("heap: objects in use", unit=COUNT)
    alloc_bytes: int | None = field("heap: bytes allocated up to then", unit=BYTES)
    alloc_objects: int | None = field("heap: objects allocated up to then", unit=COUNT)
    samples: int | None = field("heap: sampled objects in use", unit=COUNT)
    delay_ns: int | None = field("block and mutex: nanoseconds waited", unit=NANOSECONDS)
    times: int | None = field("block and mutex: how often", unit=COUNT)
    stacks: int = field("distinct stacks, and sizes, that have something: the runtime's buckets", unit=COUNT)
    ticks: int | None = field(
        "block and mutex: the time waited in ticks of the processor's clock", unit=COUNT
    )
    named: bool = field("functions have names: the executable is known")
    scaled: bool = field(
        "the figures are estimates for all; if not, they are of the samples alone: MemProfileRate is 0, not known, or more "
        "than 1 TiB, or for Go 1.19 the fraction of the mutex profile"
    )
    complete: bool = field("all could be read")


@document
class Profile(Listed):
    """One of the profiles that the runtime keeps."""

    of: Literal["heap", "block", "mutex"] = field("which profile")
    by: Literal["function", "line", "stack"] = field("what a row is")
    rate: int | None = field(
        "runtime.MemProfileRate: of so many bytes that are allocated one is sampled on average; 0: none; null: not known, "
        "and the figures are of the sampled objects alone",
        unit=BYTES,
        default=None,
    )
    collections: int | None = field(
        "the heap profile is up to the end of this GC cycle: the one before the last, or the last where the program has waited "
        "for its sweep; null where none is published, and it is all up to now, what is dead included",
        unit=COUNT,
        default=None,
    )
    sites: tuple[Allocated, ...] = field("heap: what was allocated where", default=())
    waits: tuple[Waited, ...] = field("block and mutex: who waited where", default=())
    totals: Totals | None = field(
        "of all rows; null where the runtime's table of profiles was not found", default=None
    )
    written: Written | None = field("the file for go tool pprof, if one was asked for", default=None)
