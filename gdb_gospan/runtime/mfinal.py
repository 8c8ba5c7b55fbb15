"""What waits to be run after an object's death: finalizers (runtime/mfinal.go) and cleanups (runtime/mcleanup.go)."""

from __future__ import annotations

from typing import Final

import attrs

from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.memory import Unreadable
from gdb_gospan.runtime.proc import Ps
from gdb_gospan.runtime.record import Reader

_MOST_BLOCKS: Final = 1 << 20
"""A block has room for some 100 finalizers."""


@attrs.frozen
class Queues:
    """How many wait; None where that is not known.

    Attributes
    ----------
    finalizers
        Finalizers of objects that the last cycles found dead and that have not been run; until Go 1.24 cleanups, too.
    cleanups
        Cleanups that wait (since Go 1.25), those of Ps among them.
    cleanup_goroutines, cleanups_running
        Goroutines for cleanups, and how many of them run one.
    """

    finalizers: int | None
    cleanups: int | None
    cleanup_goroutines: int | None
    cleanups_running: int | None


def read_queues(reader: Reader, symbols: Symbols, ps: Ps) -> Queues:
    """Read the queues: the counts of all blocks of finalizers, and the counters of cleanups."""
    where, queue = symbols.get("gcCleanups"), None
    if where is not None and "cleanupQueue" in reader.layout.structs:
        queue = reader.record_if_there("cleanupQueue", where)
    if queue is None:
        return Queues(_finalizers(reader, symbols.get("allfin")), None, None, None)
    queued, executed = queue.get("queued"), queue.get("executed")
    of_ps = ps.ps.get("cleanupsQueued")
    waiting = -1
    if queued is not None and executed is not None and of_ps is not None:
        waiting = queued + int(of_ps.sum()) - executed
    return Queues(
        finalizers=_finalizers(reader, symbols.get("allfin")),
        cleanups=waiting if waiting >= 0 else None,
        cleanup_goroutines=queue.get("ng"),
        cleanups_running=queue.get("running"),
    )


def _finalizers(reader: Reader, allfin: int | None) -> int | None:
    """Add up finBlock.cnt along allfin, which has every block: the goroutine that runs them counts its own block down."""
    if allfin is None or "finBlock" not in reader.layout.structs:
        return None
    if isinstance(reader.memory.read(allfin, reader.word_type.itemsize), Unreadable):
        return None  # as in older recordings
    block, total, seen = reader.word(allfin), 0, set[int]()
    struct = reader.layout["finBlock"]
    while block and len(seen) < _MOST_BLOCKS and block not in seen:
        seen.add(block)
        count = reader.word(block + struct["cnt"].offset, struct["cnt"].size)
        following = reader.word(block + struct["alllink"].offset)
        if count is None or following is None:
            return None
        total, block = total + count, following
    return None if block else total
