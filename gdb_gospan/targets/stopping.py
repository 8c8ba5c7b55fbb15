"""Stop a process, and handle what may happen meanwhile: it ends, its debugger resumes it, or Ctrl-Z is typed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gdb_gospan.errors import GoSpansError, TargetError
from gdb_gospan.memory import procstatus
from gdb_gospan.memory.heldstill import HeldStill
from gdb_gospan.memory.ptrace import Stop

_PATIENCE: Final = 10.0
_TURN: Final = 0.005
"""Seconds: how long to wait for another go-spans, and how long at a time."""
_JOB_CONTROL: Final = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def _ended(pid: int) -> TargetError:
    return TargetError(f"process {pid} ended while it was being read (a partial reading cannot be trusted)")


@contextmanager
def ended_instead(pid: int) -> Iterator[None]:
    """Report that the process has ended, if that is why something failed."""
    try:
        yield
    except GoSpansError as error:
        if procstatus.over(pid):
            raise _ended(pid) from error
        raise


def refuse_halves(stop: Stop | HeldStill, cause: GoSpansError | None = None) -> None:
    """Raise if the process ended or ran while it was being read."""
    if stop.ended:
        raise _ended(stop.pid) from cause
    if stop.moved:
        raise TargetError(
            f"process {stop.pid} ran while it was being read: its debugger resumed it (try: again while it is stopped)"
        ) from cause


def stopped(pid: int) -> Stop | HeldStill:
    """Stop the process, unless another debugger already has: only one tracer is allowed.

    Another go-spans has it for some milliseconds only: this one waits for its turn.
    """
    until = time.monotonic() + _PATIENCE
    while True:
        while procstatus.read_by_another(pid) and time.monotonic() < until:
            time.sleep(_TURN)
        try:
            return HeldStill(pid) if procstatus.held(pid) else Stop(pid)
        except TargetError:
            if time.monotonic() >= until or not procstatus.read_by_another(pid):
                raise


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop the process for this block."""
    stop = stopped(pid)
    try:
        yield
    finally:
        stop.release()


@contextmanager
def no_job_control() -> Iterator[None]:
    """Block Ctrl-Z: the stopped process would stay stopped until somebody types fg."""
    if threading.current_thread() is not threading.main_thread():  # Python lets no other set handlers
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _JOB_CONTROL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
