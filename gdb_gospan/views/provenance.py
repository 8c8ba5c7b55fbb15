"""The lines that begin and end every report: what was looked at, and what the figures rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdb_gospan.views.style import Style
from gdb_gospan.views.units import count, nbytes

_SOURCES = {"dwarf": "DWARF", "symbols": "symbols only", "none": "no symbols"}


def heading(document: dict[str, Any], style: Style) -> str:
    """One line: Go version and what the target is."""
    go = document["go"]
    parts = [f"{go['version']} {go['os']}/{go['arch']}", document["target"]["description"]]
    return style.paint("heading", " · ".join(parts))


def footer(document: dict[str, Any], style: Style) -> str:
    """Last lines: layout, descriptors, identities, unreadable bytes; then whatever is not exact."""
    checks, spans, layout = document["checks"], document["spans"], document["layout"]
    exact = sum(check["status"] == "exact" for check in checks)
    parts = [f"layout {_SOURCES[layout['source']]}"]
    if not layout["tested"]:
        parts.append("a Go release that is not tested")
    parts.append(f"{count(spans['descriptors'])} span descriptors")
    parts.append(f"{exact} of {len(checks)} identities exact")
    parts.append(f"{nbytes(document['unreadable']['bytes'], exact=style.exact)} unreadable")
    if document["target"]["pause_ms"] is not None:
        parts.append(f"read in {document['target']['pause_ms']:.0f} ms")
    lines = [wrapped("", parts, style.width)]
    lines += [_broken(check, style) for check in checks if check["status"] == "broken"]
    lines += _transients([check for check in checks if check["status"] == "transient"], style)
    unknown = sum(check["status"] == "unknown" for check in checks)
    if unknown:
        lines.append(
            style.paint("notice", f"  {unknown} identities cannot be checked: part of the memory is missing")
        )
    if not document["complete"]:
        lines.append(
            style.paint("notice", "  figures that need what is missing are lower bounds, ≥ in the summary")
        )
    return "\n".join(lines)


def wrapped(name: str, parts: Sequence[str], width: int) -> str:
    """Lay out one fact; what does not fit the width goes on below, under the first part."""
    indent = 11 if name else 0
    lines = [f"{name:<{indent}}"]
    for index, part in enumerate(parts):
        if index and len(lines[-1]) + len(part) + 3 > width:
            lines.append(" " * indent + part)
        else:
            lines[-1] += (" · " if index else "") + part
    return "\n".join(lines)


def _broken(check: dict[str, Any], style: Style) -> str:
    difference = check["observed"] - check["expected"]
    where = f" ({check['note']})" if check["note"] else ""
    return style.paint("bad", f"  broken: {check['subject']} is off by {difference:+,}{where}")


def _transients(checks: list[dict[str, Any]], style: Style) -> list[str]:
    """Name each reason once, with what it put off; go-spans check has the figures."""
    off: dict[str, list[str]] = {}
    for check in checks:
        off.setdefault(check["note"], []).append(
            f"{check['code']} {check['observed'] - check['expected']:+,}"
        )
    return [
        style.paint("notice", f"  in flight, {reason}: {', '.join(codes)}") for reason, codes in off.items()
    ]


def cut_off(document: dict[str, Any], shown: int, noun: str) -> str:
    """Say that a limit cut the rows, or nothing."""
    total = document["total_rows"]
    return f"  {shown:,} of {total:,} {noun} shown (--limit 0 shows all)" if shown < total else ""
