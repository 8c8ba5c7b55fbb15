"""Documents as plain values: what JSON, MI and a validator take."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gdb_gospan.fields.document import Address, Document, fields_of, is_document, names_of
from gdb_gospan.fields.table import Table

Plain = Callable[[Any], Any]


def plain(answer: Document) -> dict[str, Any]:
    """Return a document as dicts, lists, texts and numbers, in the order of its fields; addresses are texts."""
    kind: Any = type(answer)
    made: dict[str, Any] = plainer(kind)(answer)
    return made


@functools.cache
def plainer(kind: Any) -> Plain:
    """Return what makes a value of this type plain."""
    if kind is Address:
        return "{:#x}".format
    if is_document(kind):
        return _of_document(kind)
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _of_one_or_none(inside)
    if origin in (tuple, Sequence, list, Table):
        each = plainer(inside[0])
        return list if each is _same else lambda values: [each(value) for value in values]
    if origin is Mapping:
        each = plainer(inside[1])
        return lambda values: {key: each(value) for key, value in values.items()}
    return _same


def _same(value: Any) -> Any:
    return value


def _of_document(kind: type) -> Plain:
    fields = [(each.name, plainer(each.type), each.column) for each in fields_of(kind)]

    def made(answer: Any) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, of, column in fields:
            value = getattr(answer, name)
            if column.inline:
                values.update(of(value))
            elif value is not None or not column.optional:
                values[name] = of(value)
        return values

    return made


def _of_one_or_none(kinds: Sequence[Any]) -> Plain:
    """Return what makes a value plain that may be None, or else is of the one type among these that is not so already."""
    others = [of for kind in kinds if kind is not type(None) and (of := plainer(kind)) is not _same]
    if not others:
        return _same
    (of,) = others
    return lambda value: None if value is None else of(value)


def passed(value: Any, gate: Callable[[str], str]) -> Any:
    """Return a document, or part of one, with each text in it as the gate shows it."""
    if isinstance(value, str):
        return gate(value)
    if isinstance(value, Document):
        names = names_of(type(value))
        return type(value)(**{name: passed(getattr(value, name), gate) for name in names})
    if isinstance(value, Table):
        return value.behind(lambda each: passed(each, gate))
    if isinstance(value, Mapping):
        return {passed(key, gate): passed(each, gate) for key, each in value.items()}
    return tuple(passed(each, gate) for each in value) if isinstance(value, (list, tuple)) else value
