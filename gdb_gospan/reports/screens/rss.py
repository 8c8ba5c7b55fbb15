"""The screen of go-spans rss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.fields.units import count, share
from gdb_gospan.render.provenance import footer, heading, note, wrapped
from gdb_gospan.render.tables import TableColumn, columns_of, fitted

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.reports.rss import Limit, Part, Rss

_STILL_THERE: Final = "returned, yet resident"
_RETURNED: Final = "returned"
#: The lines of the screen, and the parts that each adds up.
LINES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("Go heap, not split", ("go_heap",)),
    ("objects", ("heap_objects",)),
    ("garbage not swept yet", ("heap_garbage",)),
    ("free slots in spans in use", ("heap_free_slots",)),
    ("tail and bitmaps inside spans", ("heap_tail",)),
    ("idle pages, retained", ("heap_idle",)),
    (_STILL_THERE, ("heap_returned",)),
    ("stacks", ("heap_stacks",)),
    ("rest of the arenas", ("heap_other",)),
    ("runtime metadata", ("span_descriptors", "heap_tables", "gc_bitmaps", "work_buffers", "runtime_other")),
    ("other Go runtimes", ("other_runtimes",)),
    ("program text", ("text",)),
    ("program data", ("data",)),
    ("C heap", ("c_heap", "c_arenas")),
    ("thread stacks", ("thread_stacks",)),
    ("other anonymous", ("anonymous",)),
    ("mapped files", ("files", "kernel")),
    ("shared memory", ("shared",)),
    ("unexplained", ("unexplained",)),
)
_PIECES: Final = {
    "span_descriptors": "span descriptors",
    "heap_tables": "maps of arenas and pages",
    "gc_bitmaps": "GC bitmaps",
    "work_buffers": "GC work buffers",
    "runtime_other": "other",
    "c_heap": "[heap]",
    "c_arenas": "arenas of 64 MiB",
    "files": "files",
    "kernel": "the kernel's own pages ([vdso])",
}
_ALWAYS: Final = frozenset({"objects", "free slots in spans in use", "runtime metadata", "unexplained"})
"""Lines that are shown even when they are 0."""

_SMALL: Final = 1000
"""A line of less than such a part of RSS is small."""
_FEW: Final = 2
_SMALL_ONES: Final = "others, each below 0.1 %"


class _Line(NamedTuple):
    """A line of the table."""

    name: str
    resident: int | None
    huge: int | None
    swapped: int | None
    mapped: int | None
    recorded: int | None


def screen(answer: Rss, looks: Looks) -> str:
    """Lay the sum out, what the kernel and the limits say, and with --all the classes."""
    parts = [heading(answer, looks), "", *_sum(answer, looks), *_facts(answer, looks)]
    if looks.whole and answer.classes:
        from gdb_gospan.reports.rss import Class  # noqa: PLC0415  # which imports this one

        body, left_out = fitted(columns_of(Class, looks), answer.classes, None, looks.room)
        parts += ["", body, *filter(None, [note(left_out, looks.width)])]
    return "\n".join([*parts, footer(answer, looks)]) + "\n"


def _sum(answer: Rss, looks: Looks) -> list[str]:
    kernel = answer.kernel
    known = {part.code: part for part in answer.parts}
    rows = []
    for name, codes in LINES:
        there = [known[code] for code in codes if code in known]
        if not there:
            continue
        line = _added(name, there)
        shown = line.mapped if kernel is None else name in _ALWAYS or line.resident or line.swapped
        if shown:
            # Without the kernel's word it is not known whether what was returned is resident.
            rows.append(line._replace(name=_RETURNED) if kernel is None and name == _STILL_THERE else line)
            if looks.whole and len(there) > 1:
                rows += [
                    _added(f"{name}: {_PIECES[part.code]}", [part])
                    for part in there
                    if part.resident or part.mapped
                ]
    if kernel is None:
        return _bounds(rows, looks)
    if not looks.whole:
        rows = _folded(rows, kernel.rss)
    rows.append(_Line("resident (RSS)", kernel.rss, kernel.huge, kernel.swap, None, None))

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=looks.exact)

    columns = [
        TableColumn("name", "where the memory is", lambda line: line.name, left=True, wraps=True),
        TableColumn("resident", "resident", lambda line: size(line.resident)),
        TableColumn("share", "of RSS", lambda line: share(line.resident, kernel.rss), rank=1),
        TableColumn("huge", "huge pages", lambda line: "" if not line.huge else size(line.huge), rank=5),
        TableColumn("swapped", "swap", lambda line: "" if not line.swapped else size(line.swapped), rank=6),
    ]
    columns = [each for each in columns if each.key not in ("huge", "swapped") or any(map(each.cell, rows))]
    return [fitted(columns, rows, None, looks.room)[0]]


def _folded(rows: Sequence[_Line], rss: int) -> list[_Line]:
    """Put small lines into one, so that the sum still closes; --all has each."""
    small = [
        row
        for row in rows
        if row.name not in _ALWAYS and 0 <= (row.resident or 0) * _SMALL < rss and not row.swapped
    ]
    if len(small) < _FEW:
        return list(rows)
    resident, huge = (sum(getattr(row, key) or 0 for row in small) for key in ("resident", "huge"))
    kept = [row for row in rows if row not in small]
    return [*kept[:-1], _Line(_SMALL_ONES, resident, huge, 0, None, None), kept[-1]]


def _bounds(rows: Sequence[_Line], looks: Looks) -> list[str]:
    """Lay out what can be said without the kernel's accounts: how much of the heap can be resident at most."""
    columns = [
        TableColumn("name", "where the memory is", lambda line: line.name, left=True, wraps=True),
        TableColumn(
            "recorded", "at least, with swap", lambda line: units.nbytes(line.recorded, exact=looks.exact)
        ),
        TableColumn("mapped", "resident at most", lambda line: units.nbytes(line.mapped, exact=looks.exact)),
    ]
    if all(line.recorded is None for line in rows):
        del columns[1]
    return [fitted(columns, rows, None, looks.room)[0]]


def _added(name: str, parts: Sequence[Part]) -> _Line:
    return _Line(name, *(_total(parts, key) for key in ("resident", "huge", "swapped", "mapped", "recorded")))


def _total(parts: Sequence[Part], key: str) -> int | None:
    values: list[int | None] = [getattr(part, key) for part in parts]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _facts(answer: Rss, looks: Looks) -> list[str]:
    """Say what the kernel, the cgroup and the runtime's limit say, one line or two for each."""

    def size(value: int | None) -> str:
        return units.nbytes(value, exact=looks.exact)

    facts: list[tuple[str, list[str]]] = []
    if kernel := answer.kernel:
        parts = [f"LazyFree {size(kernel.lazy_free)}"] if kernel.lazy_free else []
        parts += [f"hugetlb {size(kernel.hugetlb)}, not in RSS"] if kernel.hugetlb else []
        parts += ["smaps is cut off: the sum is a lower bound"] if kernel.cut else []
        parts += ["pages not known: the heap is not split"] if not kernel.pages_known else []
        facts.append(
            ("Kernel", ["sums of smaps, which are exact; statm and top can be a little behind", *parts])
        )
    else:
        facts.append(("Resident", _unknown(answer)))
    if group := answer.cgroup:
        most = "no limit" if group.limit is None else f"limit {size(group.limit)}"
        parts = [f"{size(group.current)} charged, page cache included", most]
        parts += [f"limit reached {count(group.limit_hits)} times"] if group.limit_hits else []
        parts += [f"{count(group.oom_kills)} killed for it"] if group.oom_kills else []
        parts += [f"version {group.version}", group.path] if looks.whole else []
        facts.append(("Cgroup", parts))
    facts.append(("GOMEMLIMIT", _limit(answer.limit, size)))
    if answer.classes:
        worst = max(answer.classes, key=lambda row: row.free_slots)
        if worst.free_slots:
            name = class_name(worst.elemsize or None, noscan=worst.noscan)
            facts.append(
                ("Free slots", [f"most of the resident ones in class {name}: {size(worst.free_slots)}"])
            )
    return [wrapped(name, parts, looks.width, 12) for name, parts in facts]


def _limit(limit: Limit, size: Callable[[int | None], str]) -> list[str]:
    """Say the runtime's own limit, and what of it is left."""
    used, left = size(limit.memory_used), limit.memory_headroom
    if limit.memory_limit is None:
        return ["no memory limit", f"{used} would count against it"]
    parts = [size(limit.memory_limit), f"{used} used"]
    if left is not None:
        parts.append(f"{size(abs(left))} {'over it' if left < 0 else 'below it'}")
    return parts


_NO_ACCOUNTS: Final = "what was resident is not recorded (try: --smaps FILE, a copy of /proc/PID/smaps)"
_NOT_KEPT: Final = "this snapshot does not have it (go-spans snapshot --rss records it)"
_FAR_AWAY: Final = (
    "what is resident only its machine knows (try: go-spans rss --pid N there, or --smaps FILE)"
)
_WROTE: Final = {
    "kernel": "the kernel wrote this core: a page that was neither in memory nor in swap is a hole in the file",
    "gdb": "gdb wrote this core (gcore): a page that was never touched is zeros in it, like many others",
    "other": "it is not known who wrote this core, and what a page of zeros means in it",
}
_NO_HOLES: Final = "but the file has no holes, as after a copy or a pipe"


def _unknown(answer: Rss) -> list[str]:
    """Say what a core has recorded, where nothing tells what was resident."""
    if answer.about.target.kind == "remote":
        return [_FAR_AWAY]
    wrote = _WROTE.get(answer.producer or "")
    holes = any(part.recorded is not None for part in answer.parts)
    return [
        *([wrote] if wrote else []),
        *([_NO_HOLES] if answer.producer == "kernel" and not holes else []),
        _NO_ACCOUNTS,
    ]
