"""Stop all threads of a process for a while, with Linux's ptrace(2).

PTRACE_SEIZE and PTRACE_INTERRUPT stop a thread without a signal, so nothing of the
process changes: a thread that is stopped by SIGSTOP stays so, a signal that is on
its way arrives later, a blocked system call is restarted by the kernel. When
the process that holds it ends, however it ends, the kernel lets the threads go.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import time
from typing import Final, Literal

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import procstatus
from gdb_gospan.memory.registers import Thread, thread

# Of linux/ptrace.h, linux/wait.h and elf.h; the same on every architecture.
_DETACH: Final = 17
_GETREGSET: Final = 0x4204
_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_EVENT_STOP: Final = 128
_NT_PRSTATUS: Final = 1
_WALL: Final = 0x40000000

_ROOM: Final = 1024
"""Bytes for the general registers of a thread: arm64, which has the most, needs 272."""
_PATIENCE: Final = 5.0
"""Seconds for a thread to stop. One that waits for a disk, or for a child that has not yet run exec, cannot; one that
is ready to run only waits for a processor, and gets all the time it takes."""
_ROUNDS: Final = 1000
"""Rounds over all threads: each stops all that exist, so only a few can be created before the next."""
_LAST_PATIENCE: Final = 1.0
"""The same, in seconds, when the process is being resumed."""
_NAP: Final = 50e-6
"""Seconds between two checks: a thread needs a processor to stop, so ours is given up meanwhile."""

_UNSEEN: Final = -1


class _Vector(ctypes.Structure):
    """struct iovec of sys/uio.h."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def _ptrace(request: int, tid: int, address: int = 0, data: int = 0) -> None:
    """Call ptrace(2); `OSError` when it fails."""
    if _libc.ptrace(request, tid, address, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Stop:
    """All threads of a process, stopped until `release`, which the caller must call.

    Use it from one thread only: to the kernel, that thread is the tracer.

    Parameters
    ----------
    pid
        Of a process, not of one of its threads.

    Attributes
    ----------
    threads
        Their numbers in the kernel, in its order: the oldest first.
    ended
        Whether the process was killed (SIGKILL) while it was stopped; known after `release`.
    moved
        Whether it ran before `release`: never.

    Raises
    ------
    TargetError
        There is no such process, it may not be traced, or it does not stop.
        Threads that were stopped are resumed.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.threads: tuple[int, ...] = ()
        self.ended = False
        self.moved = False
        # By thread: its pending signal, delivered when it is resumed, 0 for none; _UNSEEN before it stops.
        self._held: dict[int, int] = {}
        self._began = self._over = 0.0
        try:
            self._stop_all()
        except BaseException:
            self.release()
            raise

    def __del__(self) -> None:
        self.release()

    @property
    def seconds(self) -> float:
        """How long the process was stopped: from before its first thread stopped until after the last was resumed."""
        return (self._over or time.perf_counter()) - self._began if self._began else 0.0

    def registers(self, tid: int) -> bytes:
        """Return the general registers of a thread: elf_gregset_t of its architecture; empty when it has ended."""
        room = ctypes.create_string_buffer(_ROOM)
        vector = _Vector(ctypes.addressof(room), _ROOM)
        try:
            _ptrace(_GETREGSET, tid, _NT_PRSTATUS, ctypes.addressof(vector))
        except OSError:
            return b""
        return room.raw[: vector.size]

    def thread(
        self, tid: int, number: int, machine: int, bits: int, byteorder: Literal["little", "big"]
    ) -> Thread:
        """Return the position of a thread, with `number` as its id."""
        return thread(number, self.registers(tid), machine, bits, byteorder)

    def release(self) -> None:
        """Resume every thread; may be called more than once. Ctrl-C waits until this is done."""
        interrupted: KeyboardInterrupt | None = None
        while self._held:
            try:
                tid = next(reversed(self._held))  # the first one last: its end shows after that of all others
                self._let_go(tid)
                self._held.pop(tid, None)
                self._over = time.perf_counter()
            except KeyboardInterrupt as error:  # noqa: PERF203  # once more, for each time
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _stop_all(self) -> None:
        """Stop threads until none is left running: a running thread can create others."""
        tids: tuple[int, ...] = ()
        dead: set[int] = set()  # the first thread, when it ended before the others, stays listed as a zombie
        for _ in range(_ROUNDS):
            tids = procstatus.threads(self.pid)
            fresh = [
                tid for tid in tids if tid not in self._held and not (tid in dead and procstatus.ended(tid))
            ]
            seized = [tid for tid in fresh if self._seize(tid)]
            dead.update(tid for tid in fresh if tid not in self._held)
            self._began = self._began or time.perf_counter()
            for tid in seized:
                self._interrupt(tid)
            for tid in seized:
                self._wait(tid, _PATIENCE, True)
            if not fresh:  # one that has ended meanwhile may have made others before
                break
        else:
            raise TargetError(f"cannot stop process {self.pid}: it keeps creating threads (try: again)")
        self.threads = tuple(tid for tid in tids if self._held.get(tid, _UNSEEN) != _UNSEEN)
        if not self.threads:
            raise procstatus.gone(self.pid)

    def _seize(self, tid: int) -> bool:
        """Become the tracer of a thread; False if it has ended."""
        self._held[tid] = _UNSEEN  # before, for Ctrl-C may come after
        try:
            _ptrace(_SEIZE, tid)
        except OSError as error:
            del self._held[tid]
            if error.errno == errno.ESRCH or procstatus.ended(tid):
                return False
            raise procstatus.forbidden(self.pid) from error
        return True

    def _interrupt(self, tid: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # waiting for it will tell
            _ptrace(_INTERRUPT, tid)

    def _wait(self, tid: int, patience: float, stopping: bool = False) -> None:
        """Wait until a thread is stopped, and keep its pending signal; forget a thread that has ended.

        The first thread of a process that was killed shows its end only after all others have: `stopping`, that is left
        to `release`, which comes to it last.
        """
        deadline = time.monotonic() + patience
        while True:
            late = time.monotonic() > deadline and not procstatus.ready(tid)
            try:
                got, status = os.waitpid(tid, _WALL | os.WNOHANG)
            except ChildProcessError:  # it ended, or exec in another thread made it that process's first
                del self._held[tid]
                return
            if got and os.WIFSTOPPED(status):
                self._held[tid] = 0 if status >> 16 == _EVENT_STOP else os.WSTOPSIG(status)
                return
            if got:
                del self._held[tid]
                return
            if stopping and procstatus.ended(tid):
                return
            if late:  # and was before it was asked: it has not stopped in between
                raise TargetError(
                    f"process {self.pid}: thread {tid} does not stop: it is blocked in {procstatus.waits_in(tid)} "
                    "(try: again; a disk or a network file system may be stuck)"
                )
            time.sleep(_NAP)

    def _let_go(self, tid: int) -> None:
        if self._held[tid] == _UNSEEN and procstatus.ended(tid):
            self._bury(tid)
            return
        if self._held[tid] == _UNSEEN:  # seized and no more: only a thread that stands still can be let go
            self._interrupt(tid)
            try:
                self._wait(tid, _LAST_PATIENCE)
            except TargetError:  # the kernel will, when we end
                return
        if tid not in self._held:
            return
        try:
            _ptrace(_DETACH, tid, 0, self._held[tid])
        except ProcessLookupError:  # a stopped thread ends only by SIGKILL
            self.ended = True
            self._bury(tid)

    def _bury(self, tid: int) -> None:
        """Wait for a thread that has ended: until its tracer does, the parent of the process is not notified."""
        found = procstatus.status(tid)
        if tid == self.pid and found is not None and found.parent == os.getpid():
            return  # whoever started it here wants to know how it ended
        with contextlib.suppress(TargetError):
            self._wait(tid, _LAST_PATIENCE)
