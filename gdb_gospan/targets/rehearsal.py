"""Learn what a report will read from a process while it runs, by building the report once and discarding it.

Its figures are not consistent, and nobody sees them; only the addresses that it read matter.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import numpy as np

from gdb_gospan.analysis.session import Session
from gdb_gospan.analysis.verification import Check
from gdb_gospan.memory.capture import Plan, grown
from gdb_gospan.memory.footprint import Footprint
from gdb_gospan.memory.mappings import Mapping
from gdb_gospan.memory.model import Memory
from gdb_gospan.memory.prefetched import MOST, PAGE
from gdb_gospan.memory.segments import NOWHERE
from gdb_gospan.runtime import goroutines, mspan
from gdb_gospan.runtime.heap import Heap

_OF_THE_SCHEDULER = ("goroutines",)
"""Further parts that the identities of goroutines and threads need."""
_MOST_GOROUTINES = 4096
"""Up to this number, all are copied."""
_MOST_MARKS: Final = 16384
"""Spans with inline marks: up to this number all are copied; beyond, it would cost more than it saves."""
_TRIES: Final = 3
"""In a running process, something that has just moved may not be found."""


class RehearsedError(Exception):
    """Everything is recorded; the rest of the report reads nothing."""


class Rehearsal(Session):
    """A session on a running process, through memory that records its reads; otherwise like the session given."""

    def __init__(self, session: Session, heap: Heap, footprint: Footprint) -> None:
        super().__init__(
            session.target,
            heap,
            variables=session.variables,
            code=session.code,
            residency=session.residency,
        )
        self._footprint = footprint

    def finish_reading(self, *parts: str) -> None:
        """Record what is read before the process is resumed; always raises `RehearsedError`."""
        self.heap.decode(*parts)
        # An M points to the goroutine that it runs: during the stop that is a different one.
        running = goroutines.places(self.heap.reader, self.heap.symbols, _MOST_GOROUTINES)
        self._footprint.note(running, self.heap.layout["g"].size)
        # When a cycle begins, every span is unswept, and its marks are read.
        inline = np.flatnonzero(self.heap.span_map.inline_marks)
        if 0 < len(inline) <= _MOST_MARKS:
            self._footprint.note(*mspan.inline_marks_at(self.heap.reader, self.heap.spans, inline))
        for addresses, size in self.heap.places():
            self._footprint.note(addresses, size)
        raise RehearsedError

    def release(self) -> None:
        """End the rehearsal: nothing is read after this; always raises `RehearsedError`."""
        raise RehearsedError

    @property
    def checks(self) -> tuple[Check, ...]:
        """Record what the identities need; always raises `RehearsedError`."""
        self.finish_reading()
        return ()

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Likewise, including those of goroutines and threads."""
        self.finish_reading(*_OF_THE_SCHEDULER)
        return ()


def plan(
    session: Session,
    memory: Memory,
    mappings: list[Mapping],
    rehearse: Callable[[Session], object],
    *others: Callable[[Memory], object],
) -> Plan | None:
    """Return the pages to copy: those that `rehearse` reads from a session, and these others.

    None if that is too much to copy. Errors are ignored here: a lasting one occurs again when the process is stopped.
    """
    footprint, heap = Footprint(memory), session.heap
    for _ in range(_TRIES):
        trial = Heap(footprint, heap.layout, heap.symbols, heap.evidence)
        trial.trail.begins = heap.trail.begins
        try:
            rehearse(Rehearsal(session, trial, footprint))
        except RehearsedError:
            break
        except Exception:  # noqa: S112, BLE001  # for what has moved meanwhile, another time
            continue
        break
    for other in others:
        with suppress(Exception):
            other(footprint)
    arenas = NOWHERE
    with suppress(Exception):
        arenas = trial.arenas.base, np.full(len(trial.arenas), trial.arenas.nbytes, np.uint64)
    needed, pieces = footprint.places(arenas)
    del trial, footprint  # before there is the room for what is to be copied
    pages = grown(needed, mappings, arenas)
    held = len(pages) + int(pieces[1].sum()) // PAGE
    return Plan(pages, pieces, arenas) if held <= MOST else None
