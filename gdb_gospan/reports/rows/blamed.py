"""Rows of go-spans blame: who allocated what is alive, by place and by span class."""

from __future__ import annotations

from typing import Literal

from gdb_gospan.fields.answer import Listed
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, PERCENT, Document, Looks, document, field
from gdb_gospan.fields.spanclass import number_column, size_column
from gdb_gospan.fields.units import UNKNOWN, count, nbytes, percent
from gdb_gospan.reports.pprof import Written
from gdb_gospan.reports.rows.sites import Site

NOT_FOUND = "it is not known which objects were sampled"


def shares(value: float | None) -> str:
    """Write a number of spans, of which objects have shares."""
    return UNKNOWN if value is None else f"{value:,.1f}" if value < 99.95 else f"{value:,.0f}"


@document
class Blamed(Site):
    """What the objects that were allocated at a place keep: estimates for all of them, by the sampled ones."""

    stranded_bytes: int = field(
        "bytes of free slots that objects allocated here keep: those of a span are shared equally among its objects",
        unit=BYTES,
        heading="stranded",
        sorts=DOWN,
    )
    stranded_error_bytes: int | None = field(
        "standard error of stranded_bytes by sampling theory: two times out of three the truth is not farther away. 0 where "
        "each object is sampled; null where it is not estimated. So are all errors and bounds",
        help="standard error of the stranded bytes: the truth is mostly not farther away than that",
        unit=BYTES,
        heading="error",
        rank=3,
        sorts=DOWN,
    )
    stranded_low_bytes: int | None = field(
        "lower bound of stranded_bytes: the truth is between the bounds 19 times out of 20", unit=BYTES
    )
    stranded_high_bytes: int | None = field("upper bound of stranded_bytes", unit=BYTES)
    alive_bytes: int = field(
        "bytes of slots with objects allocated here that are not known to be dead",
        unit=BYTES,
        heading="alive",
        rank=1,
        sorts=DOWN,
    )
    alive_error_bytes: int | None = field("standard error of alive_bytes", unit=BYTES, sorts=DOWN)
    alive_low_bytes: int | None = field("lower bound of alive_bytes", unit=BYTES)
    alive_high_bytes: int | None = field("upper bound of alive_bytes", unit=BYTES)
    spans: float = field(
        "spans that objects allocated here keep in use: a span is shared equally among its objects",
        heading="spans",
        shown=lambda row, _: shares(row.spans),
        rank=2,
        sorts=DOWN,
    )
    spans_error: float | None = field("standard error of spans", sorts=DOWN)
    spans_low: float | None = field("lower bound of spans")
    spans_high: float | None = field("upper bound of spans")
    cum_stranded_bytes: int = field(
        "bytes of free slots that objects keep that were allocated here or in what is called from here",
        unit=BYTES,
        heading="with calls",
        rank=5,
        sorts=DOWN,
    )
    cum_alive_bytes: int = field("alive_bytes here or in what is called from here", unit=BYTES, sorts=DOWN)
    cum_spans: float = field("spans here or in what is called from here", sorts=DOWN)
    objects: int = field("objects allocated here that are not known to be dead", unit=COUNT, sorts=DOWN)
    new_bytes: int = field(
        "part of alive_bytes: allocated since the last GC cycle, so that some may be garbage",
        unit=BYTES,
        sorts=DOWN,
    )
    samples: int = field(
        "sampled objects that these figures rest on", unit=COUNT, heading="samples", rank=4, sorts=DOWN
    )
    type: str | None = field(
        "with --types: the type of most of these samples, of those whose type is known; null where none is, and without --types",
        help="with --types: the type of most of the samples, and how many other types these have",
        heading="type",
        left=True,
        shown=lambda row, _: typed(row),
    )
    type_samples: int | None = field("samples of that type; null without --types", unit=COUNT)
    other_types: int | None = field(
        "how many other types these samples have; null without --types", unit=COUNT
    )


def typed(row: Blamed) -> str:
    """Write the type of most samples, and how many others there are."""
    if row.type is None:
        return UNKNOWN
    return f"{row.type} + {row.other_types:,}" if row.other_types else row.type


def _site(row: BlamedClass, looks: Looks) -> str:
    if row.function is None:
        return "no sample"
    place = f" {row.file.rpartition('/')[2]}:{row.line}" if row.file else ""
    error = (
        f" ± {nbytes(row.site_stranded_error_bytes, exact=looks.exact)}"
        if row.site_stranded_error_bytes
        else ""
    )
    return f"{nbytes(row.site_stranded_bytes, exact=looks.exact)}{error} {row.function}{place}"


@document
class BlamedClass(Document):
    """What the objects of a span class keep, by the bitmaps; and the place that most of it was allocated at, by the samples."""

    spanclass: int = number_column(rank=6)
    elemsize: int = size_column()
    noscan: bool = field("its objects hold no pointers")
    stranded_bytes: int = field(
        "bytes of free slots in spans that have objects", unit=BYTES, heading="stranded", sorts=DOWN
    )
    alive_bytes: int = field(
        "bytes of slots with objects that are not known to be dead",
        unit=BYTES,
        heading="alive",
        rank=1,
        sorts=DOWN,
    )
    spans: int = field("spans that have such objects", unit=COUNT, heading="spans", rank=2, sorts=DOWN)
    objects: int = field("objects that are not known to be dead", unit=COUNT, sorts=DOWN)
    new_bytes: int = field("part of alive_bytes: allocated since the last GC cycle", unit=BYTES, sorts=DOWN)
    samples: int = field("sampled ones of these objects", unit=COUNT, heading="samples", rank=4, sorts=DOWN)
    function: str | None = field(
        "the function at the line whose objects strand most, or where none are stranded have most bytes alive; null without samples",
        help="the line whose objects strand most of it, with an estimate of how much",
        heading="most by",
        left=True,
        wraps=True,
        shown=_site,
        last=1,
    )
    file: str | None = field("the file of that line", last=1)
    line: int | None = field("that line", last=1)
    site_stranded_bytes: int | None = field(
        "part of stranded_bytes of that line, an estimate", unit=BYTES, last=1
    )
    site_stranded_error_bytes: int | None = field("standard error of it", unit=BYTES, last=1)
    site_alive_bytes: int | None = field("part of alive_bytes of that line, an estimate", unit=BYTES, last=1)


def _figure(value: int | None, row: Covered, looks: Looks) -> str:
    return nbytes(value, exact=looks.exact) if row.of != "spans" else count(value)


def _share(row: Covered) -> str:
    error = f" ± {percent(row.share_error)}" if row.share_error else ""
    return f"{percent(row.share)}{error}"


def _between(row: Covered, looks: Looks) -> str:
    low, high = (_figure(each, row, looks) for each in (row.unattributed_low, row.unattributed_high))
    return low if low == high else f"{low} to {high}"


@document
class Covered(Document):
    """How much of what all objects keep the samples account for."""

    of: Literal["stranded", "alive", "spans"] = field(
        "what is counted: bytes of free slots that objects keep, bytes of their own slots, or spans",
        heading="all",
        left=True,
    )
    whole: int = field(
        "what all objects keep, by the bitmaps",
        heading="in the heap",
        shown=lambda row, looks: _figure(row.whole, row, looks),
    )
    attributed: int = field(
        "estimate by the samples of what the objects keep that have a known stack",
        help="what the samples account for",
        heading="attributed",
        shown=lambda row, looks: _figure(row.attributed, row, looks),
    )
    error: int | None = field(
        "standard error of attributed",
        heading="error",
        shown=lambda row, looks: _figure(row.error, row, looks),
        rank=1,
    )
    low: int | None = field("lower bound of attributed, 19 times out of 20")
    high: int | None = field("upper bound of attributed")
    share: float | None = field(
        "attributed in percent of whole",
        help="attributed, in percent of what all objects keep, with the standard error",
        unit=PERCENT,
        heading="share",
        shown=lambda row, _: _share(row),
    )
    share_error: float | None = field("standard error of share", unit=PERCENT)
    unattributed: int | None = field(
        "whole without attributed, and not less than 0; null where it is not known"
    )
    unattributed_low: int | None = field(
        "lower bound of unattributed",
        help="what they do not account for: between these bounds, 19 times out of 20",
        heading="not attributed",
        shown=_between,
    )
    unattributed_high: int | None = field("upper bound of unattributed")


@document
class Blame(Listed):
    """Which code allocated the objects that keep the spans."""

    by: Literal["function", "line", "stack", "class"] = field("what a row is")
    rate: int | None = field(
        "runtime.MemProfileRate: of so many bytes that are allocated one is sampled on average; 0: none; null: not known",
        unit=BYTES,
    )
    found: bool = field(
        "it is known which objects were sampled; if not, there are no rows but those of the classes"
    )
    estimated: bool = field(
        "the figures are estimates for all objects; if not, they are of the sampled ones alone: MemProfileRate is 0, not known, "
        "or more than 1 TiB"
    )
    samples: int = field("sampled objects that are not known to be dead", unit=COUNT)
    stacks: int = field(
        "distinct stacks, and sizes, that they were allocated by: the runtime's buckets", unit=COUNT
    )
    lost: int = field(
        "sampled objects of which the stack, or whether they are alive, could not be read", unit=COUNT
    )
    all_read: bool = field("all lists of sampled objects and all bitmaps could be read")
    named: bool = field("functions have names: the executable is known")
    described: bool | None = field(
        "the program's type descriptors could be read; without its executable a core has none. null without --types"
    )
    covered: tuple[Covered, ...] = field("how much of what all objects keep the samples account for")
    objects: int = field("objects that are not known to be dead", unit=COUNT)
    new_bytes: int = field(
        "bytes of those that were allocated since the last GC cycle: some may be garbage", unit=BYTES
    )
    empty_bytes: int = field("bytes of free slots in spans without objects, which nobody keeps", unit=BYTES)
    sites: tuple[Blamed, ...] = field(
        "by function, line and stack: what was allocated where. Places that only call others are there if it is sorted by a cum_ column"
    )
    classes: tuple[BlamedClass, ...] = field(
        "by class: each span class that has objects. So it is in any case where MemProfileRate is 0 or there are no samples"
    )
    written: Written | None = field("the file for go tool pprof, if one was asked for", default=None)
