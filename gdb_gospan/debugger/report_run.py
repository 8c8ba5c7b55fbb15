"""Run a report in gdb: keep its rows for ``$go_row``, and on Ctrl-C show what is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

from gdb_gospan.analysis.session import Session
from gdb_gospan.debugger.target import GdbSession, which
from gdb_gospan.fields.command import Command
from gdb_gospan.fields.document import Document
from gdb_gospan.render.style import Style
from gdb_gospan.reports.catalog import load
from gdb_gospan.reports.run import Printed, answered, for_programs, laid_out, status_of


@contextmanager
def told(session: Session | None, style: Style, *, data: bool) -> Iterator[None]:
    """On Ctrl-C within the block, report what is known of the heap: as facts for `data`, otherwise as text."""
    try:
        yield
    except KeyboardInterrupt:
        if session is None:
            raise
        from gdb_gospan.reports.interrupted import interrupted

        raise interrupted(session, style, data=data) from None


def answer_of(session: Session | None, command: Command, arguments: Mapping[str, Any]) -> Document:
    """Return the answer as a document, and keep its rows for ``$go_row``."""
    answer = answered(session, command, arguments)
    report = load(command)
    rows = None if report.spans is None else report.spans(answer)
    if rows is not None and isinstance(session, GdbSession):
        from gdb_gospan.debugger import last_rows

        last_rows.keep(last_rows.Listed(command.name, rows, which(), session.gdb_type))
    return answer


def printed(session: Session | None, command: Command, arguments: Mapping[str, Any], style: Style) -> Printed:
    """Run the report as `reports.run.printed` does."""
    with told(session, style, data=for_programs(command, arguments)):
        answer = answer_of(session, command, {**arguments, "width": style.width})
        if session is not None:
            session.heap.trail.stage("laying the report out")
        pieces = laid_out(load(command), answer, arguments, style)
        return Printed(chain([next(pieces, "")], pieces), status_of(load(command), answer))
