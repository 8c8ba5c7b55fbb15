"""Which pages of a process are resident: /proc/PID/pagemap, of anonymous memory.

Since Linux 6.7 the kernel gives whole runs of pages (PAGEMAP_SCAN), tells the shared page of zeros from others, and
knows huge pages. Before, there is a word for each page, which does not tell a page of zeros from one that is shared
with a child: see `PageStates.doubtful`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from typing import Final

import attrs
import numpy as np

from gdb_gospan.memory.runs import NONE, Runs, joined_runs
from gdb_gospan.memory.segments import U64

# linux/fs.h, PAGEMAP_SCAN = _IOWR('f', 16, struct pm_scan_arg), and its categories.
_SCAN_SIZE: Final = 96
_SCAN: Final = 3 << 30 | _SCAN_SIZE << 16 | ord("f") << 8 | 16
_FILE, _PRESENT, _SWAPPED, _ZERO, _HUGE = 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6
_AT_ONCE: Final = 1 << 15
"""Runs that are taken with one call."""
_MOST_RUNS: Final = 1 << 24

# Bits of a word (Documentation/admin-guide/mm/pagemap.rst).
_P_PRESENT, _P_SWAPPED = np.uint64(1 << 63), np.uint64(1 << 62)
_P_FILE, _P_EXCLUSIVE = np.uint64(1 << 61), np.uint64(1 << 56)
_WORDS: Final = 1 << 17
"""Words that are read at once."""


@attrs.frozen(eq=False, repr=False)
class PageStates:
    """The pages of anonymous memory.

    Attributes
    ----------
    resident
        In memory; the shared page of zeros counts for nothing, as in Rss.
    swapped
        In swap.
    huge
        Resident as part of a huge page; None where the kernel does not tell.
    doubtful
        Of the resident ones, those that may be the shared page of zeros, which does not count; None where the kernel
        tells them apart.
    """

    resident: Runs
    swapped: Runs
    huge: Runs | None
    doubtful: Runs | None


def read_pages(pid: int, ranges: Iterable[tuple[int, int]]) -> PageStates | None:
    """Read the state of the pages of these ranges, first addresses and ends, ascending; None if it may not be read."""
    wanted = list(ranges)
    try:
        file = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _scanned(file, wanted) or _read(file, wanted)
    finally:
        os.close(file)


def _scanned(file: int, ranges: list[tuple[int, int]]) -> PageStates | None:
    """Read runs; None where the kernel has no such call."""
    if not ranges:
        return None
    vector = np.empty((_AT_ONCE, 3), np.uint64)
    ioctl = ctypes.CDLL(None, use_errno=True).ioctl
    pieces, count, at, end = [vector[:0]], 0, ranges[0][0], ranges[-1][1]
    while at < end and count < _MOST_RUNS:
        mask = _FILE | _ZERO
        words = (_SCAN_SIZE, 0, at, end, 0, vector.ctypes.data, _AT_ONCE, 0)
        argument = (ctypes.c_uint64 * 12)(
            *words, mask, mask, _PRESENT | _SWAPPED, _PRESENT | _SWAPPED | _HUGE
        )
        got = ioctl(file, ctypes.c_ulong(_SCAN), argument)
        if got < 0:
            return None
        pieces.append(vector[:got].copy())
        count += got
        # Where the walk ended is not to be had from walk_end: after a walk to the end the kernel leaves there where it
        # has last emptied a buffer of its own (fs/proc/task_mmu.c, do_pagemap_scan).
        if got < _AT_ONCE:
            break
        at = int(vector[got - 1, 1])
    runs = np.concatenate(pieces)

    def of(category: int) -> Runs:
        some = runs[(runs[:, 2] & np.uint64(category)) != 0]
        return joined_runs(some[:, 0], some[:, 1])

    return PageStates(of(_PRESENT), of(_SWAPPED), of(_HUGE), None)


def _read(file: int, ranges: list[tuple[int, int]]) -> PageStates | None:
    """Read a word for each page."""
    page = os.sysconf("SC_PAGESIZE")
    resident: list[Runs] = []
    swapped: list[Runs] = []
    doubtful: list[Runs] = []
    for start, end in ranges:
        for at in range(start, end, _WORDS * page):
            count = min(_WORDS, (end - at) // page)
            data = os.pread(file, 8 * count, at // page * 8)
            if len(data) != 8 * count:
                return None
            words = np.frombuffer(data, np.uint64)
            present = ((words & _P_PRESENT) != 0) & ((words & _P_FILE) == 0)
            resident.append(_runs(at, page, present))
            swapped.append(_runs(at, page, (words & _P_SWAPPED) != 0))
            doubtful.append(_runs(at, page, present & ((words & _P_EXCLUSIVE) == 0)))
    return PageStates(_all(resident), _all(swapped), None, _all(doubtful))


def _runs(start: int, page: int, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Runs:
    """Return the runs of the pages that are so, counted from an address."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], which, [False]]).view(np.int8))).astype(np.uint64)
    where: U64 = np.uint64(start) + edges * np.uint64(page)
    return Runs(where[::2], where[1::2])


def _all(pieces: list[Runs]) -> Runs:
    if not pieces:
        return NONE
    return joined_runs(
        np.concatenate([each.start for each in pieces]), np.concatenate([each.end for each in pieces])
    )
