"""What of a process is resident, by parts; refused where a copy of smaps is of another process."""

from __future__ import annotations

from gdb_gospan.analysis.residency import Accounted, account
from gdb_gospan.analysis.session import Session
from gdb_gospan.errors import TargetError
from gdb_gospan.memory.residency import Residency


def accounted_of(session: Session, found: Residency) -> Accounted:
    """Add the resident memory up; `TargetError` for a text that is no smaps, or lacks most of the heap."""
    accounted = account(session.heap, found, other_runtimes=len(session.target.runtimes) > 1)
    whole, missing = accounted.heap_bytes, accounted.heap_unmapped
    if 2 * missing > whole and not accounted.cut:
        raise TargetError(
            f"{found.source}: {missing:,} of {whole:,} B of the Go heap are not mapped in it (is it of another process?)"
        )
    return accounted
