"""What an identity is: two ways to one number, one of them the runtime's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import attrs
import numpy as np

from gdb_gospan.analysis.notes import Note
from gdb_gospan.memory.parallel import blocks
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.record import I64, Mask

if TYPE_CHECKING:  # needed only where something is off
    from gdb_gospan.analysis.rules import Family
    from gdb_gospan.analysis.transients import Unit

Severity = Literal["error", "warning"]


@attrs.frozen(eq=False, repr=False)
class Finding:
    """What one identity found.

    Attributes
    ----------
    expected, observed
        What the runtime's counters say, and what the walk found.
    where
        For a broken identity, where to look.
    rows
        Where it counts spans: the rows of `Spans` that are wrong, int64.
    complete
        False when the identity did not get to see all that it is about.
    missing
        What it lacked, if that is not memory that could not be read.
    """

    expected: int | None
    observed: int
    where: Note | None = None
    rows: I64 | None = None
    complete: bool = True
    missing: Note | None = None


class Identity(NamedTuple):
    """One identity: its stable code, what the two numbers are, and what may put it off (`transients`)."""

    code: str
    severity: Severity
    family: Family
    unit: Unit
    subject: str
    find: Callable[[Heap], Finding]


class Identities(list[Identity]):
    """A list of identities, entered by decorating the functions that check them."""

    def enter(
        self, code: str, severity: Severity, family: Family, unit: Unit, subject: str
    ) -> Callable[[Callable[[Heap], Finding]], Callable[[Heap], Finding]]:
        """Enter the decorated function."""

        def register(function: Callable[[Heap], Finding]) -> Callable[[Heap], Finding]:
            self.append(Identity(code, severity, family, unit, subject, function))
            return function

        return register


def total(heap: Heap, rows: Mask, *columns: str) -> int:
    """Add up a column of the spans over some rows, or the product of several."""
    live, records, added = np.flatnonzero(rows), heap.spans.records, 0
    for block in blocks(len(live)):
        product = np.ones(1, np.int64)
        for column in columns:
            product = product * records.at(column, live[block])
        added += int(product.sum())
    return added


def count(mask: Mask) -> int:
    """Count the rows of a mask."""
    return int(np.count_nonzero(mask))


def all_of(heap: Heap, rows: Mask, wrong: Mask) -> Finding:
    """Build the finding for a property that every span in ``rows`` must have."""
    bad = np.flatnonzero(rows & wrong)
    where = Note("wrong-span", {"address": int(heap.spans.addresses[bad[0]])}) if len(bad) else None
    return Finding(count(rows), count(rows) - len(bad), where, bad)
