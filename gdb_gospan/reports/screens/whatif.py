"""The screen of go-spans whatif."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.units import counted, percent
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, wrapped
from gdb_gospan.render.tables import TableColumn, columns_of, fitted

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.reports.whatif import Blocks, Goals, WhatIf

_CHANGES: Final = {
    "gc_objects": "a GC: objects",
    "gc_spans": "a GC: whole spans",
    "scavenge": "a scavenge",
    "gc_scavenge": "debug.FreeOSMemory",
    "packing": "packing all objects",
    "packing_survivors": "packing survivors",
    "restart": "a restart",
    "procs": "fewer Ps",
    "goal": "a new heap goal",
}
_FIGURES: Final = {
    "idle_retained": "idle retained",
    "retained": "not returned",
    "parked": "parked in Ps",
}
_ASSUMPTIONS: Final = {
    "survivors_live": "if survivors of the last cycle are live, and nothing is allocated",
    "pages_of_caches_stay": "without a GC, and without the pages in the page caches of Ps",
    "stacks_may_shrink": "a GC, then a scavenge; at most: the GC also frees stacks and work buffers",
    "objects_could_move": "if objects could be moved, which Go never does; large objects stay",
    "same_stacks_no_metadata": "if it needs only the survivors, packed, and the goroutine stacks",
    "slots_stay_in_heap": "lowering GOMAXPROCS releases these bytes to the other Ps, not to the operating system",
    "same_live_heap": "if the next cycle finds as much live as the last one",
}
_LABELS: Final = (
    ("GC", "survivors_live"),
    ("Scavenge", "pages_of_caches_stay"),
    ("FreeOSMemory", "stacks_may_shrink"),
    ("Packing", "objects_could_move"),
    ("Restart", "same_stacks_no_metadata"),
    ("Fewer Ps", "slots_stay_in_heap"),
    ("New goal", "same_live_heap"),
)
_INDENT: Final = 14

Size = Callable[[int | None], str]


def screen(answer: WhatIf, looks: Looks) -> str:
    """Lay the bounds out with their assumptions, and with --all the classes."""
    size: Size = partial(units.nbytes, exact=looks.exact)
    columns = [
        TableColumn("code", "freed by", lambda row: _CHANGES[row.code], left=True, wraps=True),
        TableColumn("figure", "part of", lambda row: _FIGURES.get(row.figure, row.figure), left=True, rank=2),
        TableColumn("now", "now", lambda row: size(row.now), rank=1),
        TableColumn("at_least", "at least", lambda row: size(row.at_least)),
        TableColumn("at_most", "at most", lambda row: size(row.at_most)),
        TableColumn("leaves", "leaves", lambda row: size(row.leaves), rank=3),
    ]
    body, left_out = fitted(columns, answer.changes, None, looks.room)
    parts = [heading(answer, looks), "", body, *filter(None, [note(left_out, looks.width)]), ""]
    parts += [wrapped(name, said, looks.width, _INDENT) for name, said in _facts(answer, looks, size)]
    if looks.whole and answer.classes:
        from gdb_gospan.reports.whatif import Class  # noqa: PLC0415  # which imports this one

        table, left_out = fitted(columns_of(Class, looks), answer.classes, None, looks.room)
        large = f"Large objects have {size(answer.large_bytes)} of spans, which cannot be packed."
        parts += ["", table, *filter(None, [note(left_out, looks.width)]), *filled(large, looks.width)]
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


def _facts(answer: WhatIf, looks: Looks, size: Size) -> list[tuple[str, list[str]]]:
    made = {each for row in answer.changes for each in row.assumptions}
    facts = [("Huge pages", _blocks(answer.blocks, looks, size))]
    if answer.goals is not None:
        facts.append(("Settings", _goals(answer.goals, size)))
    facts += [(name, [_ASSUMPTIONS[code]]) for name, code in _LABELS if code in made]
    return facts


def _blocks(blocks: Blocks, looks: Looks, size: Size) -> list[str]:
    """Say which spans block free runs of 2 MiB."""
    if not blocks.blocks:
        return ["no block of 2 MiB has only 1 to 4 pages of spans in use"]
    verb = "blocks" if blocks.spans == 1 else "block"
    parts = [
        f"{counted(blocks.spans, 'span')} {verb} {counted(blocks.blocks, 'run')} of 2 MiB",
        f"without them {size(blocks.gained_bytes)} would be wholly free",
    ]
    some = [hex(span.start) for block in blocks.first for span in block.spans]
    return [*parts, f"first at {', '.join(some[: None if looks.whole else 2])}"]


def _goals(goals: Goals, size: Size) -> list[str]:
    """Say the heap goal that these settings lead to, and whether the live heap fits."""
    percentage = "off" if goals.gc_percent is None else str(goals.gc_percent)
    parts = [f"GOGC={percentage}"]
    parts += [] if goals.memory_limit is None else [f"memory limit {size(goals.memory_limit)}"]
    parts.append("no heap goal" if goals.new_goal is None else f"next heap goal {size(goals.new_goal)}")
    if goals.fits is not None:
        live = f"the {size(goals.heap_marked)} that the last cycle found live"
        parts.append(f"{live} {'fit' if goals.fits else 'do not fit'} below the goal of the limit")
    if goals.gc_percent_at_limit is not None:
        parts.append(f"GOGC in effect at the limit {percent(goals.gc_percent_at_limit)}")
    return parts
