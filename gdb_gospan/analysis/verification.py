"""Is the walk right? Every identity checked, and what puts one off told by name.

An identity that is off is transient when the target itself shows why, and that can
cause as much. Where what would show it cannot be read, the identity is unknown. All else is broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import attrs

from gdb_gospan.analysis.identities import counters, structures
from gdb_gospan.analysis.identity import Finding, Identity, Severity
from gdb_gospan.analysis.notes import MISSING, Note
from gdb_gospan.runtime.heap import Heap

if TYPE_CHECKING:
    from gdb_gospan.analysis.standing import Frames
    from gdb_gospan.analysis.transients import Evidence, Unit

IDENTITIES = (*counters.IDENTITIES, *structures.IDENTITIES)
"""Every identity of the heap, in the order in which they are shown."""

_UNITS: dict[Unit, str] = {
    "page bytes": "bytes", "mapped bytes": "bytes", "object bytes": "bytes", "chunk": "bytes", "pages": "pages", "objects": "objects",
    "classes": "size classes", "items": "spans", "stock": "descriptors", "cycle": "generations",
}  # fmt: skip
_COUNTED = {
    "goroutine-states": "goroutines", "goroutine-ids": "goroutines", "goroutine-stacks": "stacks", "stack-holders": "stacks",
    "thread-count": "Ms", "thread-numbers": "Ms",
    "page-owners": "pages", "central-entries": "entries", "spanalloc-objects": "descriptors", "mcache-inuse": "mcaches",
}  # fmt: skip
"""What the others of these units count."""

Status = Literal["exact", "transient", "broken", "unknown"]


@attrs.frozen(repr=False)
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
    notes
        For a transient, what was going on; for an unknown one, what could not be read; for a broken one, where to look.
    """

    code: str
    severity: Severity
    status: Status
    unit: str
    subject: str
    expected: int | None
    observed: int | None
    notes: tuple[Note, ...] = ()


def of_scheduler() -> Sequence[Identity]:
    """Return every identity of goroutines, threads and their stacks, which follow; few reports check them."""
    from gdb_gospan.analysis.identities.threads import IDENTITIES as OF_THREADS  # noqa: PLC0415  # loaded for few reports

    return OF_THREADS


def warm() -> None:
    """Load what only some checks need: to be called before a process is stopped, which is not to wait for it."""
    from gdb_gospan.analysis import transients  # noqa: PLC0415  # as where they are needed
    from gdb_gospan.analysis.identities import threads  # noqa: PLC0415  # as where they are needed

    del threads, transients


def verify(heap: Heap, frames: Frames | None = None, *, scheduler: bool = False) -> tuple[Check, ...]:
    """Check every identity, in a fixed order.

    Parameters
    ----------
    scheduler
        Those of goroutines and threads, too.
    frames
        How to learn where the threads stand; asked only when something is off.
    """
    entries = (*IDENTITIES, *of_scheduler()) if scheduler else IDENTITIES
    found = [(entry, *heap.trail.watch(partial(entry.find, heap))) for entry in entries]
    off = any(complete and finding.expected != finding.observed for _, finding, complete in found)
    evidence = None
    if off:
        from gdb_gospan.analysis.transients import gathered  # noqa: PLC0415  # most stops are quiet

        evidence = gathered(heap, frames)
    return tuple(_judge(heap, *each, evidence) for each in found)


def _judge(heap: Heap, entry: Identity, finding: Finding, complete: bool, evidence: Evidence | None) -> Check:
    status: Status = "exact"
    notes: tuple[Note, ...] = ()
    if not (complete and finding.complete):
        lost = heap.reader.losses.wild
        off = finding.expected is not None and finding.expected != finding.observed
        # Memory that is missing decides nothing; a pointer to where there never was any is damage, and here it is.
        status = "broken" if lost and off and not finding.missing else "unknown"
        notes = (finding.missing or (Note("wild-pointer", lost[0]._asdict()) if lost else MISSING),)
    elif evidence is not None and finding.expected != finding.observed:
        from gdb_gospan.analysis.transients import judge  # noqa: PLC0415  # as above

        status, notes = judge(heap, entry.family, entry.unit, _off(finding), evidence)
        if status == "broken" and finding.where:
            notes = (finding.where,)
    return Check(
        code=entry.code,
        severity=entry.severity,
        status=status,
        unit=_COUNTED.get(entry.code) or _UNITS[entry.unit],
        subject=entry.subject,
        expected=finding.expected,
        observed=finding.observed,
        notes=notes,
    )


def _off(finding: Finding) -> int:
    """By how much the identity is off, in its unit."""
    return abs(finding.observed - (finding.expected or 0)) if finding.rows is None else len(finding.rows)
