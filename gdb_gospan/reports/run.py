"""Run one report on one session: the same path for gdb, the shell and Python."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from gdb_gospan.analysis.session import Pause, Session
from gdb_gospan.errors import MemoryReadError, TargetError, UsageError, cut_off
from gdb_gospan.fields.answer import Answer, Explained
from gdb_gospan.fields.command import Command
from gdb_gospan.fields.document import Document, evolved
from gdb_gospan.fields.report import Report
from gdb_gospan.interrupts import Deferred
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.render.gate import shown
from gdb_gospan.render.plain import passed
from gdb_gospan.render.style import Style
from gdb_gospan.render.text import text_pieces
from gdb_gospan.reports.addresses import followed, located
from gdb_gospan.reports.catalog import load

_PIECE = 1 << 16
"""Characters that are worth writing."""
_TEXT = "text"
_WIDTH = 100
"""Columns, where no person reads: for JSON and MI, which depend on no terminal."""


class Printed(NamedTuple):
    """What a report prints, ready for the terminal, in pieces of whole lines; and its exit status (`errors`)."""

    pieces: Iterator[str]
    status: int


def run(session: Session | None, command: Command, arguments: Mapping[str, Any], style: Style) -> str:
    """Return what the report prints as a whole; see `printed`."""
    return "".join(printed(session, command, arguments, style).pieces)


def printed(session: Session | None, command: Command, arguments: Mapping[str, Any], style: Style) -> Printed:
    """Run the report.

    All that is to be read is read, and the first piece is made, when this returns; the rest, of
    a list of a million rows, is made on the way.

    Raises
    ------
    GoSpansError
        The one line for the user.
    Interrupted
        It was stopped half-way; the message is what is known so far.
    """
    data = for_programs(command, arguments)
    try:
        report = load(command)
        answer = answered(session, command, {**arguments, "width": style.width})
        if session is not None:
            session.heap.trail.stage("laying the report out")
        pieces = laid_out(report, answer, arguments, style)
        return Printed(chain([next(pieces, "")], pieces), status_of(report, answer))
    except KeyboardInterrupt:
        if session is None:
            raise
        from gdb_gospan.reports.interrupted import interrupted  # noqa: PLC0415  # only for who stops it

        raise interrupted(session, style, data=data) from None


def for_programs(command: Command, arguments: Mapping[str, Any]) -> bool:
    """Whether the answer is not for people; `UsageError` if it is to have two forms."""
    forms = [f"--{name}" for name in ("json", "csv") if arguments.get(name)]
    form = arguments.get("format") or _TEXT
    forms += [] if form == _TEXT else [f"--format {form}"]
    if len(forms) > 1:
        raise UsageError(f"{command.name}: {forms[0]} or {forms[1]}, not both")
    return bool(forms)


def status_of(report: Report[Any], answer: Document) -> int:
    """Return the exit status of a report that has an answer: 0, unless it says otherwise."""
    return 0 if report.status is None else report.status(answer)


def laid_out(
    report: Report[Any], answer: Document, arguments: Mapping[str, Any], style: Style
) -> Iterator[str]:
    """Yield an answer as JSON, as CSV, in a form of its own or as text for people, in pieces of whole lines.

    The target is not needed.
    """
    if arguments.get("json"):
        from gdb_gospan.render.json import json_pieces  # noqa: PLC0415  # only for who asks for it

        yield from _lines(json_pieces(answer))
    elif arguments.get("csv"):
        from gdb_gospan.render.csv import csv_pieces  # noqa: PLC0415  # as above

        yield from csv_pieces(report, answer)
    elif (form := report.forms.get(arguments.get("format", _TEXT))) is not None:
        yield from _lines(form(passed(answer, shown), style))
    else:
        answer = passed(answer, shown)
        style = style.of(whole=bool(arguments.get("all")))
        why = answer.why if isinstance(answer, Explained) else None
        words: set[str] = set()
        for piece in _lines(text_pieces(report, answer, style)):
            if why is not None:
                words.update(_glossary().sometimes(piece))
            yield style.finish(piece)
        formulas = _glossary().why_text(why, "\n".join(words), style) if why is not None else ""
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


def answered(session: Session | None, command: Command, arguments: Mapping[str, Any]) -> Document:
    """Return the answer as a document: what ``--json`` prints.

    Raises
    ------
    GoSpansError
        The one line for the user.
    """
    report = load(command)
    if report.reads_contents(arguments) and session is not None and session.target.kind == "snapshot":
        asked = command.name if report.contents else f"{command.name} --{report.contents_for}"
        raise TargetError(
            f"{asked} needs the contents of objects, which a snapshot does not hold (try: the core, or the process)"
        )
    if report.prepare is not None:
        arguments = report.prepare(arguments)  # what can be refused before the target is paused
    if session is not None:
        arguments = located(session, command, arguments)
    try:
        answer = _captured(session, report, {"width": _WIDTH, **arguments})
    except MemoryReadError as error:
        if session is None or not session.target.missing:
            raise
        raise MemoryReadError(cut_off(session.target.core, session.target.missing, error)) from error
    if arguments.get("why") and isinstance(answer, Explained):
        answer = evolved(answer, why=_glossary().why(command, answer))
    return _timed(session, answer) if session is not None and isinstance(answer, Answer) else answer


def _captured(session: Session | None, report: Report[Any], arguments: Mapping[str, Any]) -> Document:
    """Return what the report builds out of one capture, or of a second one where the first did not take all that it needs."""

    def build(captured: Session | None) -> Document:
        own = arguments if captured is None else followed(captured, arguments)
        answer: Document = report.build(captured, own)
        return answer

    if session is None or session.taken:
        return build(session)
    pause = Pause(report.name, arguments["max_pause"]) if report.reads_contents(arguments) else None
    try:
        with session.capture(build, pause):
            return build(session)
    except ReadAfterReleaseError:
        if not session.recapture():
            raise
    with session.capture(None if pause is None else build, pause):
        return build(session)


def _timed(session: Session, answer: Answer) -> Answer:
    """Return the answer with how long it was paused and how often it was read."""
    pause = None if session.pause_ms is None else round(session.pause_ms, 3)
    stood = session.stood() if session.stood and session.target.kind == "live" else None
    target = evolved(
        answer.about.target,
        pause_ms=pause,
        stopped_ms=None if stood is None else round(1000 * stood, 3),
        reads=session.reads,
    )
    return evolved(answer, about=evolved(answer.about, target=target))


def _glossary() -> Any:
    with Deferred():
        return importlib.import_module("gdb_gospan.reports.explain")  # only for who asks why
