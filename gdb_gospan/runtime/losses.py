"""Record what could not be read: missing memory, and wild pointers."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from gdb_gospan.errors import MemoryReadError
from gdb_gospan.memory.model import UNMAPPED
from gdb_gospan.memory.segments import U64

WILD: Final = "{what} at {source:#x} is a wild pointer: it points to {target:#x}, where nothing is mapped"


class Wild(NamedTuple):
    """A pointer to memory that the process never had: its name, its address and its target."""

    what: str
    source: int
    target: int


class Losses:
    """Ranges that could not be read, each counted once. Several threads may add to it.

    Attributes
    ----------
    wild
        Each pointer that led to memory that the process never had.
    """

    def __init__(self) -> None:
        self._places: list[tuple[U64, U64]] = []
        self.wild: list[Wild] = []

    def __len__(self) -> int:
        """How often something could not be read."""
        return len(self._places)

    def add(self, addresses: U64, size: int) -> None:
        """Record that ``size`` bytes at each address are unknown."""
        room = ~addresses  # up to the last address that there is
        self._places.append((addresses, addresses + np.minimum(np.uint64(size), room)))

    def ranges(self) -> tuple[U64, U64]:
        """Return the merged ranges: their starts and ends, uint64 (n,), ascending."""
        if not self._places:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        starts, ends = (np.concatenate(edges) for edges in zip(*self._places, strict=True))
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        new = np.append(True, starts[1:] > reach[:-1])
        return starts[new], reach[np.append(new[1:], True)]

    @property
    def nbytes(self) -> int:
        """Bytes of all ranges."""
        starts, ends = self.ranges()
        return int((ends - starts).sum())


def unread(what: str, source: int, target: int, reason: str) -> MemoryReadError:
    """Return the error for an unreadable target that everything depends on: missing memory, or a wild pointer."""
    if reason in UNMAPPED:
        return MemoryReadError(
            f"{WILD.format(what=what, source=source, target=target)} (the runtime's own memory is damaged; try: go-spans layout, or another core)"
        )
    return MemoryReadError(f"cannot read {what} at {target:#x}: {reason} (try: a complete core)")
