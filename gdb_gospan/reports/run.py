"""Run one subcommand on one session: the same path for gdb and the shell."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain
from typing import Any, NamedTuple

from gdb_gospan.analysis.session import Session, cut_off
from gdb_gospan.errors import MemoryReadError, UsageError
from gdb_gospan.fields.command import Command
from gdb_gospan.interrupts import Deferred
from gdb_gospan.render.longtable import LongTable, csv_pieces, json_pieces, passed
from gdb_gospan.render.style import Style
from gdb_gospan.render.tables import to_csv
from gdb_gospan.reports.addresses import followed, located

_PIECE = 1 << 16
"""Characters that are worth writing."""
_WIDTH = 100
"""Columns, where nobody looks: for JSON and MI, which depend on no terminal."""


class Report(NamedTuple):
    """What a command prints, ready for the terminal, in pieces of whole lines; and its exit status (`errors`)."""

    pieces: Iterator[str]
    status: int


def run(session: Session | None, command: Command, arguments: dict[str, Any], style: Style) -> str:
    """Return what the command prints as a whole; see `report`."""
    return "".join(report(session, command, arguments, style).pieces)


def report(session: Session | None, command: Command, arguments: dict[str, Any], style: Style) -> Report:
    """Run the command.

    All that is to be read is read, and the first piece is made, when this returns; the rest, of
    a list of a million rows, is made on the way.

    Raises
    ------
    GoSpansError
        The one line for the user.
    Interrupted
        It was stopped half-way; the message is what is known so far.
    """
    if arguments.get("json") and arguments.get("csv"):
        raise UsageError(f"{command.name}: --json or --csv, not both")
    try:
        answer = document(session, command, {**arguments, "width": style.width})
        if session is not None:
            session.heap.trail.stage("laying the report out")
        pieces = laid_out(command, answer, arguments, style)
        return Report(chain([next(pieces, "")], pieces), status_of(command, answer))
    except KeyboardInterrupt:
        if session is None:
            raise
        from gdb_gospan.reports.interrupted import interrupted  # noqa: PLC0415  # only for who stops it

        data = bool(arguments.get("json") or arguments.get("csv"))
        raise interrupted(session, style, data=data) from None


def status_of(command: Command, answer: dict[str, Any]) -> int:
    """Return the exit status of a command that has an answer: 0, unless its module has an ``exit_status`` of its own."""
    own = getattr(load(command), "exit_status", None)
    return 0 if own is None else int(own(answer))


def laid_out(
    command: Command, answer: dict[str, Any], arguments: dict[str, Any], style: Style
) -> Iterator[str]:
    """Yield a document as JSON, as CSV or as text for people, in pieces of whole lines; the target is not needed."""
    if arguments.get("json"):
        yield from _lines(json_pieces(answer))
    elif arguments.get("csv"):
        own = getattr(load(command), "csv_rows", None)
        rows = own(answer) if own else _rows(answer, command.rows.split())
        yield from csv_pieces(rows) if isinstance(rows, LongTable) else [to_csv(rows)]
    else:
        answer = passed(answer)
        shown = load(command).text(answer, style)
        words: set[str] = set()
        for piece in _lines([shown] if isinstance(shown, str) else shown):
            if "why" in answer:
                words.update(_glossary().sometimes(piece))
            yield style.finish(piece)
        formulas = _glossary().why_text(answer, "\n".join(words), style) if "why" in answer else ""
        if formulas:
            yield style.finish("\n" + formulas)


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces until there is something to write at the end of a line."""
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE and piece.endswith("\n"):
            yield "".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting)


def document(session: Session | None, command: Command, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the command's answer as data: what ``--json`` prints.

    Raises
    ------
    GoSpansError
        The one line for the user.
    """
    module = load(command)
    prepare = getattr(module, "prepare", None)  # what can be refused before the target stands still
    if prepare is not None:
        arguments = prepare(arguments)
    if session is not None:
        arguments = located(session, command, arguments)
    try:
        with session.look() if session else nullcontext():
            if session is not None:
                arguments = followed(session, arguments)
            answer: dict[str, Any] = module.document(session, {"width": _WIDTH, **arguments})
    except MemoryReadError as error:
        if session is None or not session.target.missing:
            raise
        raise MemoryReadError(cut_off(session.target.core, session.target.missing, error)) from error
    if session is not None and session.pause_ms is not None:
        answer["target"]["pause_ms"] = round(session.pause_ms, 3)
    if session is not None and session.reads is not None:
        answer["target"]["reads"] = session.reads
    if arguments.get("why"):
        answer["why"] = _glossary().why(command, answer)
    return answer


def _rows(answer: dict[str, Any], sections: list[str]) -> Sequence[dict[str, Any]]:
    """Return the rows of a table, or of sections a row for each figure."""
    if len(sections) == 1 and isinstance(answer[sections[0]], (list, LongTable)):
        rows: Sequence[dict[str, Any]] = answer[sections[0]]
        return rows
    return [
        {"section": section, "name": name, "value": value}
        for section in sections
        for name, value in (answer[section] or {}).items()
        if not isinstance(value, (dict, list))
    ]


def load(command: Command) -> Any:
    """Return the module that makes and lays out the command's answer, with all that it imports."""
    with Deferred():
        return importlib.import_module(f"gdb_gospan.reports.{command.name}")


def _glossary() -> Any:
    with Deferred():
        return importlib.import_module("gdb_gospan.reports.explain")  # only for who asks why
