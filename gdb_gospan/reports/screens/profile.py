"""The screen of go-spans profile."""

from __future__ import annotations

from collections.abc import Sequence

from gdb_gospan.analysis.sampling import tells
from gdb_gospan.fields import units
from gdb_gospan.fields.document import Document, Looks
from gdb_gospan.fields.report import Rows
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import columns_of, fitted
from gdb_gospan.reports.rows.profiles import Profile
from gdb_gospan.reports.rows.sites import Allocated, Waited

NOT_FOUND = "the runtime's table of profiles was not found"


def screen(answer: Profile, looks: Looks) -> str:
    """Say what the profile is of, then the rows."""
    row: type[Document] = Allocated if answer.of == "heap" else Waited
    rows: Rows = answer.sites or answer.waits
    parts = [heading(answer, looks), "", *filled(_first(answer, looks), looks.width), ""]
    if rows and answer.by == "stack":
        parts += _stacks(answer, looks)
    elif rows:
        body, left_out = fitted(columns_of(row, looks), rows, None, looks.room, of=answer.total_rows)
        parts += [body, *([note(left_out, looks.width)] if left_out else [])]
    if left := rows_left_out(answer.total_rows, len(rows), f"{answer.by}s", looks.width):
        parts.append(left)
    parts += [looks.paint("notice", note(each, looks.width)) for each in _notes(answer)]
    if answer.written is not None:
        size = units.nbytes(answer.written.bytes, exact=looks.exact)
        parts += ["", f"wrote {answer.written.file}, {size}", f"  go tool pprof -top {answer.written.file}"]
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


def _first(answer: Profile, looks: Looks) -> str:
    totals = answer.totals
    if totals is None:
        return f"{NOT_FOUND[0].upper()}{NOT_FOUND[1:]}."
    if totals.times is not None:
        stacks = units.counted(totals.stacks, "stack")
        return f"{units.counted(totals.times, 'wait')} at {stacks}, {_delay(totals.delay_ns, totals.ticks)} in all."
    inuse, allocated = (
        units.nbytes(each, exact=looks.exact) for each in (totals.inuse_bytes, totals.alloc_bytes)
    )
    error = units.nbytes(totals.inuse_error_bytes, exact=looks.exact) if totals.inuse_error_bytes else ""
    samples = units.counted(totals.samples or 0, "sampled object")
    if answer.collections is None:
        until = f"allocated up to now, by {samples}: what is dead is in it, for no GC cycle is published yet"
    else:
        until = f"in use at the end of GC cycle {answer.collections}, by {samples}; {allocated} allocated up to then"
    before = "Before it was 0: " if answer.rate == 0 else ""
    return f"{rate_told(answer.rate, looks)}{before}{inuse}{f' ± {error}' if error else ''} {until}."


def _delay(nanoseconds: int | None, ticks: int | None) -> str:
    return f"{units.count(ticks)} ticks of the clock" if nanoseconds is None else units.duration(nanoseconds)


def rate_told(rate: int | None, looks: Looks) -> str:
    """Say what the samples stand for: the begin of a sentence, or sentences before it."""
    if rate is None:
        return "MemProfileRate is not known: the figures are of the sampled objects alone. "
    if rate == 0:
        return (
            "MemProfileRate is 0: what the program allocates is not sampled (the linker sets it to 0 where nothing in the "
            "program reads the profile: import runtime/pprof or net/http/pprof). "
        )
    if not tells(rate):
        return "MemProfileRate is so large that nothing is sampled: the figures are of the sampled objects alone. "
    return "" if rate == 1 else f"One sample in {units.nbytes(rate, exact=looks.exact)}: "


def _stacks(answer: Profile, looks: Looks) -> list[str]:
    """Lay stacks out, each below its figures."""
    parts: list[str] = []
    rows: tuple[Allocated | Waited, ...] = (*answer.sites, *answer.waits)
    for row in rows:
        parts += [*([""] if parts else []), *filled(_figures(row, looks), looks.width)]
        parts += [line for call in row.stack for line in filled(call, looks.width, "    ", "      ")]
    return parts


def _figures(row: Allocated | Waited, looks: Looks) -> str:
    if isinstance(row, Waited):
        return f"{units.counted(row.times, 'wait')}, {_delay(row.delay_ns, row.ticks)} in all"
    inuse, allocated = (units.nbytes(each, exact=looks.exact) for each in (row.inuse_bytes, row.alloc_bytes))
    error = f" ± {units.nbytes(row.inuse_error_bytes, exact=looks.exact)}" if row.inuse_error_bytes else ""
    return f"{inuse}{error} in use, {units.counted(row.inuse_objects, 'object')}; {allocated} allocated up to then"


def _notes(answer: Profile) -> Sequence[str]:
    totals, notes = answer.totals, []
    if totals is None:
        return [_WITHOUT_TABLE]
    if not totals.scaled and answer.of == "mutex":
        notes.append(
            "runtime.SetMutexProfileFraction is 0 now, or not known: the figures are of the sampled waits alone"
        )
    if not totals.complete:
        notes.append("some buckets could not be read: these are lower bounds")
    if not totals.named and totals.stacks:
        notes.append("functions have no names without the executable (try: go-spans profile PROGRAM CORE)")
    if totals.times and totals.delay_ns is None:
        notes.append(
            "how fast the clock is the runtime computes when the program first asks for such a profile"
        )
    if answer.of != "heap" and not totals.times:
        setting = "SetBlockProfileRate" if answer.of == "block" else "SetMutexProfileFraction"
        notes.append(f"nothing was recorded: the program has to call runtime.{setting} for it")
    return notes


_WITHOUT_TABLE = (
    "a snapshot of an older release of go-spans does not have it; without symbols it is found by a sampled object that is "
    "alive (try: the executable with its symbols, or a new snapshot)"
)
