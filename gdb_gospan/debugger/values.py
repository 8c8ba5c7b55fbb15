"""The heap as gdb's own values: mheap_, and the span descriptors one by one."""

from __future__ import annotations

from collections.abc import Iterator

import gdb

from gdb_gospan.analysis.session import Session
from gdb_gospan.debugger.target import GdbSession, current_session
from gdb_gospan.errors import TargetError, UsageError


def heap_pointer(what: str, session: GdbSession | None = None) -> gdb.Value:
    """Return the address of runtime.mheap_ as a ``*runtime.mheap``; `what` begins the error line if there is no type."""
    session = session or current_session()
    mheap = session.gdb_type("mheap")
    if mheap is None:
        raise TargetError(
            f"{what}: gdb has no type runtime.mheap for this program, whose mheap_ is at "
            f"{session.heap.symbols['mheap_']:#x} (try: go-spans summary, which needs no debug information)"
        )
    return gdb.Value(session.heap.symbols["mheap_"]).cast(mheap.pointer())


def walk(session: Session) -> Iterator[gdb.Value]:
    """Return the span descriptors in the order of ``mheap_.allspans``, none of them read yet.

    Raises
    ------
    UsageError
        It is not gdb's own program.
    TargetError
        The program has run since, or gdb has no types of it.
    """
    if not isinstance(session, GdbSession):
        raise UsageError(
            "walk: gdb has values only of its own program (try: gdb_gospan.open() without a target)"
        )
    _stands(session)
    return _walk(session, heap_pointer("walk", session)["allspans"])


def _walk(session: GdbSession, allspans: gdb.Value) -> Iterator[gdb.Value]:
    spans = allspans["array"]
    for index in range(int(allspans["len"])):
        _stands(session)
        span = spans[index]
        if int(
            span
        ):  # the runtime makes the slice longer before it stores the pointer (mheap.go, recordspan)
            yield span.dereference()


def _stands(session: GdbSession) -> None:
    if session.ended:
        raise TargetError("walk: the program has run since (try: refresh(), or gdb_gospan.open() again)")
