"""The screen of go-spans objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.units import counted, share
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out, wrapped
from gdb_gospan.render.tables import columns_of, fitted, total_of

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.reports.objects import Objects, Typed

_INDENT: Final = 10
_NAMES: Final = {
    "data": "initialized variables",
    "bss": "variables",
    "stack": "goroutine stacks",
    "registers": "registers",
    "finalizer": "finalizers",
    "finalized": "objects with finalizers",
    "weak_handle": "weak pointers",
    "cleanup": "cleanups",
    "finalizer_queue": "finalizers waiting",
    "cleanup_queue": "cleanups waiting",
}

Size = Callable[[int | None], str]


def screen(answer: Objects, looks: Looks) -> str:
    """Lay out the classes, the occupancies, and what the walk rests on."""
    from gdb_gospan.reports.objects import Class, Occupancy, Type  # noqa: PLC0415  # which imports this one

    size: Size = partial(units.nbytes, exact=looks.exact)
    parts = [heading(answer, looks), ""]
    if answer.types is not None:
        parts += [*_table(answer, Type, answer.types, looks), ""]
    else:
        parts += [*_table(answer, Class, answer.classes, looks), ""]
        parts += [*_table(answer, Occupancy, answer.occupancies, looks), ""]
    parts += [wrapped(name, said, looks.width, _INDENT) for name, said in _facts(answer, size)]
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


def _table(answer: Objects, row: type, rows: Sequence[object], looks: Looks) -> list[str]:
    """Return a table with the sums of all rows below, and what is left out of it."""
    listed = rows is not answer.occupancies
    columns = columns_of(row, looks, sort=answer.sort if listed else "")
    total = total_of(columns, answer.totals, {"elemsize": "all", "up_to": "all", "name": "all"})
    body, left_out = fitted(columns, rows, total, looks.room)
    noun = "span classes" if answer.types is None else "types"
    more = rows_left_out(answer.total_rows, len(rows), noun, looks.width) if listed else ""
    return [body, *filter(None, [more, note(left_out, looks.width)])]


def _facts(answer: Objects, size: Size) -> list[tuple[str, list[str]]]:
    totals = answer.totals
    garbage = [
        f"{size(totals.garbage_bytes)} or more, {share(totals.garbage_bytes, totals.object_bytes)} of object bytes",
        f"{size(totals.new_garbage_bytes)} of it allocated since the last GC cycle",
        f"it strands {size(totals.garbage_stranded_bytes)} of free slots",
        f"up to {size(answer.by_stacks_alone_bytes)} more, which only words on stacks lead to, some of them stale",
    ]
    began = [
        f"{counted(kind.pointers, 'pointer')} of {_NAMES[kind.code]}"
        for kind in answer.roots
        if kind.pointers
    ]
    facts = [("Garbage", garbage), ("Roots", began)]
    facts = facts if answer.typed is None else [("Types", _known(answer.typed)), *facts]
    doubts = list(_doubts(answer, size))
    return [*facts, ("Not known", doubts)] if doubts else facts


def _known(typed: Typed) -> list[str]:
    """Say of how many of the reached bytes the type is known, and how."""
    if not typed.described:
        return ["none is known: the program's type descriptors were not found (try: with the executable)"]
    ways = {
        "exactly": typed.exact_bytes,
        "through pointers": typed.edges_bytes,
        "inferred from shape": typed.shape_bytes,
    }
    known = sum(ways.values())
    reached = known + typed.unknown_bytes
    parts = [f"{share(nbytes, reached)} {way}" for way, nbytes in ways.items() if nbytes]
    found = [
        f"{share(known, reached)} of reached bytes: {', '.join(parts)}" if parts else "none of reached bytes"
    ]
    conflicts = f"{counted(typed.conflicts, 'object')} unknown, of which two types were found"
    return [*found, conflicts] if typed.conflicts else found


def _doubts(answer: Objects, size: Size) -> list[str]:
    """Say what makes the figures less than exact."""
    lost = [_NAMES[kind.code] for kind in answer.roots if kind.unread]
    guessed = [_NAMES[kind.code] for kind in answer.roots if kind.guessed]
    found = (
        [f"some roots were not found: {', '.join(lost)}; what only they hold counts as garbage"]
        if lost
        else []
    )
    found += [f"every word counts as a pointer: {', '.join(guessed)}"] if guessed else []
    found += (
        [f"the types of {counted(answer.untyped, 'object')}: every word counts"] if answer.untyped else []
    )
    found += [f"{size(answer.unread_bytes)} of objects could not be read"] if answer.unread_bytes else []
    unknown = answer.totals.unknown
    return [*found, f"whether {counted(unknown, 'object')} are reached"] if unknown else found
