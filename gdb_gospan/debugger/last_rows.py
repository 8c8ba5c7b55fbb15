"""The rows of the last list of spans, for ``$go_row``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gdb

from gdb_gospan.errors import TargetError, UsageError


class Listed(NamedTuple):
    """Rows with a `descriptor`, their report and target, and how to look up a type of its runtime."""

    command: str
    rows: Sequence[Any]
    target: tuple[Any, ...]
    gdb_type: Callable[[str], gdb.Type | None]


_last: Listed | None = None
_gone = False


def keep(listed: Listed) -> None:
    """Keep these as the rows printed last."""
    global _last, _gone  # one gdb, one last report
    _last, _gone = listed, False


def forget() -> None:
    """Drop the rows: the target ran, changed or is gone."""
    global _last, _gone
    _last, _gone = None, _gone or _last is not None


def row(number: int, target: Callable[[], tuple[Any, ...]]) -> gdb.Value:
    """Return the span in row `number`, from 0 on, as a pointer; `target` returns gdb's current target."""
    if _last is None and not _gone:
        raise UsageError("$go_row: no report has listed spans yet (try: go-spans list)")
    if _last is None or _last.target != target():
        raise TargetError("$go_row: the program has run since its spans were listed (try: go-spans list)")
    count = len(_last.rows)
    if not 0 <= number < count:
        there = (
            "has no rows" if not count else "has only row 0" if count == 1 else f"has rows 0 to {count - 1:,}"
        )
        raise UsageError(f"$go_row: no row {number:,}: {_last.command} {there}")
    address, mspan = _last.rows[number].descriptor, _last.gdb_type("mspan")
    if mspan is None:
        raise TargetError(
            f"$go_row: gdb has no type runtime.mspan for this program (try: go-spans show {address:#x})"
        )
    return gdb.Value(address).cast(mspan.pointer())
