"""runtime.MemStats under its own names."""

from __future__ import annotations

from typing import Any

from gdb_gospan.fields import units
from gdb_gospan.fields.units import UNKNOWN, count, duration
from gdb_gospan.render.provenance import footer, heading, note
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import Column, fitted, table
from gdb_gospan.reports.screens.gc import no_goal

_GROUPS = (
    ("Alloc", "TotalAlloc", "Sys", "Lookups", "Mallocs", "Frees"),
    ("HeapAlloc", "HeapSys", "HeapIdle", "HeapInuse", "HeapReleased", "HeapObjects"),
    ("StackInuse", "StackSys", "MSpanInuse", "MSpanSys", "MCacheInuse", "MCacheSys", "BuckHashSys", "GCSys", "OtherSys"),
    ("NextGC", "LastGC", "PauseTotalNs", "NumGC", "NumForcedGC", "GCCPUFraction", "EnableGC", "DebugGC"),
)  # fmt: skip
_COUNTS = frozenset({"Lookups", "Mallocs", "Frees", "HeapObjects", "NumGC", "NumForcedGC"})


def text(document: dict[str, Any], style: Style) -> str:
    """Lay the fields out in Go's order and groups, then BySize."""
    stats, changed = document["memstats"], set(document["changed_by_reading"])
    rows: list[dict[str, Any]] = []
    for group in _GROUPS:
        for name in group:
            mark = "~" if name in changed else ""
            rows.append(
                {
                    "name": name,
                    "value": _value(name, stats[name]),
                    "mark": mark,
                    "means": _means(name, stats, style),
                }
            )
        rows.append({"name": "", "value": "", "mark": "", "means": ""})
    fields, _ = fitted(
        [
            Column("name", "field", left=True),
            Column("value", "value"),
            Column("mark", "", left=True),
            Column("means", "", left=True, rank=1),
        ],
        rows,
        None,
        style.room,
    )
    notes = [
        note(
            "~ ReadMemStats itself first empties the Ps' caches, which may move this field; and the background scavenger "
            "moves HeapReleased at any time",
            style.width,
        ),
        note(_metrics(document["held_by_mcaches"], style), style.width),
        note("PauseNs and PauseEnd: go-spans gc, and --json", style.width),
    ]
    return (
        "\n".join(
            [heading(document, style), "", fields, _by_size(stats, style), *notes, footer(document, style)]
        )
        + "\n"
    )


def _metrics(held: dict[str, int | None], style: Style) -> str:
    """Say by how much the same figures of runtime/metrics differ, and so those that Prometheus has."""
    amount = units.nbytes(held["bytes"], exact=style.exact)
    return (
        "runtime/metrics, and so Prometheus' go_memstats_*, does not empty the caches: what they hold back is missing there, now "
        f"{amount} of HeapAlloc and TotalAlloc, {count(held['objects'])} of HeapObjects, {count(held['mallocs'])} of Mallocs, "
        f"{count(held['frees'])} of Frees"
    )


def _value(name: str, value: Any) -> str:
    if value is None:
        return UNKNOWN
    if name == "GCCPUFraction":
        return f"{value:.6g}"
    return str(value).lower() if isinstance(value, bool) else f"{value:,}"


def _means(name: str, stats: dict[str, Any], style: Style) -> str:
    """Say the same for people: bytes with a unit, times as such."""
    value = stats[name]
    if value is None or isinstance(value, (bool, float)) or name in _COUNTS:
        return ""
    if name == "NextGC" and no_goal(value):
        return "no heap goal: GOGC is off"
    if name == "LastGC":
        return units.moment(value) if value else "never"
    if name == "PauseTotalNs":
        return duration(value)
    return "" if style.exact else units.nbytes(value)


def _by_size(stats: dict[str, Any], style: Style) -> str:
    if stats["BySize"] is None:
        return "  BySize unknown"
    rows = [{**row, "live": _live(row)} for row in stats["BySize"] if row["Mallocs"] != 0]
    columns = [
        Column("Size", "BySize", count),
        Column("Mallocs", "Mallocs", count),
        Column("Frees", "Frees", count),
        Column("live", "difference", count),
    ]
    body = table(columns, rows)
    fits = not style.room or max(map(len, body.splitlines())) <= style.room
    return body if fits else fitted(columns, rows, None, style.room)[0]


def _live(row: dict[str, Any]) -> int | None:
    """Return how many objects of a class are allocated; None where the counters say less than none."""
    mallocs, frees = row["Mallocs"], row["Frees"]
    return None if mallocs is None or frees is None or frees > mallocs else mallocs - frees
