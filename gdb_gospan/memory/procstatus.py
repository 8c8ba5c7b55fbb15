"""The status of a process in ``/proc``, and why it cannot be read."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

import attrs

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import permissions

_PF_KTHREAD: Final = 0x00200000
_FLAGS: Final = 6
"""Place of the flags in /proc/PID/stat, counted from the state: field 9, the state is field 3."""

_SCOPE: Final = Path("/proc/sys/kernel/yama/ptrace_scope")


@attrs.frozen
class Status:
    """The status of a process from /proc/PID/status and /proc/PID/stat.

    Attributes
    ----------
    process
        The process that this belongs to: another number means that this is one of its threads.
    parent
        The process that started it, or has taken it over.
    name
        Its first 15 bytes.
    state
        A letter: R, S, D, T, t, Z, X.
    tracer
        Who traces it, 0 for nobody.
    user
        Effective user id.
    kernel
        A thread of the kernel, with no memory of its own.
    """

    process: int
    parent: int
    name: str
    state: str
    tracer: int
    user: int
    kernel: bool


def status(pid: int) -> Status | None:
    """Return the status, or None if there is no such process or thread."""
    try:
        found = fields(pid)
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return Status(
            process=int(found["Tgid"]),
            parent=int(found["PPid"]),
            name=found["Name"],
            state=found["State"].split()[0],
            tracer=int(found["TracerPid"]),
            user=int(found["Uid"].split()[1]),
            kernel=bool(int(stat[_FLAGS]) & _PF_KTHREAD),
        )
    except (OSError, KeyError, ValueError, IndexError):
        return None


def fields(tid: int) -> dict[str, str]:
    """Return the fields of /proc/TID/status; none if there is no such process or thread.

    The name, in the first line, may hold what text takes for the end of a line.
    """
    try:
        lines = Path(f"/proc/{tid}/status").read_bytes().decode("utf-8", "replace").split("\n")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name: value.strip() for name, value in pairs}


def threads(pid: int) -> tuple[int, ...]:
    """Return the numbers of all threads in the kernel's order, the oldest first; none when there is no such process."""
    try:
        return tuple(int(name) for name in os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208  # in the kernel's order
    except OSError:
        return ()


def own_numbers(pid: int, tids: tuple[int, ...]) -> tuple[int, ...]:
    """Return the thread ids in the process's own pid namespace, which differ in a container.

    A thread that has ended keeps its id from this namespace.
    """
    return tuple(_own_number(tid) for tid in tids) if _own_number(pid) != pid else tids


def _own_number(tid: int) -> int:
    try:
        return int(fields(tid)["NSpid"].split()[-1])  # since Linux 4.1
    except (KeyError, ValueError, IndexError):
        return tid


def held(pid: int) -> bool:
    """Whether a debugger has stopped every thread of a process."""
    states = {one.state for one in map(status, threads(pid)) if one} - {"Z", "X"}
    return states == {"t"}


def ended(tid: int) -> bool:
    """Whether a thread has ended, even if it has not been waited for."""
    found = status(tid)
    return found is None or found.state in "ZX"


def over(pid: int) -> bool:
    """Whether a process has ended: all of its threads have."""
    return ended(pid) and all(map(ended, threads(pid)))


def ready(tid: int) -> bool:
    """Whether a thread is running or runnable."""
    found = status(tid)
    return found is not None and found.state == "R"


def waits_in(tid: int) -> str:
    """Return the kernel function that a thread waits in, if the kernel tells."""
    try:
        name = Path(f"/proc/{tid}/wchan").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        name = ""
    return f"the kernel's {name}" if name not in ("", "0") else "the kernel"


def examined(pid: int) -> Status:
    """Return the status of a process, or raise if it is clear beforehand that it cannot be read.

    Raises
    ------
    TargetError
        There is no such process, it has ended, it is a kernel thread or a thread of another
        process, or a debugger traces it while it runs.
    """
    found = status(pid)
    if found is None:
        raise gone(pid)
    if found.process != pid:
        raise TargetError(
            f"{pid} is a thread of {found.name}, process {found.process} (try: --pid {found.process})"
        )
    if found.kernel:
        raise TargetError(f"process {pid} ({found.name}) is a kernel thread, not a program")
    if over(pid):
        raise TargetError(
            f"process {pid} ({found.name}) has ended: it is a zombie that its parent has not waited for"
        )
    if (tracer := _tracer(pid)) and not held(pid):
        raise _traced(pid, tracer)
    return found


def gone(pid: int) -> TargetError:
    """Return the error for a process that does not exist."""
    return TargetError(f"process {pid}: no such process")


def forbidden(pid: int) -> TargetError:
    """Return the error for a process that the kernel forbids to read, with the reason if known."""
    found = status(pid)
    if found is None or found.state in "ZX":
        return gone(pid)
    if (tracer := _tracer(pid)) and not held(pid):
        return _traced(pid, tracer)
    if tracer:
        return TargetError(
            f"process {pid} is traced by {_name(tracer)}, process {tracer}, and "
            "go-spans has no permission to read it (try: sudo; with Delve: --dlv HOST:PORT)"
        )
    why = permissions.refusal(pid, found.user, permissions.caller(), _scope())
    return TargetError(f"process {pid} ({found.name}): no permission to read it: {why}")


def read_by_another(pid: int) -> bool:
    """Whether another go-spans, or another thread of this one, has stopped the process: for some milliseconds.

    In gdb the tracer may be this very thread: then the process is gdb's own, and stays stopped.
    """
    tracer = _tracer(pid)
    if tracer in (0, threading.get_native_id()):
        return False
    if os.path.exists(f"/proc/self/task/{tracer}"):  # noqa: PTH110  # pathlib is not needed otherwise
        return True
    try:
        with open(f"/proc/{tracer}/cmdline", "rb") as file:  # noqa: PTH123
            words = file.read(1 << 12).split(b"\0")
    except OSError:
        return False
    return b"gdb_gospan" in words or any(word.endswith(b"/go-spans") for word in words[:3])


def _tracer(pid: int) -> int:
    """Return who traces the process, or a thread of it; 0 for nobody, or nobody who can be seen from here."""
    return next((one.tracer for one in map(status, (pid, *threads(pid))) if one and one.tracer), 0)


def _traced(pid: int, tracer: int) -> TargetError:
    return TargetError(
        f"process {pid} is traced by {_name(tracer)}, process {tracer}, and is running: only one tracer is allowed (try: "
        "stop it in that debugger, for example at a breakpoint, and run go-spans again; with Delve: --dlv HOST:PORT)"
    )


def _name(pid: int) -> str:
    found = status(pid)
    return found.name if found else "another debugger"


def _scope() -> int:
    try:
        return int(_SCOPE.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
