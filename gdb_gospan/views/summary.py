"""The first screen."""

from __future__ import annotations

from typing import Any

from gdb_gospan.views import bars, units
from gdb_gospan.views.provenance import footer, heading, wrapped
from gdb_gospan.views.style import Style
from gdb_gospan.views.units import count, counted, share

_BAR = 24
_WORST = 6

MORE = ("More: go-spans classes", "list", "show ADDR", "central", "spanalloc", "check", "help go-spans NAME")
# The accounts of a document's ``bytes``, in the order of the screen.
ACCOUNTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("objects", ("objects",)),
    ("garbage not swept yet", ("garbage_unswept",)),
    ("free slots in spans in use", ("free_slots",)),
    ("tail and bitmaps inside spans", ("tail", "span_metadata")),
    ("idle pages, retained", ("idle_retained",)),
    ("idle pages, returned or unused", ("idle_released",)),
    ("stacks", ("stacks", "os_thread_stacks")),
)
_METADATA = (
    ("mspan", ("mspan",)),
    ("GC", ("gc", "work_buffers")),
    ("profiler", ("profiling_buckets",)),
    ("other", ("mcache", "other")),
)


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the summary out."""
    blocks = [
        _where_it_stands(document, style),
        _memory(document, style),
        _states(document, style),
        _worst(document, style),
        wrapped("", MORE, style.width),
        footer(document, style),
    ]
    return "\n\n".join(blocks[:4]) + "\n\n" + "\n".join(blocks[4:]) + "\n"


def _where_it_stands(document: dict[str, Any], style: Style) -> str:
    gc = document["gc"]
    if gc["phase"] is None:
        phase = "GC phase unknown"
    elif gc["phase"] != "off":
        phase = f"GC cycle {gc['cycles']} running: {gc['phase']}"
    elif gc["cycles"] == 0:
        phase = "no GC cycle yet"
    else:
        phase = f"GC cycle {gc['cycles']} over, {'swept' if gc['sweep_done'] else 'still sweeping'}"
    limit = gc["memory_limit"]
    parts = [
        heading(document, style),
        phase,
        f"GOMAXPROCS {gc['gomaxprocs']}",
        f"GOGC {'off' if gc['gc_percent'] is None else gc['gc_percent']}",
        f"GOMEMLIMIT {units.nbytes(limit, exact=style.exact)}" if limit is not None else "no memory limit",
    ]
    if gc["heap_lock_held"]:
        parts.append(style.paint("notice", "heap lock held"))
    # Two lines when one would not fit the screen.
    line = " · ".join(parts)
    return line if len(line) <= style.width else parts[0] + "\n" + " · ".join(parts[1:])


def _memory(document: dict[str, Any], style: Style) -> str:
    money, total = document["bytes"], document["bytes"]["sys"]
    bound = "" if document["complete"] else "≥ "
    rows: list[tuple[str, int, str]] = [
        (label, sum(money[key] for key in keys), bound) for label, keys in ACCOUNTS
    ]
    rows = [row for row in rows if row[1] or row[0] != "garbage not swept yet"]
    kinds = [(name, sum(money[key] for key in keys)) for name, keys in _METADATA]
    detail = " · ".join(f"{name} {_bytes(value, style)}" for name, value in kinds if value)
    rows.append(("runtime metadata", sum(value for _, value in kinds), ""))
    if money["remainder"]:
        reason = "in flight" if document["complete"] else "not known"
        rows.append((f"{reason} (Sys less the above)", money["remainder"], ""))
    width = max(len(_bytes(value, style)) for _, value, _ in rows) + len(bound)
    lines = [style.paint("heading", f"{'Where the memory is':<33}{'':>{width}}   of Sys")]
    for label, value, mark in rows:
        amount = f"{mark}{_bytes(value, style)}"
        line = f"  {label:<31}{amount:>{width}}  {share(value, total):>7}  {bars.bar(value, total, _BAR)}"
        lines.append(line.rstrip())
        if label == "objects":
            lines += _large(document, style)
        if label == "runtime metadata" and detail:
            lines.append(f"    {detail}")
    lines.append(f"  {'Sys':<31}{_bytes(total, style):>{width}}  {share(total, total):>7}")
    resident = document["target"]["resident"]
    if resident is not None:
        amount = _bytes(resident, style)
        lines.append(
            f"  {'resident now (RSS)':<31}{amount:>{width}}  Go's and all other memory of the process"
        )
    return "\n".join(lines)


def _large(document: dict[str, Any], style: Style) -> list[str]:
    """Say how many of the objects are large: they are in no other line of the screen."""
    large = [row for row in document["classes"] if row["elemsize"] == 0]
    spans, amount = (sum(row[key] for row in large) for key in ("spans", "object_bytes"))
    return [f"    of them {counted(spans, 'large object')}: {_bytes(amount, style)}"] if spans else []


def _bytes(value: int, style: Style) -> str:
    return units.nbytes(value, exact=style.exact)


def _states(document: dict[str, Any], style: Style) -> str:
    spans, pages, stats = document["spans"], document["pages"], document["memstats"]
    money = document["bytes"]
    in_span = stats["HeapInuse"]
    free = pages["free"] + pages["cached"]
    manual = f"stacks {count(spans['stack'])}, work buffers {count(spans['work_buffer'])}"
    moving = pages["in_flight"] + pages["being_freed"]
    scavenged = pages["released"] + pages["cached_and_released"]
    facts = [
        ("Spans", [
            f"{count(spans['in_use'])} in use",
            f"{count(spans['manual'])} manual ({manual})",
            f"{count(spans['dead'])} dead descriptors",
            f"{count(spans['cached'])} cached by Ps",
            f"{count(spans['unswept'])} unswept",
            f"{count(spans['needzero'])} flagged as needing zeroing",
        ]),
        ("Pages", [
            f"{count(pages['in_use'])} in use",
            f"{count(pages['manual'])} manual",
            f"{count(free)} free",
            f"{count(scavenged)} free and scavenged",
            *([f"{count(pages['padding'])} padding"] if pages["padding"] else []),
            *([f"{count(moving)} in flight"] if moving else []),
            *([f"{count(pages['unknown'])} unknown"] if pages["unknown"] else []),
        ]),
        ("In-span", [f"{share(money['free_slots'], in_span)} of the bytes of spans in use are free slots"]),
        ("spanalloc", _spanalloc(document, style)),
        ("GC", _gc(document, style)),
    ]  # fmt: skip
    return "\n".join(wrapped(name, parts, style.width) for name, parts in facts)


def _spanalloc(document: dict[str, Any], style: Style) -> list[str]:
    spanalloc = document["fixallocs"][0]
    stock = f"{count(document['mspancache'])} of them in stock with the Ps"
    parts = [f"{count(spanalloc['inuse_objects'])} descriptors in use, {stock}"]
    if spanalloc["free"] is None:
        parts.append(style.paint("bad", f"free list broken after {count(spanalloc['free_at_least'])}"))
    elif spanalloc["free"] == 0:
        parts.append("free list empty (normal: the next descriptor is cut from the chunk)")
    else:
        parts.append(f"{count(spanalloc['free'])} on the free list (0 would be normal too)")
    return [*parts, f"{_bytes(spanalloc['chunk_left'], style)} of the chunk left"]


def _gc(document: dict[str, Any], style: Style) -> list[str]:
    gc = document["gc"]
    if not gc["num_gc"]:
        return ["no cycle completed yet"]
    parts = [
        f"{counted(gc['num_gc'], 'cycle')} ({count(gc['num_forced_gc'])} forced)",
        f"found {_bytes(gc['heap_marked'], style)} alive at the last",
        f"next at {units.nbytes(document['memstats']['NextGC'], exact=style.exact)}",
    ]
    if gc["last_gc"]:
        parts.append(f"last {units.moment(gc['last_gc'])}")
    if gc["pause_quantiles"]:
        quantiles = gc["pause_quantiles"]
        parts.append(f"pauses p50 {units.duration(quantiles[2])}, max {units.duration(quantiles[4])}")
    parts.append(f"total {units.duration(gc['pause_total'])}")
    return parts


def class_name(row: dict[str, Any]) -> str:
    """Name a span class for people: ``4,096 noscan``, ``large``."""
    kind = "noscan" if row["noscan"] else "scan"
    return f"large {kind}" if row["elemsize"] == 0 else f"{row['elemsize']:,} {kind}"


def _worst(document: dict[str, Any], style: Style) -> str:
    rows = sorted(document["classes"], key=lambda row: -row["free_bytes"])[:_WORST]
    rows = [row for row in rows if row["free_bytes"]]
    if not rows:
        return "No span in use has a free slot."
    title = f"{'Most free slots':<22}{'spans':>9}{'objects':>11}{'occupied':>10}{'free slots':>13}"
    lines = [style.paint("heading", f"{title}   how full")]
    for row in rows:
        line = (
            f"  {class_name(row):<20}{count(row['spans']):>9}{count(row['objects']):>11}"
            f"{share(row['objects'], row['nelems']):>10}{_bytes(row['free_bytes'], style):>13}"
            f"   {bars.sparkline(row['deciles'])}"
        )
        lines.append(line.rstrip())
    return "\n".join(lines)
