"""What reports answer, as plain values: what who reads the JSON has; and back, to lay out what was changed by hand."""

from __future__ import annotations

import json
import types
import typing
from collections import abc
from typing import TYPE_CHECKING, Any

from gdb_gospan.fields.document import Address, fields_of, is_document
from gdb_gospan.fields.table import Table
from gdb_gospan.render.json import json_pieces
from gdb_gospan.render.style import Style
from gdb_gospan.render.text import text_pieces
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find, load
from gdb_gospan.reports.run import answered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.fields.command import Command
    from gdb_gospan.fields.document import Document

Plain = dict[str, Any]


def named(name: str) -> Command:
    """Return the command of that name."""
    command = find(name)
    assert command is not None
    return command


def of(session: Session | None, name: str, *words: str) -> Plain:
    """Return what the report answers when it is asked with these words."""
    command = named(name)
    return document(session, command, parse(command, words))


def document(session: Session | None, command: Command, arguments: Mapping[str, Any]) -> Plain:
    """Return what the report answers, with what only a capture of a target adds."""
    return as_json(answered(session, command, arguments))


def as_json(answer: Document) -> Plain:
    """Return an answer as who reads its JSON has it."""
    made: Plain = json.loads("".join(json_pieces(answer)))
    return made


def text(answer: Document | Plain, style: Style | None = None) -> str:
    """Lay an answer out, also one that was changed by hand, as the command would when the gate is passed."""
    made = typed(answer) if isinstance(answer, dict) else answer
    command: str = getattr(getattr(made, "about", made), "command")  # noqa: B009  # of whatever class it is
    looks = style or Style()
    return looks.finish("".join(text_pieces(load(named(command)), made, looks)))


def typed(plain: Plain) -> Any:
    """Return the document whose JSON this is."""
    return _typed(load(named(plain["command"])).document, plain)


def _typed(kind: Any, value: Any) -> Any:
    if value is None or kind is Any:
        return value
    if kind is Address:
        return int(value, 16)
    if is_document(kind):
        return kind(**{
            each.name: _typed(each.type, value if each.column.inline else value.get(each.name))
            for each in fields_of(kind)
        })  # fmt: skip
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        (kind,) = (one for one in inside if one is not type(None))
        return _typed(kind, value)
    if origin is abc.Mapping:
        return {key: _typed(inside[1], each) for key, each in value.items()}
    if origin in (tuple, Table, abc.Sequence):
        rows = [_typed(inside[0], each) for each in value]
        return _table(inside[0], rows) if origin is Table else tuple(rows)
    return value


def _table(row: Any, rows: list[Any]) -> Table[Any]:
    import numpy as np

    columns = {}
    for each in fields_of(row):
        values = [getattr(one, each.name) for one in rows]
        column = np.empty(len(rows), object)
        column[:] = values
        columns[each.name] = np.array(values, np.uint64) if each.type is Address else column
    return Table(row, len(rows), lambda block: {name: column[block] for name, column in columns.items()})
