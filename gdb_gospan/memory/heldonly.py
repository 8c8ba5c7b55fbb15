"""Memory of which only what was captured is read once the process goes on: for guesses, which may point anywhere."""

from __future__ import annotations

import numpy as np

from gdb_gospan.memory.model import Memory, Over, ReadAfterReleaseError, Rows, Unreadable
from gdb_gospan.memory.segments import U64, Mask

_NOT_HELD = "not in the capture"


class HeldOnly(Over):
    """Another memory; what it would raise `ReadAfterReleaseError` for is unreadable here.

    It is for addresses that are only guessed: that such a one was not captured says that nothing is known of it. Of what a
    report needs it would hide a mistake.
    """

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        try:
            return self.memory.read(address, size)
        except ReadAfterReleaseError:
            return Unreadable(address, size, _NOT_HELD)

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        try:
            return self.memory.read_many(addresses, size)
        except ReadAfterReleaseError:
            held = self._held(addresses, size)
        data = np.zeros((len(addresses), size), np.uint8)
        some = self.memory.read_many(addresses[held], size)
        data[held] = some.data
        held[held] = some.readable
        return Rows(data, held)

    def _held(self, addresses: U64, size: int) -> Mask:
        """Which of these are whole in some layer of the capture."""
        found, layer = np.zeros(len(addresses), np.bool_), self.memory
        while True:
            has = getattr(layer, "has", None)
            if has is not None:
                found |= has(addresses, size)
            inner: Memory | None = getattr(layer, "memory", None)
            if inner is None:
                return found
            layer = inner
