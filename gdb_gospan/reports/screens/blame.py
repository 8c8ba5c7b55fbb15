"""The screen of go-spans blame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Document, Looks
from gdb_gospan.fields.units import counted
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import columns_of, fitted
from gdb_gospan.reports.rows.blamed import NOT_FOUND, Blame, Blamed, BlamedClass, Covered, shares
from gdb_gospan.reports.screens.profile import rate_told

_FEW: Final = 10
"""Samples below which the standard error is more than a third of the figure, or about so."""
_CLASS: Final = "class"


def screen(answer: Blame, looks: Looks) -> str:
    """Say what the figures rest on; then the rows, and how much of all they account for."""
    parts = [heading(answer, looks), "", *filled(_first(answer, looks), looks.width), ""]
    if answer.by == "stack":
        parts += _stacks(answer.sites, looks)
    elif answer.sites:
        parts += _table(
            Blamed, answer.sites, looks, of=answer.total_rows, sort=answer.sort, types=answer.described
        )
    rows = answer.classes if answer.by == _CLASS else answer.sites
    noun = "span classes" if answer.by == _CLASS else f"{answer.by}s"
    if answer.classes:
        parts += ["", *filled(_CLASSES, looks.width)] if answer.by != _CLASS else []
        parts += _table(BlamedClass, answer.classes, looks, of=0, sort=answer.sort)
    if left := rows_left_out(answer.total_rows, len(rows), noun, looks.width):
        parts.append(left)
    parts += ["", *_table(Covered, answer.covered, looks, of=0)]
    parts += [looks.paint("notice", note(each, looks.width)) for each in _notes(answer, looks)]
    if answer.written is not None:
        size = units.nbytes(answer.written.bytes, exact=looks.exact)
        parts += ["", f"wrote {answer.written.file}, {size}", f"  go tool pprof -top {answer.written.file}"]
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


_CLASSES: Final = "Without samples the bitmaps tell which span classes strand most (more: classes, and objects for what is reached):"


def _table(
    row: type[Document],
    rows: Sequence[Document],
    looks: Looks,
    *,
    of: int,
    sort: str = "",
    types: bool | None = None,
) -> list[str]:
    columns = [each for each in columns_of(row, looks, sort=sort) if each.key != "type" or types is not None]
    body, left_out = fitted(columns, rows, None, looks.room, of=of)
    return [body, *([note(left_out, looks.width)] if left_out else [])]


def _first(answer: Blame, looks: Looks) -> str:
    if not answer.found:
        return f"{NOT_FOUND[0].upper()}{NOT_FOUND[1:]}."
    samples = counted(answer.samples, "sampled object")
    are = "is" if answer.samples == 1 else "are"
    alive = f"{samples} {are} alive, allocated by {counted(answer.stacks, 'stack')}."
    every = "Every object is sampled: " if answer.rate == 1 else ""
    return f"{every}{rate_told(answer.rate, looks)}{alive}"


def _stacks(sites: Sequence[Blamed], looks: Looks) -> list[str]:
    """Lay stacks out, each below its figures."""
    parts: list[str] = []
    for row in sites:
        parts += [*([""] if parts else []), *filled(_figures(row, looks), looks.width)]
        parts += [line for call in row.stack for line in filled(call, looks.width, "    ", "      ")]
    return parts


def _figures(row: Blamed, looks: Looks) -> str:
    stranded, alive = (
        _with_error(*each, looks)
        for each in ((row.stranded_bytes, row.stranded_error_bytes), (row.alive_bytes, row.alive_error_bytes))
    )
    samples = counted(row.samples, "sample")
    return (
        f"{stranded} stranded by {alive} of objects alive in {shares(row.spans)} spans; {samples}{_type(row)}"
    )


def _type(row: Blamed) -> str:
    """Say which types the samples of a stack have, if that was asked for."""
    if row.type is None or row.type_samples is None:
        return "" if row.type_samples is None else " of unknown type"
    if row.type_samples == row.samples:
        return f" of type {row.type}"
    others = f", and {counted(row.other_types, 'other type')}" if row.other_types else ""
    return f", {row.type_samples:,} of type {row.type}{others}"


def _with_error(value: int, error: int | None, looks: Looks) -> str:
    size, about = (units.nbytes(each, exact=looks.exact) for each in (value, error))
    return f"{size} ± {about}" if error else size


def _notes(answer: Blame, looks: Looks) -> Iterator[str]:
    if not answer.found:
        yield (
            "a snapshot of an older release of go-spans does not have the stacks of sampled objects (try: a new snapshot, or the core)"
        )
        return
    few = sum(each.samples < _FEW for each in answer.sites if each.samples and each.stranded_error_bytes)
    if few:
        rows = "1 row rests" if few == 1 else f"{units.count(few)} rows rest"
        yield f"{rows} on fewer than {_FEW} samples: the truth may be far away (--json has bounds)"
    if answer.estimated and any(each.unattributed_high for each in answer.covered):
        yield (
            "not attributed is what was allocated before MemProfileRate was set"
            if answer.rate == 1
            else "not attributed is what the samples, as estimates, leave of the figures of the bitmaps"
        )
    if answer.new_bytes:
        size = units.nbytes(answer.new_bytes, exact=looks.exact)
        yield f"{size} of what is alive was allocated since the last GC cycle: some may be garbage"
    if answer.lost:
        yield f"{counted(answer.lost, 'sampled object')} could not be read"
    elif not answer.all_read:
        yield "some lists of sampled objects or bitmaps could not be read: these are lower bounds"
    if answer.described is False:
        yield "types are not known without the executable (try: go-spans blame --types PROGRAM CORE)"
    if not answer.named and answer.samples:
        yield "functions have no names without the executable (try: go-spans blame PROGRAM CORE)"
