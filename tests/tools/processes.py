"""Test programs as running processes: waited for by what they print, never by time."""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gdb_gospan.memory import procstatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENCE = 300.0
"""Seconds for what takes none: a machine with twenty times too much to do is no defect."""

_PR_SET_PDEATHSIG = 1
_PR_SET_PTRACER = 0x59616D61  # "Yama"
_libc = ctypes.CDLL(None, use_errno=True)


class Running:
    """A process whose standard output is read line by line in the background."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError):  # closed by the interpreter's exit
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def line(self, timeout: float = PATIENCE) -> str:
        """Return the next line; `AssertionError` when the process ended or is silent for too long."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"process {self.pid} printed nothing for {timeout} s") from None
        if line is None:
            self._lines.put(None)
            raise AssertionError(f"process {self.pid} ended with status {self.process.wait()}")
        return line

    def fresh_line(self, timeout: float = PATIENCE) -> str:
        """Return a line that was printed after this call: proof that the process goes on.

        One line may have been on its way before the call, so it is the second one that comes.
        """
        while True:
            try:
                if self._lines.get_nowait() is None:
                    self._lines.put(None)
                    break
            except queue.Empty:
                break
        self.line(timeout)
        return self.line(timeout)

    def go_on(self) -> None:
        """Give the program the line that it waits for on standard input, which must be a pipe."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def rest(self, timeout: float = PATIENCE) -> list[str]:
        """Wait for the end of the process and return the lines not read yet."""
        lines = []
        deadline = time.monotonic() + timeout
        while (line := self._lines.get(timeout=max(0.0, deadline - time.monotonic()))) is not None:
            lines.append(line)
        self._lines.put(None)
        self.process.wait(timeout)
        return lines


def is_held(pid: int) -> bool:
    """Whether somebody traces a thread of a process, or has stopped it."""
    threads = map(procstatus.status, procstatus.threads(pid))
    return any(one.state == "t" or one.tracer for one in threads if one)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process as Ctrl-Z does, for the block: what its threads were doing stays as it is between two captures."""
    os.kill(pid, signal.SIGSTOP)
    while {one.state for one in map(procstatus.status, procstatus.threads(pid)) if one} != {"T"}:
        time.sleep(0.001)
    yield
    os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def start(
    executable: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    core: bool = False,
    stdin: int = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = None,
    children: bool = False,
) -> Iterator[Running]:
    """Run a program; it is killed at the end of the block and when this process dies.

    Parameters
    ----------
    env
        Added to a small environment in which GOMAXPROCS is 4, so that a big machine makes no other cores.
    core
        Whether it may dump core.
    stdin, stderr
        As for Popen: from nothing, and to where those of this process go.
    children
        Whether it has children, which are killed with it.

    Notes
    -----
    Where Yama restricts ptrace to ancestors, the program allows any process to trace it.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "GOMAXPROCS": "4"}
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    limit = resource.RLIM_INFINITY if os.geteuid() == 0 else hard

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit) if core else (0, hard))

    process = subprocess.Popen(
        [executable, *arguments],
        env=environment | dict(env or {}),
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=children,
        preexec_fn=prepare,  # noqa: PLW1509  # nothing else here runs threads that hold locks at a fork
    )
    try:
        yield Running(process)
    finally:
        if children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def wait_for_rest(pid: int) -> None:
    """Wait until all threads sleep, in three looks one after another.

    The last figures that a program reads wake threads, and these are on their way back to sleep for a moment.
    """
    quiet, until = 0, time.monotonic() + PATIENCE
    while quiet < 3:
        assert time.monotonic() < until, f"process {pid} does not come to rest"
        states = {status.rpartition(")")[2].split()[0] for status in _stats(pid)}
        quiet = quiet + 1 if states <= {"S", "D"} else 0
        time.sleep(0.001)


def _stats(pid: int) -> Iterator[str]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            yield (task / "stat").read_text(encoding="utf-8")
