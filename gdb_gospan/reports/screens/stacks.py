"""The tables of stacks: by size, and by who stands on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdb_gospan.fields import units
from gdb_gospan.fields.units import count, share
from gdb_gospan.render.provenance import cut_off, footer, heading, note, wrapped
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted

_WHERE = (
    ("goroutines", "living_bytes"),
    ("dead goroutines, kept for reuse", "dead_goroutine_bytes"),
    ("threads and runtime (g0, gsignal, gcrash)", "system_bytes"),
    ("threads that have exited (sched.freem)", "exited_bytes"),
    ("other", "other_bytes"),
    ("cached by Ps", "cached_bytes"),
    ("free in stack spans", "free_bytes"),
)
_IF_ANY = ("dead_goroutine_bytes", "exited_bytes", "other_bytes")
"""Left out when there is nothing, or when it is not known."""
_OTHER = {
    "transient": "other, changing hands",
    "unknown": "other, whose is not known",
    "broken": "other, of nobody (check stack-use)",
}
"""What the rest is called, by what the check says of it."""


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the tables out."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=style.exact)

    where = _where(document, size)
    sizes = [
        {
            **row,
            "name": "large, one to a span" if row["large"] else f"{row['size']:,}",
            "free_text": "" if row["large"] else _size(row["free_bytes"], size),
        }
        for row in document["sizes"]
    ]
    states = [{**row, "bytes": size(row["stack_bytes"])} for row in document["goroutines"]]
    by_size = [
        Column("name", "size", left=True, wraps=True),
        Column("spans", "spans", count, rank=2),
        Column("span_bytes", "bytes", size),
        Column("capacity", "stacks", count, rank=3),
        Column("given_out", "given out", count, rank=1),
        Column("free", "free", lambda value: "?" if value is None else count(value), rank=4),
        Column("free_text", "free bytes", rank=1),
    ]
    by_state = [
        Column("state", "goroutines", left=True, wraps=True),
        Column("count", "number", count),
        Column("bytes", "stack bytes"),
    ]
    whose = [
        Column("name", "stacks of", left=True, wraps=True),
        Column("bytes", "bytes"),
        Column("share", "of StackInuse", rank=1),
    ]
    parts = [heading(document, style), ""]
    for columns, rows, of in (
        (whose, where, 0),
        (by_size, sizes, document["total_rows"]),
        (by_state, states, 0),
    ):
        body, left_out = fitted(columns, rows, None, style.room, of=of)
        parts += [body, *([note(left_out, style.width)] if left_out else []), ""]
    parts.pop()
    if cut := cut_off(document, len(sizes), "sizes", style.width):
        parts.append(cut)
    if threads := _threads(document["threads"]):
        parts.append(wrapped("threads", threads, style.width))
    if damaged := document["goroutines_damaged"]:
        noun = "goroutine is" if damaged == 1 else "goroutines are"
        left_out = f"{count(damaged)} {noun} in no state that this release has, and left out"
        parts.append(style.paint("notice", note(left_out, style.width)))
    if not document["goroutines_complete"]:
        bounds = note("some goroutines could not be read: these are lower bounds", style.width)
        parts.append(style.paint("notice", bounds))
    return "\n".join([*parts, footer(document, style)]) + "\n"


def _where(document: dict[str, Any], size: Callable[[int | None], str]) -> list[dict[str, Any]]:
    """Say whose the bytes of stack spans are."""
    totals, whole = document["totals"], document["totals"]["span_bytes"]
    own, dead = totals["goroutine_bytes"], totals["dead_goroutine_bytes"]
    totals = {**totals, "living_bytes": None if own is None or dead is None else own - dead}
    status = {check["code"]: check["status"] for check in document["checks"]}.get("stack-use", "unknown")
    rows = [
        {
            "name": _OTHER.get(status, name) if key == "other_bytes" else name,
            "bytes": _size(totals[key], size),
            "share": "" if totals[key] is None else share(totals[key], whole),
        }
        for name, key in _WHERE
        if totals[key] or key not in _IF_ANY
    ]
    return [*rows, {"name": "StackInuse", "bytes": size(whole), "share": ""}]


def _size(value: int | None, size: Callable[[int | None], str]) -> str:
    return "does not add up" if value is None else size(value)


def _threads(threads: dict[str, int | None]) -> list[str]:
    """Count the threads in words, as far as they are known."""
    told = []
    if threads["go"] is not None:
        told.append(f"{count(threads['go'])} of Go")
    if threads["c"]:
        told.append(f"{count(threads['c'])} of C, without an M")
    if threads["exited"]:
        told.append(f"{count(threads['exited'])} exited, whose stack waits for the next thread to be made")
    return told
