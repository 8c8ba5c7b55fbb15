"""The screen of go-spans owners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.units import counted
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, rows_left_out
from gdb_gospan.render.tables import columns_of, fitted
from gdb_gospan.reports.rows.owners import Kept, Leaked, Owner, Owners, Step
from gdb_gospan.reports.screens.held import KNOWN_BY

_MOST = 12
"""Lines of a path at most from each end."""


def screen(answer: Owners, looks: Looks) -> str:
    """Lay the tree out as a table, or how one object is kept; then the goroutines that wait forever."""
    parts = [heading(answer, looks), ""]
    parts += _tree(answer, looks) if answer.object is None else _object(answer.object, looks)
    parts += [looks.paint("notice", missing)] if (missing := note(_unread(answer), looks.width)) else []
    parts += _leaked(answer, looks) if answer.object is None else []
    if answer.written is not None:
        size = units.nbytes(answer.written.bytes, exact=looks.exact)
        parts += ["", f"wrote {answer.written.file}, {size}", f"  go tool pprof -top {answer.written.file}"]
    return "\n".join([*parts, "", footer(answer, looks)]) + "\n"


def _tree(answer: Owners, looks: Looks) -> list[str]:
    body, left_out = fitted(columns_of(Owner, looks), answer.owners, None, looks.room)
    roots = sum(row.depth == 0 for row in answer.owners)
    hidden = sum(row.left_out for row in answer.owners)
    deepest = max((row.depth for row in answer.owners), default=0)
    below = (
        f"{counted(hidden, 'row')} below these not shown: smaller or deeper (--min-bytes 1, --depth {2 * deepest + 2})"
        if hidden
        else ""
    )
    notes = [
        note(left_out, looks.width),
        rows_left_out(answer.total_rows, roots, "owners", looks.width),
        note(below, looks.width),
        note(_stale(answer), looks.width),
    ]
    return [*filled(_first(answer, looks), looks.width), "", body, *filter(None, notes)]


def _stale(answer: Owners) -> str:
    """Say what a goroutine may only seem to keep: which words of a frame are still in use is not looked up."""
    if not any(row.kind == "goroutine" and row.depth == 0 for row in answer.owners):
        return ""
    return "stacks are read word by word: what a goroutine retains may be garbage that an old word still points to"


def _unread(answer: Owners) -> str:
    """Say that something is missing here, of a core alone or one that is cut off; go-spans objects says what."""
    if not answer.unread_roots and not answer.unread_bytes:
        return ""
    return "some roots or objects could not be read: what only they lead to is missing (go-spans objects names them)"


def _first(answer: Owners, looks: Looks) -> str:
    totals = answer.totals
    size, free = (units.nbytes(each, exact=looks.exact) for each in (totals.bytes, totals.stranded_bytes))
    of_type = f" of type {answer.type}" if answer.type else ""
    return (
        f"The roots reach {counted(totals.objects, 'object')}{of_type} of {size}, which strand {free} of free slots. "
        "What a row retains would be garbage without it."
    )


def _leaked(answer: Owners, looks: Looks) -> list[str]:
    if answer.leaked is None:
        text = "Not all roots and objects could be read, so it is not known which goroutines wait forever."
        return ["", *filled(text, looks.width)]
    if not answer.leaked:
        return []
    number = sum(row.count for row in answer.leaked)
    kept = units.nbytes(answer.leaked_bytes, exact=looks.exact)
    wait, they, keep = (
        ("waits", "it waits", "it keeps") if number == 1 else ("wait", "they wait", "they keep")
    )
    text = (
        f"{counted(number, 'goroutine')} {wait} forever: nothing that may ever run can reach what {they} for. "
        f"Only {keep} {kept} of objects."
    )
    if any(kind.endswith("_queue") for kind in answer.unread_roots):
        text += (
            " Finalizers and cleanups that wait to be run were not found: one of them may still wake some."
        )
    body, left_out = fitted(columns_of(Leaked, looks), answer.leaked, None, looks.room)
    return ["", *filled(text, looks.width), body, *filter(None, [note(left_out, looks.width)])]


def _object(kept: Kept, looks: Looks) -> list[str]:
    inside = (
        f" ({kept.asked:#x} is {kept.asked - kept.address} B inside)" if kept.asked != kept.address else ""
    )
    size = units.nbytes(kept.size, exact=looks.exact)
    lines = filled(f"{kept.address:#x}: {kept.type}, {size}, {KNOWN_BY[kept.known_by]}{inside}", looks.width)
    if not kept.reached:
        return [
            *lines,
            *filled("No root that could be read leads to it: it is garbage.", looks.width),
        ]
    retained, free = (
        units.nbytes(each, exact=looks.exact) for each in (kept.retained_bytes, kept.retained_stranded_bytes)
    )
    objects = counted(kept.retained_objects, "object")
    lines += filled(
        f"It retains {objects} of {retained}, itself included, and strands {free} of free slots with them.",
        looks.width,
    )
    lines += ["", "Kept by these (without any one of them it would be garbage):"]
    lines += _steps(kept.dominators, kept.dominators_left_out, looks)
    for number, path in enumerate(kept.paths, 1):
        lines += ["", f"Path {number}:", *_steps(path.steps, path.left_out, looks)]
    count = counted(len(kept.paths), "path")
    text = f"{count} shown; {counted(kept.referrers, 'pointer')} to it, garbage among them (--paths 0 shows more)"
    return [*lines, *([note(text, looks.width)] if len(kept.paths) < kept.referrers else [])]


def _steps(steps: Sequence[Step], left_out: int, looks: Looks) -> Iterator[str]:
    """Yield a line for each step, and for many as one; `left_out` steps in the middle are not here."""
    half = len(steps) // 2 if left_out else 0
    parts = [*_shortened(steps[half:])]
    if left_out:
        parts = _around([*_shortened(steps[:half])], left_out, parts)
    if len(parts) > 2 * _MOST:
        hidden = sum(1 if isinstance(each, Step) else each for each in parts[_MOST:-_MOST])
        parts = _around(parts[:_MOST], hidden, parts[-_MOST:])
    for each in parts:
        yield from _step(each, looks) if isinstance(each, Step) else [f"    … {each:,} more …"]


def _shortened(steps: Sequence[Step]) -> Iterator[Step | int]:
    """Yield the steps; of a list, in which many are alike, the first, how many more, and the last one."""
    for _, alike in groupby(steps, lambda step: (step.name, step.through)):
        some = list(alike)
        yield some[0]
        if len(some) > 3:  # a line instead of two or more
            yield len(some) - 2
            some = some[-2:]
        yield from some[1:]


def _around(begin: list[Step | int], hidden: int, end: list[Step | int]) -> list[Step | int]:
    """Return parts with so many hidden between them; these and what is hidden next to them become one."""
    before, after = begin[-2:-1], end[1:2]
    if before and isinstance(before[0], int):
        begin, hidden = begin[:-2], hidden + before[0] + 1
    if after and isinstance(after[0], int):
        end, hidden = end[2:], hidden + after[0] + 1
    return [*begin, hidden, *end]


def _step(step: Step, looks: Looks) -> list[str]:
    where = "" if step.address is None else f" at {step.address:#x}"
    where = where if step.goid is None else f" (goroutine {step.goid})"
    retained = units.nbytes(step.retained_bytes, exact=looks.exact)
    return filled(f"{step.name}{where}{_field(step)}, retains {retained}", looks.width, "  ", "      ")


def _field(step: Step) -> str:
    return f", {step.through}" if step.through else ""
