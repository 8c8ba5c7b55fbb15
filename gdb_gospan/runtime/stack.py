"""Stack spans: in use by goroutines, or in the stack pool (runtime/stack.go)."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from gdb_gospan.runtime.mspan import Spans
from gdb_gospan.runtime.proc import Ps
from gdb_gospan.runtime.record import I64, U64, Mask


@attrs.frozen(eq=False, repr=False, slots=False)
class Stacks:
    """Every stack span; the masks are bool with a row for each of `Spans`.

    Small stacks are cut from spans of 32 KiB, each for one size (an order: 2 KiB
    on linux, doubled three times); a larger stack has a span of its own.

    Attributes
    ----------
    pool
        Spans of small stacks.
    large
        Spans of one large stack.
    listed
        Stack spans in a list: of `pool` those that have a free stack, of `large`
        those without a goroutine (stackpool and stackLarge). The runtime itself
        keeps mspan.list, to check its own removals (mheap.go).
    cached_bytes
        int64 (k,): free stacks that the Ps hold in advance (mcache.stackcache), a row for each mcache.
    """

    spans: Spans
    pool: Mask
    large: Mask
    listed: Mask
    cached_bytes: I64

    @cached_property
    def _rows(self) -> I64:
        return np.flatnonzero(self.pool | self.large)

    def capacity(self, rows: I64) -> I64:
        """Return how many stacks each of these stack spans can hold."""
        capacity: I64 = self.spans.bytes_of(rows) // np.maximum(_size(self.spans, rows), 1)
        return capacity

    def given_out(self, rows: I64) -> I64:
        """Return how many stacks of these stack spans are given out; those of small ones that a P has cached count."""
        given: I64 = np.where(self.pool[rows], self.spans.records.at("allocCount", rows), ~self.listed[rows])
        return given

    def holding(self, low: U64, high: U64) -> tuple[Mask, Mask]:
        """Return which of these stacks, `low` to `high`, begin in a stack span, and which are exactly one of its stacks."""
        if not len(self._rows):
            return np.zeros(len(low), np.bool_), np.zeros(len(low), np.bool_)
        rows = self._rows[np.argsort(self.spans.start[self._rows], kind="stable")]
        at = np.maximum(np.searchsorted(self.spans.start[rows], low, side="right") - 1, 0)
        row = rows[at]
        offset, size = low - self.spans.start[row], self.spans.records.at("elemsize", row)
        inside = (low >= self.spans.start[row]) & (offset < self.spans.bytes_of(row).astype(np.uint64))
        step = np.maximum(size, 1).astype(np.uint64)
        whole: Mask = inside & (high - low == step) & (offset % step == 0)
        return inside, whole

    @property
    def in_use_bytes(self) -> int:
        """Bytes of the stacks that goroutines stand on."""
        given = self.given_out(self._rows) * _size(self.spans, self._rows)
        return int(given.sum()) - int(self.cached_bytes.sum())


def _size(spans: Spans, rows: I64) -> I64:
    """Bytes of a stack of these spans; of a size that damage has made, no more than the span."""
    size = spans.records.at("elemsize", rows).view(np.uint64)
    bounded: I64 = np.minimum(size, spans.bytes_of(rows).astype(np.uint64)).view(np.int64)
    return bounded


def read_stacks(spans: Spans, ps: Ps) -> Stacks:
    """Classify the stack spans, from the columns of spans and mcaches."""
    columns, rows = spans.records, np.flatnonzero(spans.stack)
    # A stack as large as its span is a large one (stack.go, stackalloc).
    pool, listed = np.zeros(len(spans), np.bool_), np.zeros(len(spans), np.bool_)
    pool[rows] = _size(spans, rows) < spans.bytes_of(rows)
    listed[rows] = columns.at("list", rows) != 0
    cached = ps.mcaches.elements("stackcache", "stackcache[].size").sum(axis=1, dtype=np.int64)
    return Stacks(
        spans=spans,
        pool=pool,
        large=spans.stack & ~pool,
        listed=listed,
        cached_bytes=cached,
    )
