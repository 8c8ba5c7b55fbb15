"""Which Ms have nothing of the heap in hand, by each field that tells: those of a real program, with one changed."""

from __future__ import annotations

import pytest

from gdb_gospan.runtime.goroutines import read_threads
from tools import images

RECORDED = images.load("1.27-frag")
MUTEX = 16
"""What a mutex counts in m.locks since Go 1.27 (lock_spinbit.go, mutexMLocksDelta)."""
SYSTEM_CALL, RUNNING, DEAD, DEAD_EXTRA, SCANNED = 3, 2, 6, 11, 0x1000


def changed(status: int | None, **fields: int) -> tuple[bool, bool, bool]:
    """Make an M idle but for these fields, with a goroutine in this state; return whether it is quiet, spare, and all is known."""
    heap = RECORDED.session().heap
    threads, lost = read_threads(heap.reader, heap.symbols["allm"])
    assert not lost
    struct, changes = heap.layout["m"], []
    if status is not None:
        g = int(heap.goroutines.gs.addresses[0])
        field = heap.layout["g"]["atomicstatus"]
        changes.append((g + field.offset, status.to_bytes(field.size, "little")))
        fields["curg"] = g
    idle = dict.fromkeys(("locks", "mallocing", "dying", "p", "curg", "incgo"), 0)
    for name, value in (idle | fields).items():
        field = struct[name]
        changes.append((int(threads[0]) + field.offset, value.to_bytes(field.size, "little")))
    ms = RECORDED.session(*changes).heap.ms
    assert ms is not None
    return bool(ms.quiet[0]), bool(ms.spare[0]), ms.complete


@pytest.mark.parametrize(
    ("status", "fields", "quiet"),
    [
        (None, {}, True),
        (None, {"locks": 1}, False),
        (None, {"mallocing": 1}, False),
        (None, {"p": 0xC000}, False),
        # One that dies has raised mallocing and holds paniclk (panic.go, startpanic_m); not more.
        (None, {"dying": 1, "locks": MUTEX, "mallocing": 1}, True),
        (None, {"dying": 1, "locks": MUTEX + 1}, False),
        (RUNNING, {}, False),
        (SYSTEM_CALL, {}, True),
        (SYSTEM_CALL | SCANNED, {}, True),
        # On its way out it takes a P, which may sweep, and holds a lock (proc.go, exitsyscall).
        (SYSTEM_CALL, {"locks": 1}, False),
        (SYSTEM_CALL, {"mallocing": 1}, False),
        (RUNNING, {"incgo": 1}, True),
        (RUNNING, {"incgo": 1, "locks": 1}, False),
    ],
)
def test_an_m_with_nothing_in_hand(status: int | None, fields: dict[str, int], quiet: bool) -> None:
    assert changed(status, **fields) == (quiet, False, True)


@pytest.mark.parametrize("status", [DEAD, DEAD_EXTRA, DEAD | SCANNED])
def test_an_extra_m_waits_for_a_thread_of_c(status: int) -> None:
    assert changed(status) == (True, True, True)


def test_a_goroutine_that_cannot_be_read() -> None:
    quiet, _, complete = changed(None, curg=0x1000)
    assert (quiet, complete) == (False, False)
