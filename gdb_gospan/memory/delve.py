"""The memory of the program that a headless Delve debugs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from gdb_gospan.memory import delveanswers
from gdb_gospan.memory.gather import gather, read_run
from gdb_gospan.memory.jsonrpc import Connection
from gdb_gospan.memory.model import Rows, Unreadable
from gdb_gospan.memory.segments import U64, Bytes

_LIMIT: Final = 1 << 16
_OLD_LIMIT: Final = 1000
"""Bytes that ExamineMemory gives at once: before Delve 1.24 far fewer."""
_RUN: Final = 4 << 20


class DelveMemory:
    """Memory through RPCServer.ExamineMemory, many reads under way at a time.

    Parameters
    ----------
    anchor
        A readable address, to learn how much Delve returns at once.
    """

    at_hand = False

    def __init__(self, connection: Connection, kind: str, anchor: int) -> None:
        self.kind = kind
        self.reads = 0
        self.bytes_read = 0
        self._connection = connection
        self._limit = _LIMIT
        (long,) = self.examine([(anchor, _OLD_LIMIT + 1)])
        if long is None:
            self._limit = _OLD_LIMIT

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        return read_run(address, size, self._fill, "Delve cannot access this memory")

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        runs: list[tuple[int, int]] = []

        def note(address: int, buffer: Bytes) -> bool:
            runs.append((address, len(buffer)))
            return True

        # Which runs are needed is known before the first is read: so all are asked for at once.
        gather(addresses, size, note, run=_RUN)
        known = dict(zip(runs, self.examine(runs), strict=True))

        def fill(address: int, buffer: Bytes) -> bool:
            run = address, len(buffer)
            if run not in known:  # a part of a run that failed as a whole
                return self._fill(address, buffer)
            data = known.pop(run)
            if data is not None:
                buffer[:] = data
            return data is not None

        return gather(addresses, size, fill, run=_RUN)

    def _fill(self, address: int, buffer: Bytes) -> bool:
        (data,) = self.examine([(address, len(buffer))])
        if data is not None:
            buffer[:] = data
        return data is not None

    def examine(self, runs: Sequence[tuple[int, int]]) -> list[Bytes | None]:
        """Read each run, an address and a size, all under way at once; None where not all of it can be read."""
        pieces: list[dict[str, object]] = [
            {"Address": address + at, "Length": min(size - at, self._limit)}
            for address, size in runs
            for at in range(0, size, self._limit)
        ]
        answers = self._connection.calls("ExamineMemory", delveanswers.memory, pieces)
        found: list[Bytes | None] = []
        for _, size in runs:
            parts = [next(answers) for _ in range(0, size, self._limit)]
            data = b"".join(part for part in parts if isinstance(part, bytes))
            found.append(np.frombuffer(data, np.uint8) if len(data) == size else None)
        self.reads += len(pieces)
        self.bytes_read += sum(len(data) for data in found if data is not None)
        return found
