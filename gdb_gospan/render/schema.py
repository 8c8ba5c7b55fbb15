"""The JSON Schema of a report, out of its document."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections import Counter, abc
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from gdb_gospan.fields.answer import SCHEMA_VERSION
from gdb_gospan.fields.document import Address, Document, Field, fields_of, is_document
from gdb_gospan.fields.report import Report
from gdb_gospan.fields.table import Table

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_PLAIN: Final[dict[object, str]] = {
    int: "integer", float: "number", bool: "boolean", str: "string", type(None): "null"
}  # fmt: skip
_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def schema_of(report: Report[Any], name: str = "") -> Schema:
    """Return the schema of what ``--json`` prints; `name` is an alias of the report, if not its own."""
    made = _Schema(report.document)
    whole = made.of_document(report.document)
    title = f"go-spans {name or report.name} --json"
    whole["properties"]["command"] = {"const": report.name, "description": "the subcommand that was run"}
    version = whole["properties"]["schema_version"]
    version["const"] = SCHEMA_VERSION
    return {
        "$schema": DIALECT,
        "title": title,
        "description": _said(report.document),
        **whole,
        "$defs": {"address": {"type": "string", "pattern": "^0x[0-9a-f]+$"}, **made.definitions()},
    }


def _said(cls: type) -> str:
    """Return the first line of what a class says of itself, as descriptions are written."""
    line = (inspect.getdoc(cls) or "").partition("\n")[0].removesuffix(".")
    return line[:1].lower() + line[1:] if line[1:2].islower() else line


class _Schema:
    """One schema: classes that stand in it several times are written once, and referred to."""

    def __init__(self, document: type[Document]) -> None:
        self._times = Counter(_classes(document))
        self._defined: dict[type, Schema] = {}

    def definitions(self) -> Schema:
        """Return the classes that are referred to, by their names."""
        made: Schema = {}
        while len(made) < len(self._defined):
            made = {_name(cls): entry for cls, entry in self._defined.items()}
        return dict(sorted(made.items()))

    def of_document(self, cls: type) -> Schema:
        """Return the schema of a document, in which inline ones have no place of their own."""
        fields = list(_flat(cls))
        return {
            "type": "object",
            "properties": {each.name: self._of_field(each) for each in fields},
            "required": [each.name for each in fields if not each.column.optional],
            "additionalProperties": False,
        }

    def _of_field(self, each: Field) -> Schema:
        kind = each.type
        if each.column.optional:  # it is left out where it would be null
            (kind,) = (one for one in typing.get_args(kind) if one is not type(None))
        schema = self.of(kind)
        if each.column.least is not None:
            schema["minimum"] = each.column.least
        return {**schema, "description": each.column.meaning}

    def of(self, kind: Any) -> Schema:
        """Return the schema of a value of this type."""
        if kind is Any:
            return {}
        if kind is Address:
            return {"$ref": "#/$defs/address"}
        if kind in _PLAIN:
            return {"type": _PLAIN[kind]}
        if is_document(kind):
            return self._refer(kind) if self._times[kind] > 1 else self.of_document(kind)
        origin, inside = typing.get_origin(kind), typing.get_args(kind)
        if origin is Literal:
            return {"enum": list(inside)}
        if origin in (typing.Union, types.UnionType):
            return self._of_union(inside)
        if origin is abc.Mapping:
            return {"type": "object", "additionalProperties": self.of(inside[1])}
        if origin not in (tuple, Table, abc.Sequence):
            raise TypeError(kind)
        return {"type": "array", "items": self.of(inside[0])}

    def _refer(self, cls: type) -> Schema:
        if cls not in self._defined:
            self._defined[cls] = {}
            self._defined[cls] = {"description": _said(cls), **self.of_document(cls)}
        return {"$ref": f"#/$defs/{_name(cls)}"}

    def _of_union(self, kinds: Sequence[Any]) -> Schema:
        schemas = [self.of(kind) for kind in kinds]
        if all(set(schema) == {"type"} for schema in schemas):
            return {"type": [schema["type"] for schema in schemas]}
        if any("$ref" in schema for schema in schemas):
            return {"anyOf": schemas}
        (other,) = (schema for schema in schemas if schema != {"type": "null"})
        if "enum" in other:
            return {"enum": [*other["enum"], None]}
        return {**other, "type": [other["type"], "null"]}


def _flat(cls: type) -> Iterator[Field]:
    for each in fields_of(cls):
        if each.column.inline:
            yield from _flat(each.type)
        else:
            yield each


def _classes(kind: Any) -> Iterator[type]:
    """Yield each class of documents inside, as often as it stands there."""
    if is_document(kind):
        yield kind
        for each in fields_of(kind):
            yield from _classes(each.type)
    for inside in typing.get_args(kind):
        yield from _classes(inside)


def _name(cls: type) -> str:
    return _WORD.sub("_", cls.__name__).lower()
