"""A buffer for gigabytes: this process's own memory, or an unlinked file where that would be too much of it."""

from __future__ import annotations

import mmap
import os
import resource
import tempfile
from typing import Final

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.limit import OPTION
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.memory.prefetched import PAGE
from gdb_gospan.memory.segments import Bytes

_PART: Final = 2
"""One in so many bytes that may still be taken, at most: what is computed of the copy needs the others."""
_TURN: Final = 64 << 20
"""Bytes that are touched between two chances for Ctrl-C."""


def touched_room(nbytes: int, more: int) -> Bytes:
    """Return a buffer of which so many bytes are there already, and where there is memory for them so many more.

    The kernel clears each page at its first use, which takes longer than a copy to it. A file in the folder for temporary
    files ($TMPDIR) has no name, and nothing of it is left, however this process ends. What is mapped from it is no memory
    of this process to --max-memory, and to the kernel memory that it can write back.

    Raises
    ------
    TargetError
        There is room for so much nowhere.
    """
    most = _left() // _PART
    room = np.empty(min(nbytes + more, most), np.uint8) if nbytes <= most else _of_file(nbytes)
    for part in blocks(nbytes, _TURN):
        room[part][::PAGE] = 0
    return room


def _left() -> int:
    """Bytes of memory that this process may still take: by its limit, and by what the machine has."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    machine = _kibibytes("/proc/meminfo", "MemAvailable")
    return machine if limit < 0 else min(machine, limit - _kibibytes("/proc/self/status", "VmData"))


def _kibibytes(path: str, name: str) -> int:
    """Return a figure of such a file in bytes; 0 where it has none."""
    with open(path, encoding="ascii", errors="replace") as file:  # noqa: PTH123  # quick
        found = next((line.split()[1] for line in file if line.startswith(f"{name}:")), "0")
    return int(found) << 10


def _of_file(nbytes: int) -> Bytes:
    folder = tempfile.gettempdir()
    if _in_memory(folder):
        raise _none(nbytes, f"{folder}, which is in memory, too")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, nbytes)
            mapped = mmap.mmap(file.fileno(), nbytes)
    except OSError as error:
        raise _none(nbytes, f"{folder}: {(error.strerror or str(error)).lower()}") from error
    return np.frombuffer(mapped, np.uint8)


def _in_memory(folder: str) -> bool:
    """Whether the file system of this folder is one without a disk (proc(5), /proc/PID/mountinfo)."""
    device = os.stat(folder).st_dev  # noqa: PTH116  # quick
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="ascii", errors="replace") as mounts:  # noqa: PTH123  # quick
        words = [line.split() for line in mounts]
    return any(each[2] == number and each[each.index("-") + 1] in ("tmpfs", "ramfs") for each in words)


def _none(nbytes: int, where: str) -> TargetError:
    return TargetError(
        f"there is no room for a copy of {nbytes:,} bytes, neither in memory nor in {where} "
        f"(try: --{OPTION} SIZE, TMPDIR=FOLDER on a disk with more room, or the core that gcore makes)"
    )
