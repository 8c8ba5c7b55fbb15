"""The first screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gdb_gospan.analysis.occupancy import matters_most
from gdb_gospan.fields import units
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.spanclass import class_name
from gdb_gospan.fields.units import count, counted, share
from gdb_gospan.render import bars
from gdb_gospan.render.lines import filled
from gdb_gospan.render.provenance import footer, heading, note, wrapped

if TYPE_CHECKING:  # which imports this one
    from gdb_gospan.reports.classes import Class
    from gdb_gospan.reports.summary import Bytes, Summary

_BAR = 24
_LABEL, _SHORTEST = 32, 12
"""Columns of an account's name: where there is room, and at least beside its figures."""
_WORST, _MORE_OF_THEM = 3, 6
"""Classes on the first screen, and on the whole one."""
_NAME, _FULL = 22, 13
"""Columns of a class's name, and of the shape at the end of its line."""

MORE = (
    "More: go-spans summary --all",
    "classes",
    "goroutines",
    "rss",
    "gc",
    "pages",
    "help",
)
_SBRK = "GODEBUG=sbrk=1: all objects are in the runtime metadata (other), and none is ever freed"
_LAZILY_FREED = "GODEBUG=madvdontneed=0: pages given back stay in RSS until the kernel needs the memory"
_CONTRADICTORY = "spans with a wrong descriptor"
_SOMETIMES = frozenset({"garbage not swept yet", _CONTRADICTORY})
"""Accounts that are left out when they are 0."""
_OF_SLOTS = frozenset(
    {"objects", "garbage not swept yet", "free slots in spans in use", "tail and bitmaps inside spans"}
)
"""Accounts in which spans with a wrong descriptor are missing."""
_SHAPES = ("span-elems", "large-spans", "span-slots")
"""Checks of which one is broken where a descriptor contradicts itself."""
# The accounts of an answer's ``bytes``, in the order of the screen.
ACCOUNTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("objects", ("objects",)),
    ("garbage not swept yet", ("garbage_unswept",)),
    ("free slots in spans in use", ("free_slots",)),
    ("tail and bitmaps inside spans", ("tail", "span_metadata")),
    (_CONTRADICTORY, ("contradictory",)),
    ("idle pages, retained", ("idle_retained",)),
    ("idle, returned or never touched", ("idle_released",)),
    ("stacks", ("stacks", "os_thread_stacks")),
)
_METADATA = (
    ("mspan", ("mspan",)),
    ("GC", ("gc", "work_buffers")),
    ("profiler", ("profiling_buckets",)),
    ("other", ("mcache", "other")),
)


def screen(answer: Summary, looks: Looks) -> str:
    """Lay the summary out: what matters most on one screen of 24 lines, unless all is wanted."""
    first = ["\n".join([_where_it_stands(answer, looks), *_verdict(answer, looks)]), _memory(answer, looks)]
    if looks.whole:
        first += [_states(answer, looks), _worst(answer, looks, _MORE_OF_THEM), footer(answer, looks)]
        return "\n\n".join(first) + "\n"
    rest = [
        _worst(answer, looks, _WORST),
        wrapped("", MORE, looks.width),
        footer(answer, looks),
    ]
    return "\n\n".join([*first, "\n".join(rest)]) + "\n"


def _where_it_stands(answer: Summary, looks: Looks) -> str:
    gc = answer.gc
    if gc.phase is None:
        phase = "GC phase unknown"
    elif gc.phase != "off":
        phase = f"GC cycle {gc.cycles} running: {gc.phase}"
    elif gc.cycles == 0:
        phase = "no GC cycle yet"
    else:
        phase = f"GC cycle {gc.cycles} finished, {'swept' if gc.sweep_done else 'still sweeping'}"
    limit = gc.memory_limit
    parts = [
        heading(answer, looks),
        phase,
        f"GOMAXPROCS {gc.gomaxprocs}",
        f"GOGC {'off' if gc.gc_percent is None else gc.gc_percent}",
        f"GOMEMLIMIT {units.nbytes(limit, exact=looks.exact)}"
        if limit is not None
        else "no memory limit"
        if gc.memory_limit_known
        else "memory limit unknown",
    ]
    if gc.heap_lock_held:
        parts.append(looks.paint("notice", "heap lock held"))
    # Two lines when one would not fit the screen.
    line = " · ".join(parts)
    if len(line) <= looks.width:
        return line
    return parts[0] + "\n" + wrapped("", parts[1:], looks.width)


def _verdict(answer: Summary, looks: Looks) -> list[str]:
    """Say the worst in a sentence, and what to type next."""
    found = answer.verdict
    if found is None:
        return []
    if found.code == "healthy":
        said = "nothing stands out in spans and pages"
        return [wrapped("Verdict", [said, "goroutines not examined", "next: go-spans doctor"], looks.width)]
    explains = "" if found.bytes is None else f", {_bytes(found.bytes, looks)}"
    sure = "" if found.sure == "certain" else f" ({found.sure})"
    said = f"{found.code}: {found.title}{explains}{sure}"
    return [wrapped("Verdict", [said, f"next: go-spans doctor, {found.command}"], looks.width)]


def _memory(answer: Summary, looks: Looks) -> str:
    accounts, total = answer.bytes, answer.bytes.sys
    bound = "" if answer.proof.complete else "≥ "
    lower = "≥ " if accounts.contradictory else bound
    rows: list[tuple[str, int | None, str]] = [
        (label, _added(accounts, keys), lower if label in _OF_SLOTS else bound) for label, keys in ACCOUNTS
    ]
    rows = [row for row in rows if row[1] != 0 or row[0] not in _SOMETIMES]
    kinds = [(name, _added(accounts, keys)) for name, keys in _METADATA]
    rows.append(("runtime metadata", _added(accounts, [key for _, keys in _METADATA for key in keys]), ""))
    below = {
        "objects": [*_survived(answer, looks), *(_large(answer, looks) if looks.whole else [])],
        "runtime metadata": _indented(
            [f"{name} {_bytes(value, looks)}" for name, value in kinds if value != 0 and looks.whole], looks
        ),
        _CONTRADICTORY: _indented(
            _named([code for code in _off(answer, "broken", "unknown") if code in _SHAPES]), looks
        ),
    }
    if accounts.remainder:
        label, why = _remainder(answer)
        rows.append((label, abs(accounts.remainder), ""))
        below[label] = _indented(why, looks)
    resident = answer.about.target.resident
    amounts = (*(value for _, value, _ in rows), total, resident or 0)
    width = max(len(_bytes(value, looks)) for value in amounts) + len(lower)
    room = max(min(_LABEL, looks.width - len(f"  {'':>{width}}  100.0 %")), 0)
    longest = min(_BAR, looks.width - len(f"  {'':<{room}}{'':>{width}}  100.0 %  "))

    def line(label: str, amount: str, after: str) -> list[str]:
        """Lay an account out; where the name is too long for the width, it goes on below."""
        if room < _SHORTEST:  # exact figures of a large heap have a line of their own
            return [f"  {label}", f"  {'':<{room}}{amount:>{width}}  {after}".rstrip()]
        first, *more = filled(label, room - 1)
        laid = f"  {first:<{room}}{amount:>{width}}  {after}".rstrip()
        return [laid, *(f"    {words}" for words in more)]

    lines = [looks.paint("heading", f"{'Where the memory is':<{2 + room + width}}  {'of Sys':>7}")]
    for label, value, mark in rows:
        drawn = bars.bar(value, total, longest) if longest > 0 else ""
        lines += line(label, f"{mark}{_bytes(value, looks)}", f"{share(value, total):>7}  {drawn}")
        lines += below.get(label, [])
    lines += line("Sys", _bytes(total, looks), f"{share(total, total):>7}")
    if resident is not None:
        whose = "Go's and all other memory of the process"
        laid = line("resident (RSS)", _bytes(resident, looks), whose)
        fits = max(map(len, laid)) <= looks.width
        lines += laid if fits else line("resident (RSS)", _bytes(resident, looks), "")
    settings = answer.godebug or {}
    notes = [_SBRK] if settings.get("sbrk") else []
    notes += [_LAZILY_FREED] if settings.get("madvdontneed") == 0 and resident is not None else []
    lines += [looks.paint("notice", note(text, looks.width)) for text in notes]
    return "\n".join(lines)


def _survived(answer: Summary, looks: Looks) -> list[str]:
    """Say what part of the objects a cycle has not judged yet, where it is a large one: garbage, maybe."""
    found = answer.survivors
    if found is None or not answer.gc.num_gc:
        return []
    if not looks.whole and found.new_bytes < found.survived_bytes:
        return []
    survived, new = (_bytes(each, looks) for each in (found.survived_bytes, found.new_bytes))
    return _indented([f"{survived} survived the last cycle", f"{new} allocated since"], looks)


def _large(answer: Summary, looks: Looks) -> list[str]:
    """Say how many of the objects are large: they are in no other line of the screen."""
    large = [row for row in answer.classes if row.elemsize == 0]
    spans, amount = sum(row.spans for row in large), sum(row.object_bytes for row in large)
    past = sum(row.large_tail_bytes for row in large)
    if not spans:
        return []
    parts = [f"including {counted(spans, 'large object')}: {_bytes(amount, looks)}"]
    parts += [f"{_bytes(past, looks)} lost to page rounding"] if past else []
    return _indented(parts, looks)


def _added(accounts: Bytes, names: Sequence[str]) -> int | None:
    """Add accounts up; of what is not known in part nothing is known."""
    values: list[int | None] = [getattr(accounts, name) for name in names]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _off(answer: Summary, *statuses: str) -> list[str]:
    """Name the checks of these statuses of which the two sides differ."""
    return [
        check.code
        for check in answer.proof.checks
        if check.status in statuses and check.expected != check.observed
    ]


def _remainder(answer: Summary) -> tuple[str, list[str]]:
    """Name what is left of Sys, by what the checks say, and what is to be said below it."""
    over = (answer.bytes.remainder or 0) < 0
    what = "(more than Sys)" if over else "(Sys minus the above)"
    if broken := _off(answer, "broken"):
        return "does not add up", [what, *_named(broken)]
    unknown = _off(answer, "unknown")
    if unknown or not answer.proof.complete:
        return f"not known {what}", _named(unknown)
    return (f"in flight {what}", []) if _off(answer, "transient") else ("does not add up", [what])


def _named(codes: Sequence[str]) -> list[str]:
    """Name checks that are off, the first of many."""
    more = f" and {len(codes) - 1} more" if len(codes) > 1 else ""
    return [f"see check {codes[0]}{more}"] if codes else []


def _indented(parts: Sequence[str], looks: Looks) -> list[str]:
    return [f"    {line}" for line in wrapped("", parts, looks.width - 4).splitlines()] if parts else []


def _bytes(value: int | None, looks: Looks) -> str:
    return units.nbytes(value, exact=looks.exact)


def _states(answer: Summary, looks: Looks) -> str:
    spans, pages = answer.proof.spans, answer.pages
    free = pages.free + pages.cached
    manual = f"stacks {count(spans.stack)}, work buffers {count(spans.work_buffer)}"
    moving = pages.in_flight + pages.being_freed
    scavenged = pages.released + pages.cached_and_released
    facts = [
        ("Spans", [
            f"{count(spans.in_use)} in use",
            f"{count(spans.manual)} manual ({manual})",
            f"{count(spans.dead)} dead descriptors",
            f"{count(spans.cached)} cached by Ps",
            f"{count(spans.unswept)} unswept",
            f"{count(spans.needzero)} flagged as needing zeroing",
        ]),
        ("Pages", [
            f"{count(pages.in_use)} in use",
            f"{count(pages.manual)} manual",
            f"{count(free)} free, kept",
            f"{count(scavenged)} returned or never touched",
            *([f"{count(pages.padding)} padding, never usable"] if pages.padding else []),
            *([f"{count(moving)} where bitmap and spans disagree"] if moving else []),
            *([f"{count(pages.unknown)} unknown"] if pages.unknown else []),
        ]),
        ("In-span", _in_span(answer, looks)),
        ("spanalloc", _spanalloc(answer, looks)),
        ("GC", _gc(answer, looks)),
    ]  # fmt: skip
    return "\n".join(wrapped(name, parts, looks.width) for name, parts in facts)


def _in_span(answer: Summary, looks: Looks) -> list[str]:
    """Say how much of the spans in use is free slots; of an idle heap a large share of next to nothing."""
    accounts, in_use = answer.bytes, answer.memstats.HeapInuse
    free = accounts.free_slots
    return [
        f"{_bytes(free, looks)} of free slots",
        f"{share(free, in_use)} of HeapInuse",
        f"{share(free, accounts.sys)} of Sys",
    ]


def _spanalloc(answer: Summary, looks: Looks) -> list[str]:
    spanalloc = answer.fixallocs[0]
    stock = f"{count(answer.mspancache)} of them held by Ps for future spans"
    parts = [f"{count(spanalloc.inuse_objects)} descriptors in use, {stock}"]
    if spanalloc.free is None:
        parts.append(looks.paint("bad", f"free list broken after {count(spanalloc.free_at_least)}"))
    elif spanalloc.free == 0:
        parts.append("free list empty, which is normal: the next one comes from the chunk")
    else:
        parts.append(f"{count(spanalloc.free)} on the free list, for reuse")
    return [*parts, f"{_bytes(spanalloc.chunk_left, looks)} left in the chunk"]


def _gc(answer: Summary, looks: Looks) -> list[str]:
    gc = answer.gc
    if not gc.num_gc:
        return ["no cycle completed yet"]
    from gdb_gospan.fields.goal import goal_words  # noqa: PLC0415  # the first screen does not need it

    parts = [
        f"{counted(gc.num_gc, 'cycle')} ({count(gc.num_forced_gc)} forced)",
        f"the last found {_bytes(gc.heap_marked, looks)} live",
        goal_words(answer.memstats.NextGC, lambda value: _bytes(value, looks)),
    ]
    if gc.last_gc:
        parts.append(f"last {units.moment(gc.last_gc)}")
    if gc.pause_quantiles:
        quantiles = gc.pause_quantiles
        parts.append(f"pauses p50 {units.duration(quantiles[2])}, max {units.duration(quantiles[4])}")
    parts.append(f"total {units.duration(gc.pause_total)}")
    return parts


def _worst(answer: Summary, looks: Looks, most: int) -> str:
    """Name the classes that matter most: by free slots, or by objects where there are hardly any free slots."""
    key = matters_most(
        sum(row.object_bytes for row in answer.classes), sum(row.free_bytes for row in answer.classes)
    )

    def wasted(row: Class) -> int:
        return row.free_bytes if key == "free_bytes" else row.object_bytes

    title, heading = {
        "free_bytes": ("Most free bytes", "free bytes"), "object_bytes": ("Most object bytes", "object bytes"),
    }[key]  # fmt: skip
    rows = sorted(answer.classes, key=lambda row: -wasted(row))[:most]
    rows = [row for row in rows if wasted(row)]
    if not rows:
        return "No span is in use."
    # What is left out first where the room is short; the names and what is wasted stay.
    columns: list[tuple[str, int, int, Callable[[Class], str]]] = [
        ("spans", 9, 2, lambda row: count(row.spans)),
        ("objects", 11, 1, lambda row: count(row.objects)),
        ("occupied", 10, 4, lambda row: share(row.objects, row.nelems)),
        (heading, 13, 5, lambda row: _bytes(wasted(row), looks)),
        ("how full", -_FULL, 3, lambda row: bars.sparkline(row.deciles)),
    ]
    room = looks.width - _NAME
    for column in sorted(columns, key=lambda column: column[2])[:-1]:
        if sum(abs(width) for _, width, _, _ in columns) > room:
            columns.remove(column)
    lines = [looks.paint("heading", _line(title, [(name, width) for name, width, _, _ in columns]))]
    lines += [
        _line(
            f"  {class_name(row.elemsize or None, noscan=row.noscan)}",
            [(cell(row), width) for _, width, _, cell in columns],
        )
        for row in rows
    ]
    return "\n".join(lines)


def _line(name: str, cells: Sequence[tuple[str, int]]) -> str:
    """Lay a row out; words of a negative width stand at its left, after three blanks."""
    laid = (f"{cell:>{width}}" if width > 0 else f"   {cell}" for cell, width in cells)
    return f"{name:<{_NAME}}{''.join(laid)}".rstrip()
