"""Is the walk right? Every identity checked, and what puts one off told by name.

A broken identity is said to be broken unless the target itself shows why it is
off, and by no more than that can cause: then it is a transient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import attrs
import numpy as np

from gdb_gospan.analysis import counters, structures
from gdb_gospan.analysis.identity import Finding, Identity, Severity
from gdb_gospan.analysis.transients import Frames, Transient, Unit, excused, transients
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.mspan import BEING_SWEPT

IDENTITIES = (*counters.IDENTITIES, *structures.IDENTITIES)
"""Every identity, in the order in which they are shown."""

_UNITS: dict[Unit, str] = {
    "page bytes": "bytes", "mapped bytes": "bytes", "object bytes": "bytes", "chunk": "bytes", "pages": "pages", "objects": "objects",
    "classes": "size classes", "items": "spans", "stock": "descriptors", "cycle": "generations",
}  # fmt: skip
_COUNTED = {
    "page-owners": "pages", "central-entries": "entries", "spanalloc-objects": "descriptors", "mcache-inuse": "mcaches",
}  # fmt: skip
"""What the others of these units count."""

Status = Literal["exact", "transient", "broken", "unknown"]


@attrs.frozen
class Check:
    """The outcome of one identity.

    Attributes
    ----------
    code
        Stable name, such as ``heap-inuse``.
    severity
        ``error``: figures depend on it; ``warning``: a side table disagrees.
    expected, observed
        What the runtime's counters say, and what the walk found.
    unit
        What they count: ``bytes``, ``pages``, ``spans``, ….
    subject
        What the two numbers are.
    note
        For a transient, what was going on; for a broken one, where to look.
    """

    code: str
    severity: Severity
    status: Status
    unit: str
    subject: str
    expected: int | None
    observed: int | None
    note: str = ""


def verify(heap: Heap, frames: Frames | None = None) -> tuple[Check, ...]:
    """Check every identity, in a fixed order.

    Parameters
    ----------
    frames
        How to learn where the threads stand; asked only when something is off.
    """
    found = [(entry, *heap.trail.watch(partial(entry.find, heap))) for entry in IDENTITIES]
    off = any(complete and finding.expected != finding.observed for _, finding, complete in found)
    seen = transients(heap, frames) if off else ()
    return tuple(_judge(heap, *each, seen) for each in found)


def _judge(heap: Heap, entry: Identity, finding: Finding, complete: bool, seen: Sequence[Transient]) -> Check:
    status: Status = "exact"
    note = ""
    if not (complete and finding.complete):
        status, note = "unknown", "part of the memory that it needs could not be read"
    elif finding.expected is None or finding.expected != finding.observed:
        evidence = [transient for transient in seen if transient.explains(entry.family)]
        stacks = any(transient.kind == "thread" for transient in seen)
        if excused(entry.unit, _off(heap, finding), heap, evidence, stacks=stacks):
            status = "transient"
            note = "; ".join(transient.explains(entry.family) or "" for transient in evidence)
        else:
            status, note = "broken", finding.where
    return Check(
        code=entry.code,
        severity=entry.severity,
        status=status,
        unit=_COUNTED.get(entry.code) or _UNITS[entry.unit],
        subject=entry.subject,
        expected=finding.expected,
        observed=finding.observed,
        note=note,
    )


def _off(heap: Heap, finding: Finding) -> int:
    """By how much the identity is off, apart from spans that are being swept right now."""
    if finding.rows is None:
        return abs(finding.observed - (finding.expected or 0))
    return int(np.count_nonzero(heap.spans.delta[finding.rows] != BEING_SWEPT))
