"""From an address of the heap to the span that holds it (runtime/mheap.go, spanOf), for many addresses at once."""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.runtime.mheap import Arenas
from gdb_gospan.runtime.record import I64, U64, Mask

I32 = npt.NDArray[np.int32]
NOWHERE: Final = -1
_WIDEST: Final = 1 << 24
"""Pages of a table at most that is for a range of addresses: 128 GiB. Where arenas are further apart, each has its own part."""


@attrs.frozen(eq=False, repr=False)
class PageTable:
    """Which span each page of the heap belongs to.

    Attributes
    ----------
    low, high
        All spans lie between these addresses; the high one is past the end.
    shift
        Bits of an address within its page.
    pages
        int32: number of the span, -1 for none; by page from `low` on, or page by page of each arena.
    arenas
        To find the part of an arena with; None where the table is of one range of addresses.
    """

    low: int
    high: int
    shift: int
    pages: I32
    arenas: Arenas | None

    def inside(self, words: U64) -> Mask:
        """Which of these words are addresses between those of the spans: all that can be a pointer to an object."""
        found: Mask = words - np.uint64(self.low) < np.uint64(
            self.high - self.low
        )  # below the first it wraps
        return found

    def of(self, addresses: U64) -> I64:
        """Return the number of the span at each address, all of them `inside`; -1 for none."""
        found: I64 = self.pages[_page(self.arenas, self.low, self.shift, addresses)].astype(np.int64)
        return found


def _page(arenas: Arenas | None, low: int, shift: int, addresses: U64) -> I64:
    """Return where the table has the page of each address: the last entry, which is no span's, for none."""
    if arenas is None:
        near: I64 = ((addresses - np.uint64(low)) >> np.uint64(shift)).view(np.int64)
        return near
    home, size = arenas.of(addresses), 1 << shift
    page = home * (arenas.nbytes >> shift) + arenas.page_of(addresses, home, size)
    return np.where(home < 0, NOWHERE, page)


def page_table(arenas: Arenas, base: U64, npages: I64, page_size: int) -> PageTable:
    """Make the table of these spans, each of which lies in known arenas as a whole."""
    shift = page_size.bit_length() - 1
    if not len(base):
        return PageTable(0, 0, shift, np.full(1, NOWHERE, np.int32), None)
    low = int(base.min())
    high = int((base + (npages << shift).view(np.uint64)).max())
    near = (high - low) >> shift <= _WIDEST
    count = (high - low) >> shift if near else len(arenas) * (arenas.nbytes >> shift)
    pages = np.full(count + 1, NOWHERE, np.int32)
    first = _page(None if near else arenas, low, shift, base)
    starts = np.cumsum(npages) - npages
    within = np.arange(int(npages.sum())) - np.repeat(starts - first, npages)
    pages[within] = np.repeat(np.arange(len(base), dtype=np.int32), npages)
    return PageTable(low, high, shift, pages, None if near else arenas)
