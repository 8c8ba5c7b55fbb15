"""Read many records from a source that can only read contiguous runs of bytes.

The records are sorted and neighbours joined, so that a source with a high price
per call (a debugger, a remote stub, a system call) is called once per run.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from gdb_gospan.memory.model import ADDRESS_SPACE, Rows, Unreadable, out_of_range
from gdb_gospan.memory.segments import I64, U64, Bytes, Mask, window

_KEPT: Final = 4 << 20
"""Bytes of the buffer that each thread keeps at most."""
_kept = threading.local()

Fill = Callable[[int, Bytes], bool]
"""Read ``len(buffer)`` bytes at an address into a buffer: all of them, or return False."""

FillMany = Callable[[U64, I64, Bytes], Mask]
"""Read runs that begin at these addresses to where they end in a buffer, one after the other: which of them could be read."""

GAP: Final = 4095
"""Bytes between two records that are read along with them.

One less than the smallest page. Then every page of a run is a page of some
record in it, so a run never fails, nor faults a page in, on account of the gap.
"""

RUN: Final = 16 << 20
"""Bytes in a run, about, and in the buffer that a batch of runs is read into."""


def read_run(address: int, size: int, fill: Fill, reason: str) -> bytes | Unreadable:
    """Read all `size` bytes at `address`, or return the first missing one as `Unreadable` with this `reason`."""
    if (answer := out_of_range(address, size)) is not None:
        return answer
    buffer = np.empty(size, np.uint8)
    if fill(address, buffer):
        return buffer.tobytes()
    return first_missing(address, size, fill, reason)


def gather(
    addresses: U64,
    size: int,
    fill: Fill,
    *,
    gap: int = GAP,
    run: int = RUN,
    fill_many: FillMany | None = None,
) -> Rows:
    """Read `size` bytes at each of `addresses`, in any order, duplicates allowed.

    A run that fails is halved until only the records that truly cannot be read
    are left; that costs two calls for each record in it at worst.

    Parameters
    ----------
    addresses
        uint64, shape ``(n,)``.
    fill
        The source.
    gap
        Join records with at most so many unwanted bytes between them.
    run
        Start a new run after about so many bytes.
    fill_many
        The source, if it reads many runs better together than one by one.
    """
    count = len(addresses)
    data = np.empty((count, size), np.uint8)
    readable = np.zeros(count, np.bool_)
    if size == 0:
        readable[:] = True
        return Rows(data, readable)
    # Mostly they come in order, and then so do the copies of them: without a list of places to copy to.
    order = None if (addresses[1:] >= addresses[:-1]).all() else np.argsort(addresses, kind="stable")
    starts = addresses if order is None else addresses[order]
    # What leaves the address space sorts to the end, and is cut off there.
    starts = starts[: np.searchsorted(starts, np.uint64(ADDRESS_SPACE - size), side="right")]
    if not len(starts):
        data[:] = 0
        return Rows(data, readable)

    first = _runs(starts, size, gap, run)
    last = np.append(first[1:], len(starts))
    begin = starts[first]
    length = (starts[last - 1] - begin).astype(np.int64) + size
    done = np.zeros(len(starts), np.bool_)
    out = data.view(np.dtype((np.void, size)))[:, 0]
    whole = order is None and bool((length == (last - first) * size).all() and _adjoin(starts, size, first))
    batches = _batches(length, run)
    memory = data.reshape(-1) if whole else _take(max(int(length[lo:hi].sum()) for lo, hi in batches))
    for lo, hi in batches:
        rows = slice(int(first[lo]), int(last[hi - 1]))
        ends = np.cumsum(length[lo:hi])
        buffer = memory[rows.start * size : rows.stop * size] if whole else memory[: int(ends[-1])]
        if fill_many is None:
            jobs = zip(begin[lo:hi].tolist(), (ends - length[lo:hi]).tolist(), ends.tolist(), strict=True)
            good: Mask = np.array([fill(address, buffer[i:j]) for address, i, j in jobs], np.bool_)
        else:
            good = fill_many(begin[lo:hi], ends, buffer)
        members = last[lo:hi] - first[lo:hi]
        if not whole:
            shift = np.repeat((ends - length[lo:hi]).astype(np.uint64) - begin[lo:hi], members)
            out[_places(order, rows)] = window(buffer, size)[(starts[rows] + shift).astype(np.int64)]
        done[rows] = np.repeat(good, members)
        for i in np.flatnonzero(~good).tolist():
            for j, k, part in _halve(starts, size, int(first[lo + i]), int(last[lo + i]), fill):
                out[_places(order, slice(j, k))] = window(part, size)[
                    (starts[j:k] - starts[j]).astype(np.int64)
                ]
                done[j:k] = True
    if not whole:
        _kept.buffer = memory if len(memory) <= _KEPT else None
    readable[_places(order, slice(len(starts)))] = done
    if not readable.all():
        data[~readable] = 0
    return Rows(data, readable)


def _places(order: I64 | None, rows: slice) -> I64 | slice:
    """Return where these rows, of those in order, were asked for."""
    return rows if order is None else order[rows]


def _adjoin(starts: U64, size: int, first: I64) -> bool:
    """Whether each record begins where the one before it ends, but for the first of each run."""
    gap = starts[1:] - starts[:-1] != np.uint64(size)
    gap[first[1:] - 1] = False
    return not gap.any()


def _take(size: int) -> Bytes:
    """Take the buffer that this thread's last call has left, or a new one: the kernel clears fresh pages at a high price."""
    buffer: Bytes | None = _kept.__dict__.pop("buffer", None)
    return buffer if buffer is not None and len(buffer) >= size else np.empty(size, np.uint8)


def _runs(starts: U64, size: int, gap: int, run: int) -> I64:
    """Return the index of the first record of each run."""
    step = starts[1:] - starts[:-1]
    new = np.concatenate(([True], step > np.uint64(size + gap)))
    first = np.flatnonzero(new)
    into = starts - np.repeat(starts[first], np.diff(np.append(first, len(starts))))
    part = into // np.uint64(run)
    new[1:] |= part[1:] != part[:-1]
    return np.flatnonzero(new)


def _batches(length: I64, limit: int) -> list[tuple[int, int]]:
    """Cut the runs into batches of about `limit` bytes, at least one run each."""
    batch = (np.cumsum(length) - length) // limit
    edges = [0, *(np.flatnonzero(np.diff(batch)) + 1).tolist(), len(length)]
    return list(itertools.pairwise(edges))


def _halve(starts: U64, size: int, lo: int, hi: int, fill: Fill) -> Iterator[tuple[int, int, Bytes]]:
    """Read the records ``lo:hi`` of a run that has just failed as a whole.

    Yields the parts that could be read: first record, one past the last, bytes.
    """
    todo = [(lo, hi)]
    while todo:
        lo, hi = todo.pop()
        if starts[lo] == starts[hi - 1]:
            continue  # one record, or copies of one: here are the bytes that cannot be read
        middle = (lo + hi) // 2
        for i, j in ((lo, middle), (middle, hi)):
            begin = int(starts[i])
            buffer = np.empty(int(starts[j - 1]) - begin + size, np.uint8)
            if fill(begin, buffer):
                yield i, j, buffer
            else:
                todo.append((i, j))


def first_missing(address: int, size: int, fill: Fill, reason: str) -> Unreadable:
    """Find the first missing byte of a read that has failed.

    Takes about log2(size) further calls.
    """
    buffer = np.empty(size, np.uint8)
    low, high = 0, size  # a prefix of `low` bytes can be read, one of `high` cannot
    while high - low > 1:
        middle = (low + high) // 2
        if fill(address + low, buffer[low:middle]):
            low = middle
        else:
            high = middle
    return Unreadable(address + low, size - low, reason)
