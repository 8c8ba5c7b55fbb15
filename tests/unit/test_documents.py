"""Documents say what they are: every field has a meaning and a type, in every report."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from gdb_gospan.fields.document import BYTES, COUNT, NANOSECONDS, PERCENT, TEXT, fields_of, is_document
from gdb_gospan.render.help import help_text
from gdb_gospan.reports.catalog import COMMANDS, load
from tools import index

UNITS = {BYTES, COUNT, NANOSECONDS, PERCENT, TEXT}


def inside(kind: Any) -> set[Any]:
    """Return every type in this one; of documents those of their fields."""
    found = {kind}
    parts = [each.type for each in fields_of(kind)] if is_document(kind) else typing.get_args(kind)
    for part in parts:
        found |= inside(part) if part is not Ellipsis else set()
    return found


def test_the_index_is_made_from_the_reports() -> None:
    assert index.source() == index.PATH.read_text(encoding="utf-8"), "run python tests/tools/generated.py"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_field_is_typed_and_says_what_it_is(command: Any) -> None:
    kinds = inside(load(command).document)
    assert Any not in kinds
    assert dict not in {typing.get_origin(kind) or kind for kind in kinds}
    for document in filter(is_document, kinds):
        assert document.__doc__
        for each in fields_of(document):
            assert each.column.meaning, (document, each.name)
            assert each.column.meaning[0] == each.column.meaning.lstrip()[0]
            assert each.column.unit in UNITS


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_has_every_heading_of_a_table(command: Any) -> None:
    table, text = load(command).table, " ".join(help_text(command).split())
    for each in fields_of(table.row) if table else ():
        if each.column.heading:
            said = each.column.help or each.column.meaning
            assert f"{each.column.heading} {said}" in text, each.name


def test_the_document_shows_itself() -> None:
    from tools import images

    session = images.load("1.27-corners").session()
    command = next(command for command in COMMANDS if command.name == "fixalloc")
    row = load(command).build(session, {"sort": "address", "limit": 1}).fixallocs[0]
    assert repr(row).startswith("Fixalloc(name='spanalloc', address=")
    with pytest.raises(AttributeError):
        row.size = 1
