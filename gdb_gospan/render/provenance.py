"""The lines that begin and end every report: what was examined, and the evidence for the figures."""

from __future__ import annotations

from collections.abc import Sequence

from gdb_gospan.fields.answer import Answer, Check, Layout, Runtime
from gdb_gospan.fields.document import Looks
from gdb_gospan.fields.units import UNKNOWN, count, nbytes
from gdb_gospan.render.lines import filled
from gdb_gospan.render.notes import NOT_READ

_NO_TYPES = {"symbols": "symbols, no DWARF", "none": "no symbols"}
_A_WHILE = 10_000
"""Milliseconds from which on only seconds matter."""
_MOST_REASONS = 3
"""Threads and the like that are named; --json has all."""


def heading(document: Answer, style: Looks) -> str:
    """One line: Go version and what the target is; and one that names the Go runtimes when there are several."""
    go = document.about.go
    parts = [f"{go.version} {go.os}/{go.arch}", document.about.target.description]
    lines = [wrapped("", parts, style.width), *_death(document, style.width)]
    runtimes = document.about.runtimes
    if len(runtimes) > 1:
        lines.append(wrapped("", _runtimes(runtimes, style), style.width))
    return style.paint("heading", "\n".join(lines))


def _death(document: Answer, width: int) -> list[str]:
    """Say what the program died of, as Go prints it."""
    death = document.about.target.death
    if death is None:
        return []
    if death.kind == "throw":
        return filled(f"fatal error: {death.text}", width, cuts=True)
    if not death.text and not death.type:
        return filled("panic: its value cannot be read without the executable", width)
    return filled(f"panic: {death.text or f'a value of type {death.type}'}", width, cuts=True)


def _runtimes(runtimes: Sequence[Runtime], style: Looks) -> list[str]:
    """Name the Go runtimes of one process, with the bytes of their spans in use; the version only where it differs."""
    several = len({runtime.version for runtime in runtimes}) > 1
    parts = [f"{len(runtimes)} Go runtimes"]
    for runtime in runtimes:
        size = "layout not known" if runtime.in_use is None else nbytes(runtime.in_use, exact=style.exact)
        facts = [runtime.version or UNKNOWN] if several else []
        facts += [f"{size} in use" if runtime.in_use is not None else size]
        facts += ["shown"] if runtime.shown else []
        parts.append(f"{runtime.number} {runtime.name} ({', '.join(facts)})")
    return [*parts, "--runtime NAME or N shows another"]


def footer(document: Answer, style: Looks) -> str:
    """Last lines: layout, descriptors, identities, unreadable bytes; then whatever is not exact."""
    checks, spans, layout = document.proof.checks, document.proof.spans, document.about.layout
    exact = sum(check.status == "exact" for check in checks)
    parts = [_layout(layout)]
    if not layout.tested:
        parts.append("a Go release that is not tested")
    parts.append(f"{count(spans.descriptors)} span descriptors")
    parts.append(f"{exact} of {len(checks)} identities exact")
    parts.append(f"{nbytes(document.proof.unreadable.bytes, exact=style.exact)} unreadable")
    target = document.about.target
    if target.pause_ms is not None:
        how_often = f" with {count(target.reads)} reads" if target.kind == "remote" else ""
        parts.append(f"read in {target.pause_ms:.0f} ms{how_often}")
    if target.stopped_ms is not None:
        parts.append(f"stopped for {_seconds(target.stopped_ms)}")
    lines = [wrapped("", parts, style.width)]
    if target.missing:
        needed = "" if document.proof.unreadable.bytes else "; no figure of this report needs them"
        cut = (
            f"the core is cut off: {nbytes(target.missing, exact=style.exact)} are missing at its end{needed}"
        )
        lines.append(style.paint("notice", note(cut, style.width)))
    lines += [line for check in checks if check.status == "broken" for line in _broken(check, style)]
    lines += _named("in flight", [check for check in checks if check.status == "transient"], style)
    unread = sum(check.note == NOT_READ for check in checks)
    if unread:
        unchecked = f"{unread} identities cannot be checked: part of the memory is missing"
        lines.append(style.paint("notice", note(unchecked, style.width)))
    unknown = [check for check in checks if check.status == "unknown" and check.note != NOT_READ]
    lines += _named("cannot be decided", unknown, style)
    if not document.proof.complete:
        bounds = "figures that need the missing memory are lower bounds, marked ≥ in the summary"
        lines.append(style.paint("notice", note(bounds, style.width)))
    return "\n".join(lines)


def _seconds(milliseconds: float) -> str:
    """Write a time that may be of a person at a prompt, or of a machine."""
    return f"{milliseconds:.0f} ms" if milliseconds < _A_WHILE else f"{milliseconds / 1000:,.0f} s"


def _layout(layout: Layout) -> str:
    """Say where the types came from; without debug information, how sure that is."""
    signature = layout.signature
    if signature is None:
        return "layout DWARF"
    proof = f"{signature.held} of {signature.pieces} checks passed"
    return f"layout of Go {signature.release} · {proof} ({_NO_TYPES[layout.source]})"


def wrapped(name: str, parts: Sequence[str], width: int, indent: int | None = None) -> str:
    """Lay out one fact; what does not fit the width goes on below, under the first part, whole words only."""
    indent = (11 if name else 0) if indent is None else indent
    lines = [f"{name:<{indent}}"]
    for index, part in enumerate(parts):
        if index and len(lines[-1]) + len(part) + 3 > width:
            lines.append(" " * indent + part)
        else:
            lines[-1] += (" · " if index else "") + part
    return "\n".join(short for line in lines for short in _cut(line, width, indent))


def _cut(line: str, width: int, indent: int) -> list[str]:
    if len(line) <= width or "\x1b" in line:
        return [line]
    return filled(line, max(width, 2 * indent), rest=" " * indent)


def _broken(check: Check, style: Looks) -> list[str]:
    """Say what is off, by how much (what was found less what was expected), and where to look."""
    where = f" ({check.note})" if check.note else ""
    text = f"broken: {check.code}{_difference(check)}: {check.subject}{where}"
    return [style.paint("bad", line) for line in filled(text, style.width, "  ", "    ")]


def _named(what: str, checks: Sequence[Check], style: Looks) -> list[str]:
    """Name each reason once, with what it put off or may have; go-spans check has the figures."""
    off: dict[str, list[str]] = {}
    for check in checks:
        off.setdefault(check.note, []).append(f"{check.code}{_difference(check)}")
    return [
        style.paint("notice", line)
        for reason, codes in off.items()
        for line in filled(f"{what} because {_few(reason)}: {', '.join(codes)}", style.width, "  ", "    ")
    ]


def _difference(check: Check) -> str:
    """Return by how much a check is off, where both sides are known."""
    if check.expected is None or check.observed is None:
        return ""
    return f" {check.observed - check.expected:+,}"


def _few(reason: str) -> str:
    """Name the first of many threads, and say how many more: a crash has hundreds of them in one place."""
    seen = reason.split("; ")
    return "; ".join(seen[:_MOST_REASONS]) + (
        f"; and {len(seen) - _MOST_REASONS} more" if len(seen) > _MOST_REASONS else ""
    )


def note(text: str, width: int) -> str:
    """Lay a sentence below a table out in the width."""
    return "\n".join(filled(text, width, "  ", "  ")) if text else ""


def rows_left_out(total: int, shown: int, noun: str, width: int) -> str:
    """Say that a limit cut the rows, or nothing."""
    return note(f"{shown:,} of {total:,} {noun} shown (--limit 0 shows all)", width) if shown < total else ""
