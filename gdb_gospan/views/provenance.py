"""The lines that begin and end every report: what was looked at, and what the figures rest on."""

from __future__ import annotations

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
        parts.append(f"target stopped for {document['target']['pause_ms']:.0f} ms")
    lines = [" · ".join(parts)]
    lines += [_odd(check, style) for check in checks if check["status"] in ("broken", "transient")]
    unknown = sum(check["status"] == "unknown" for check in checks)
    if unknown:
        lines.append(
            style.paint("notice", f"  {unknown} identities cannot be checked: part of the memory is missing, so every "
                                  "figure marked ≥ is a lower bound")
        )  # fmt: skip
    return "\n".join(lines)


def _odd(check: dict[str, Any], style: Style) -> str:
    difference = check["observed"] - check["expected"]
    line = f"  {check['status']}: {check['subject']} is off by {difference:+,}"
    if check["note"]:
        line += f" ({check['note']})"
    return style.paint("bad" if check["status"] == "broken" else "notice", line)


def cut_off(document: dict[str, Any], shown: int, noun: str) -> str:
    """Say that a limit cut the rows, or nothing."""
    total = document["total_rows"]
    return f"  {shown:,} of {total:,} {noun} shown (--limit 0 shows all)" if shown < total else ""
