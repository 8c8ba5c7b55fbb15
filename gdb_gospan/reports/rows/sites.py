"""Rows of profiles: functions, lines and stacks, with what happened there."""

from __future__ import annotations

from typing import NamedTuple

from gdb_gospan.analysis.callsites import Gathered
from gdb_gospan.analysis.goroutines import Place
from gdb_gospan.fields.document import BYTES, COUNT, DOWN, NANOSECONDS, UP, Document, document, field
from gdb_gospan.fields.units import count, duration


class Where(NamedTuple):
    """The innermost call of a row, and all of its calls in words."""

    function: str
    file: str | None
    line: int | None
    stack: tuple[str, ...]

    @classmethod
    def of(cls, sums: Gathered, row: int) -> Where:
        """Name a row of what was gathered."""
        calls = sums.places[row]
        first = calls[0] if calls else Place("(no stack)")
        words = tuple(f"{each.function} {each.file}:{each.line}" for each in calls)
        return cls(first.function, first.file or None, first.line or None, words)


def _where(row: Site) -> str:
    """Name the place as people look for it: the file's name without its folder."""
    return f"{row.function} {row.file.rpartition('/')[2]}:{row.line}" if row.file else row.function


@document
class Site(Document):
    """A function, a line or a stack."""

    function: str = field(
        "the function; of a stack, the innermost one. An address where functions have no names",
        heading="function",
        left=True,
        wraps=True,
        shown=lambda row, _: _where(row),
        sorts=UP,
        last=1,
    )
    file: str | None = field("by line and by stack: the file of the call", last=1)
    line: int | None = field("by line and by stack: the line of the call", last=1)
    stack: tuple[str, ...] = field(
        "by stack: the calls, the innermost first, each as function, file and line", last=1
    )


@document
class Allocated(Site):
    """What was allocated at a place: estimates for all objects, by the sampled ones."""

    inuse_bytes: int = field(
        "bytes in use that were allocated here", unit=BYTES, heading="in use", sorts=DOWN
    )
    inuse_error_bytes: int | None = field(
        "standard error of these bytes by sampling theory: two times out of three the truth is not farther away. 0 where "
        "each object is sampled; null where MemProfileRate is 0 or not known",
        help="standard error of the bytes in use: the truth is mostly not farther away than that",
        unit=BYTES,
        heading="error",
        rank=3,
        sorts=DOWN,
    )
    inuse_objects: int = field(
        "objects in use that were allocated here", unit=COUNT, heading="objects", rank=2, sorts=DOWN
    )
    cum_inuse_bytes: int = field(
        "bytes in use that were allocated here or in what is called from here",
        unit=BYTES,
        heading="with calls",
        rank=1,
        sorts=DOWN,
    )
    alloc_bytes: int = field(
        "bytes that were allocated here up to then", unit=BYTES, heading="allocated", rank=4, sorts=DOWN
    )
    alloc_objects: int = field("objects that were allocated here up to then", unit=COUNT, sorts=DOWN)
    cum_alloc_bytes: int = field(
        "bytes that were allocated here or in what is called from here up to then", unit=BYTES, sorts=DOWN
    )
    samples: int = field("sampled objects in use that these figures rest on", unit=COUNT, sorts=DOWN)


def _delay(nanoseconds: int | None, ticks: int) -> str:
    return f"{count(ticks)} ticks" if nanoseconds is None else duration(nanoseconds)


@document
class Waited(Site):
    """Who waited at a place."""

    delay_ns: int | None = field(
        "nanoseconds waited here; null where the speed of the processor's clock is not known",
        unit=NANOSECONDS,
        heading="waited",
        shown=lambda row, _: _delay(row.delay_ns, row.ticks),
        sorts=DOWN,
    )
    cum_delay_ns: int | None = field(
        "nanoseconds waited here or in what is called from here",
        unit=NANOSECONDS,
        heading="with calls",
        shown=lambda row, _: _delay(row.cum_delay_ns, row.cum_ticks),
        rank=1,
        sorts=DOWN,
    )
    ticks: int = field("delay_ns in ticks of that clock (runtime.cputicks)", unit=COUNT, sorts=DOWN)
    cum_ticks: int = field("cum_delay_ns in ticks", unit=COUNT, sorts=DOWN)
    times: int = field("how often", unit=COUNT, heading="times", rank=2, sorts=DOWN)
