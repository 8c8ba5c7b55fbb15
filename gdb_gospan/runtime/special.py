"""Specials attached to objects: finalizers, cleanups, profile records (runtime/mheap.go, type special)."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.record import I64, U64, Reader, Record, Records

_MOST = 1 << 16
"""Specials of one span that are followed: several of each of 1,024 objects, and no endless loop."""


@attrs.frozen
class Special:
    """One special.

    Attributes
    ----------
    address
        Of the struct.
    offset
        Bytes from the start of the span.
    kind
        In words, such as ``finalizer``; ``kind 42`` for one that this release is not known to have.
    """

    address: int
    offset: int
    kind: str


def read_specials(reader: Reader, first: int) -> tuple[list[Special], bool]:
    """Follow the list from ``mspan.specials``, by ascending offset; and whether its end was reached."""
    found: list[Special] = []
    if not first:
        return found, True
    struct, names = reader.layout["special"], reader.layout.traits.special_kinds
    address, seen = first, set[int]()
    while address:
        if address in seen or len(found) >= _MOST:
            return found, False
        seen.add(address)
        data = reader.read(address, struct.size)
        if isinstance(data, Unreadable):
            return found, False
        special = Record(reader.layout, struct, address, data)
        kind = special["kind"]
        found.append(Special(address, special["offset"], names.get(kind, f"kind {kind}")))
        address = special["next"]
    return found, True


def read_every_special(reader: Reader, first: U64, steps: int = 1 << 62) -> None:
    """Read the lists from all these heads in parallel and discard them, so that a copy has what `read_specials` reads.

    Parameters
    ----------
    steps
        Specials of a list to read at most. Of a running process a special may be freed meanwhile, and its link then
        leads along the free list of its fixalloc, which is as long as it is.
    """
    for _, _ in _in_parallel(reader, first, steps):
        pass


@attrs.frozen(eq=False, repr=False)
class Specials:
    """Specials of many spans.

    Attributes
    ----------
    span
        int64 (n,): which of the lists each is of.
    address, offset
        uint64 and int64 (n,): of the struct, and of the object in its span.
    kind
        int64 (n,): its number, of `Traits.special_kinds`.
    whole
        Every list was followed to its end: no part of it could not be read, and none led back.
    """

    span: I64
    address: U64
    offset: I64
    kind: I64
    whole: bool


def specials_of(reader: Reader, first: U64) -> Specials:
    """Read the lists from all these heads in parallel, as long as their offsets ascend (mheap.go, specialFindSplicePoint).

    In a running process a special may be freed meanwhile, and its link then leads along a free list, which is in no order.
    """
    ended, found = 0, [(np.empty(0, np.int64), np.empty(0, np.uint64), *2 * [np.empty(0, np.int64)])]
    for row, specials in _in_parallel(reader, first, _MOST, ascending=True):
        some = specials.readable
        ended += int(np.count_nonzero(some & (specials["next"] == 0)))
        found.append((row[some], specials.addresses[some], specials["offset"][some], specials["kind"][some]))
    span, address, offset, kind = (np.concatenate(column) for column in zip(*found, strict=True))
    return Specials(span, address, offset, kind, whole=ended == int(np.count_nonzero(first)))


def _in_parallel(
    reader: Reader, first: U64, steps: int, *, ascending: bool = False
) -> Iterator[tuple[I64, Records]]:
    """Yield the next special of each list that goes on, with the numbers of these lists."""
    rows = np.flatnonzero(first)
    going, before = first[rows], np.zeros(len(rows), np.int64)
    marks, taken, stretch = going, 0, 1
    while len(going) and steps:
        steps -= 1
        specials = reader.records("special", going)
        yield rows, specials
        links = specials["next"]
        # Brent: a list that comes back to where it was some power of two of steps ago runs in a circle.
        on = specials.readable & (links != 0) & (links != marks)
        if ascending:
            on &= specials["offset"] >= before
            before = specials["offset"][on]
        rows, going, marks, taken = rows[on], links[on], marks[on], taken + 1
        if taken == stretch:
            marks, taken, stretch = going, 0, 2 * stretch
