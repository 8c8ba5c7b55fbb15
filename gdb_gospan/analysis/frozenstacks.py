"""The stacks of goroutines in a snapshot: as JSON, in which a column of many numbers is one text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gdb_gospan.analysis.goroutines import living
from gdb_gospan.layout.functions import Lines
from gdb_gospan.layout.recordedlines import LinesRecorder, thaw_lines
from gdb_gospan.memory.segments import U64, distinct
from gdb_gospan.runtime.record import I64
from gdb_gospan.runtime.traceback import Tracebacks

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session

_NUMBERS: Final = np.dtype("<i4")
_ADDRESSES: Final = np.dtype("<u8")
_MOST: Final = 1 << 23
"""Goroutines that a file may claim: their rows take memory before anything else of them is read."""


def frozen_stacks(session: Session) -> dict[str, Any] | None:
    """Return the stacks of the goroutines and the names of their places as JSON data, for `thaw_stacks`.

    The places on the stacks of the profiles have their names there, too.
    A goroutine of which no frame is known has no entry: a program may have millions that have ended.
    """
    tracebacks, lines = session.tracebacks, session.lines
    if tracebacks is None or lines is None:
        return None
    recorder = LinesRecorder(lines)
    every = living(session.heap, recorder, tracebacks)
    every.groups()
    every.code.functions(distinct(tracebacks.pc).tolist())
    calls = every.column("gopc")
    for pc in distinct(tracebacks.pc[:0] if calls is None else calls).tolist():
        every.code.called(pc)
    tables = session.heap.buckets, session.heap.sampled_objects
    stacks = [each.stacks.pcs for each in tables if each is not None]
    for pc in distinct(np.concatenate([tracebacks.pc[:0], *stacks])).tolist():
        recorder.calls(pc - 1)
        recorder.calls(pc)  # as runtime.FuncForPC takes it
    rows: I64 = np.flatnonzero(tracebacks.node >= 0)
    return {
        "count": len(tracebacks.node),
        "rows": _text(rows, _NUMBERS),
        "node": _text(tracebacks.node[rows], _NUMBERS),
        "whole": _text(tracebacks.whole[rows].astype(np.int64), _NUMBERS),
        "newer": _text(tracebacks.newer, _NUMBERS),
        "pc": _text(tracebacks.pc, _ADDRESSES),
        "code": recorder.frozen(),
    }


def thaw_stacks(frozen: dict[str, Any]) -> tuple[Tracebacks, Lines]:
    """Rebuild what `frozen_stacks` returned; `ValueError`, `LookupError`, `TypeError` or `OverflowError` if damaged."""
    if "rows" not in frozen:  # older snapshots have lists, with an entry for each goroutine
        node, whole, newer = (
            np.array(frozen[name], np.int64).reshape(-1) for name in ("node", "whole", "newer")
        )
        pc = np.array(frozen["pc"], np.uint64).reshape(-1)
        if len(node) != len(whole):
            raise ValueError("lengths")
    else:
        rows, some, ended, newer = (
            _numbers(frozen[name], _NUMBERS).astype(np.int64) for name in ("rows", "node", "whole", "newer")
        )
        pc = _numbers(frozen["pc"], _ADDRESSES).astype(np.uint64)
        count = frozen["count"]
        if type(count) is not int or not len(rows) <= count < _MOST:
            raise ValueError("count")
        if not len(rows) == len(some) == len(ended) or (rows < 0).any() or (rows >= count).any():
            raise ValueError("rows")
        node, whole = np.full(count, -1, np.int64), np.zeros(count, np.int64)
        node[rows], whole[rows] = some, ended
    return Tracebacks(node, whole != 0, *_frames(node, newer, pc)), thaw_lines(frozen["code"])


def _frames(node: I64, newer: I64, pc: U64) -> tuple[I64, U64]:
    """Return the frames; each is behind the one that it called, so that no stack is a circle."""
    if len(newer) != len(pc):
        raise ValueError("lengths")
    if (newer >= np.arange(len(newer))).any() or (newer < -1).any():
        raise ValueError("frames")
    if (node < -1).any() or (node >= len(pc)).any():
        raise ValueError("nodes")
    return newer, pc


def _text(column: I64 | U64, dtype: np.dtype[Any]) -> str:
    return base64.b64encode(column.astype(dtype).tobytes()).decode("ascii")


def _numbers(text: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if not isinstance(text, str):
        raise TypeError(text)
    return np.frombuffer(base64.b64decode(text, validate=True), dtype)
