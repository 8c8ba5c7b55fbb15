"""process_vm_readv(2): read many runs of a process's memory in one call, three times as fast as pread."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable
from typing import Final

import numpy as np

from gdb_gospan.memory.segments import I64, U64, Bytes, Mask

_MOST: Final = 1024
"""Runs that one call takes (UIO_MAXIOV)."""
_WITHOUT: Final = (errno.ENOSYS, errno.EPERM, errno.EACCES)
"""The kernel has no such call, or a sandbox forbids it."""


class NoReadvError(Exception):
    """The call is not available."""


def read_runs(
    pid: int, begins: U64, ends: I64, buffer: Bytes, otherwise: Callable[[int, Bytes], bool]
) -> tuple[Mask, int, int]:
    """Read runs of memory into a buffer, one after the other.

    Parameters
    ----------
    begins
        Where each run begins: uint64 (n,).
    ends
        Where it ends in the buffer: int64 (n,). It begins there where the one before it ends.
    otherwise
        Reads one run: the call stops at the first that it cannot read, and pages that are shut to the program itself
        it never can.

    Returns
    -------
    Mask, int, int
        Which runs were read; of these calls, how many they were and how many bytes they read.

    Raises
    ------
    NoReadvError
        The call is not available; nothing was read.
    """
    starts = np.append(np.int64(0), ends[:-1])
    remote = np.stack([begins, (ends - starts).astype(np.uint64)], axis=1)
    local = np.empty(2, np.uint64)
    base, first = buffer.__array_interface__["data"][0], remote.__array_interface__["data"][0]
    known, at = np.zeros(len(begins), np.bool_), 0
    calls = nbytes = 0
    while at < len(begins):
        many = min(_MOST, len(begins) - at)
        local[:] = base + int(starts[at]), int(ends[at + many - 1] - starts[at])
        calls += 1
        got = _call(pid, local.__array_interface__["data"][0], 1, first + 16 * at, many, 0)
        if got < 0 and ctypes.get_errno() in _WITHOUT:
            raise NoReadvError
        whole = int(np.searchsorted(ends[at : at + many], int(starts[at]) + max(got, 0), side="right"))
        known[at : at + whole] = True
        nbytes += int(ends[at + whole - 1] - starts[at]) if whole else 0
        at += whole
        if whole < many:
            known[at] = otherwise(int(begins[at]), buffer[int(starts[at]) : int(ends[at])])
            at += 1
    return known, calls, nbytes


_call = ctypes.CDLL(None, use_errno=True).process_vm_readv
_call.restype = ctypes.c_ssize_t
_call.argtypes = (
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_void_p,
    ctypes.c_ulong,
    ctypes.c_ulong,
)
