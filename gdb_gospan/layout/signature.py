"""Check whether the memory at an address is an mheap of a given layout, by separate pieces of evidence.

Go's startup leaves constants and pointers to itself all over mheap (mheap.go, mheap.init; mpagealloc.go,
pageAlloc.init): which struct each fixalloc hands out, where its memory is counted, the span class of each central
list. Another layout, or another address, has different values there. The layout of the structs that mheap points to
is not checked here: the identities prove later that spans and arenas agree. Goroutines, threads and Ps are
not reached from mheap, and are checked separately (`schedulersigns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np

from gdb_gospan.layout.bundled import Bundled, Release
from gdb_gospan.layout.model import Field
from gdb_gospan.memory import Memory, Unreadable

_COUNTED_IN: Final = {"spanalloc": "mspan_sys", "cachealloc": "mcache_sys"}
"""Field of memstats that a fixalloc's memory is counted in; of all others it is one of the next two."""
_OTHERS_IN: Final = ("other_sys", "gcMiscSys")


@attrs.frozen(repr=False)
class Evidence:
    """One layout check: what was read, and whether it is what the layout says.

    Attributes
    ----------
    what
        For people: ``spanalloc.size``.
    expected, found
        Numbers, as the layout has it and as memory has it; `found` is None when it cannot be read.
    """

    what: str
    expected: int
    found: int | None

    @property
    def holds(self) -> bool:
        """Whether expected and found values are equal."""
        return self.expected == self.found


@attrs.frozen(repr=False)
class Signature:
    """All evidence for one layout at one address.

    Attributes
    ----------
    memstats
        Where runtime.memstats must be, by where spanalloc counts its memory.
    """

    table: Bundled
    mheap: int
    memstats: int
    evidence: tuple[Evidence, ...]

    @property
    def holds(self) -> bool:
        """Whether all checks pass."""
        return bool(self.evidence) and all(piece.holds for piece in self.evidence)

    @property
    def failed(self) -> tuple[Evidence, ...]:
        """The checks that fail."""
        return tuple(piece for piece in self.evidence if not piece.holds)

    @property
    def contradicted(self) -> bool:
        """Whether a check fails on memory that could be read."""
        return any(piece.found is not None for piece in self.failed)

    def and_(self, more: tuple[Evidence, ...]) -> Signature:
        """Return this signature with more evidence for the same layout."""
        return attrs.evolve(self, evidence=(*self.evidence, *more))

    def score(self) -> str:
        """Return how many checks pass: ``33 of 33``."""
        return f"{len(self.evidence) - len(self.failed)} of {len(self.evidence)}"


def examine(memory: Memory, mheap: int, table: Bundled) -> Signature:
    """Collect the evidence that `mheap` is the address of an mheap of this layout."""
    examined = _Examination(memory, mheap, table)
    return Signature(table, mheap, examined.memstats, tuple(examined.evidence()))


class _Examination:
    def __init__(self, memory: Memory, mheap: int, table: Bundled) -> None:
        self._table = table
        self._layout = table.layout
        self._address = mheap
        self._order = self._layout.platform.byteorder
        struct = self._layout["mheap"]
        data = memory.read(mheap, struct.size)
        self._data = b"" if isinstance(data, Unreadable) else data
        self.memstats = 0
        stat = self._fixalloc("spanalloc", "stat")
        if stat is not None:
            self.memstats = stat - self._layout["mstats"][_COUNTED_IN["spanalloc"]].offset

    def _number(self, field: Field, base: int = 0) -> int | None:
        begin = base + field.offset
        data = self._data[begin : begin + field.size]
        return int.from_bytes(data, self._order) if len(data) == field.size else None

    def _fixalloc(self, name: str, path: str) -> int | None:
        return self._number(self._layout["fixalloc"][path], self._layout.fixallocs[name])

    def evidence(self) -> Iterator[Evidence]:
        mheap = self._layout["mheap"]
        lock = self._address + mheap["lock"].offset
        yield Evidence("spanalloc.arg = &mheap_", self._address, self._fixalloc("spanalloc", "arg"))
        yield Evidence("pages.mheapLock = &mheap_.lock", lock, self._number(mheap["pages.mheapLock"]))
        for name, size in self._table.handed_out.items():
            if size:
                yield Evidence(f"{name}.size", size, self._fixalloc(name, "size"))
            yield self._counted(name)
        misc = self.memstats + self._layout["mstats"]["gcMiscSys"].offset
        yield Evidence("pages.sysStat = &memstats.gcMiscSys", misc, self._number(mheap["pages.sysStat"]))
        yield Evidence("span classes of central", *self._classes())
        length = mheap["allspans"].offset + self._layout.platform.pointer_size
        word = Field(length, self._layout.platform.pointer_size)
        spans = self._number(word)
        room = self._number(Field(length + word.size, word.size))
        yield Evidence(
            "allspans.len within its cap", 1, None if spans is None else int(0 < spans <= (room or 0))
        )

    def _counted(self, name: str) -> Evidence:
        """Say where a fixalloc counts its memory."""
        found = self._fixalloc(name, "stat")
        mstats = self._layout["mstats"]
        fields = [_COUNTED_IN[name]] if name in _COUNTED_IN else _OTHERS_IN
        places = [self.memstats + mstats[field].offset for field in fields]
        expected = found if found in places else places[0]
        return Evidence(
            f"{name}.stat = &memstats.{fields[places.index(expected or 0)]}", expected or 0, found
        )

    def _classes(self) -> tuple[int, int]:
        """Return how many central lists there are, and how many are of the span class that they should be."""
        mheap, mcentral = self._layout["mheap"], self._layout["mcentral"]["spanclass"]
        lists = mheap["central"]
        count = lists.count or 0
        begin = lists.offset + mcentral.offset
        data = np.frombuffer(self._data, np.uint8)
        at = begin + np.arange(count) * lists.stride
        if len(data) <= begin + max(count - 1, 0) * lists.stride:
            return count, 0
        return count, int(np.count_nonzero(data[at] == np.arange(count)))


@attrs.frozen(eq=False, repr=False)
class Recognised:
    """How a program without debug information was recognised.

    Attributes
    ----------
    signature
        Of the layout in use; all its checks pass.
    also
        Other releases with the same layout.
    refused
        Signatures of other layouts at the same address that do not hold.
    others
        Addresses of further mheaps: other Go runtimes in the same process.
    stated
        The Go version in the program; None if it was not found.
    """

    signature: Signature
    also: tuple[Release, ...] = ()
    refused: tuple[Signature, ...] = ()
    others: tuple[int, ...] = ()
    stated: str | None = None
