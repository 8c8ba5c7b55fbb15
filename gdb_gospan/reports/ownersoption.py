"""The option --owners of reports that read no contents of objects without it: what it needs is loaded only for who asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gdb_gospan.analysis.session import Session
from gdb_gospan.fields.command import MAX_PAUSE, Option
from gdb_gospan.fields.report import Arguments
from gdb_gospan.runtime.record import I64, Column

if TYPE_CHECKING:
    from gdb_gospan.analysis.case import Most
    from gdb_gospan.reports.holding import Holding


def options(what: str) -> tuple[Option, ...]:
    """Return the option, which shows that, and the one for a process."""
    owners = Option("owners", f"also show {what} (reads the contents of objects)")
    return owners, MAX_PAUSE.only_of("the owners", "owners")


def holding_if(session: Session, arguments: Arguments, *parts: str) -> Holding | None:
    """Read the contents of objects, and find who holds them, if that is asked for; see `holding`."""
    if not arguments["owners"]:
        return None
    from gdb_gospan.reports.holding import holding  # noqa: PLC0415  # see above

    return holding(session, *parts)


def span_columns(held: Holding | None, rows: I64) -> dict[str, Column]:
    """Return the columns of `rows.kept` for these rows of `Spans`, if that is asked for."""
    if held is None:
        return {}
    from gdb_gospan.reports.keeping import kept_spans  # noqa: PLC0415  # see above

    return kept_spans(held, rows)


def class_columns(held: Holding | None, spanclass: I64) -> dict[str, Column]:
    """Return the columns of `rows.kept` for these span classes, if that is asked for."""
    if held is None:
        return {}
    from gdb_gospan.reports.keeping import kept_classes  # noqa: PLC0415  # see above

    return kept_classes(held, spanclass)


def most_of(held: Holding, *, stranded: bool) -> Callable[[int | None], Most | None]:
    """Return what tells the type and the owner that keep most bytes, or that strand most, of a span class or of all."""
    from gdb_gospan.reports import keeping  # noqa: PLC0415  # see above

    return partial(keeping.most_of, held, stranded=stranded)


def unread(held: Holding | None) -> bool | None:
    """Return whether some roots or objects could not be read; None if it is not asked for."""
    return None if held is None else held.incomplete
