"""Every key of the JSON documents, by what its field says: for `explain`, where no term has a word."""

from __future__ import annotations

import difflib
import functools
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from gdb_gospan.fields.answer import Answer
from gdb_gospan.fields.document import Document, fields_of, is_document, names_of
from gdb_gospan.glossary.lookup import TERMS, covered, plain
from gdb_gospan.reports.catalog import COMMANDS, load

_EVERY = "every report"
_SHARED = ("gdb_gospan.fields.answer", "gdb_gospan.reports.rows.")
"""What modules of classes that are of no report, or of several, begin with."""


class Key(NamedTuple):
    """One meaning of a key.

    Attributes
    ----------
    places
        Where it stands: ``command/path.key``.
    """

    name: str
    meaning: str
    places: tuple[str, ...]


@functools.cache
def keys() -> tuple[Key, ...]:
    """Return every key, once for each meaning that it has, in the order of commands and documents."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    told: set[type] = set()
    for home, document in _documents():
        for path, meaning in _walk(document, (), told):
            found.setdefault((path[-1], meaning), {})[f"{home}/{'.'.join(path)}"] = None
    return tuple(Key(name, meaning, tuple(places)) for (name, meaning), places in found.items())


def _documents() -> Iterator[tuple[str, type[Document]]]:
    """Yield the documents by their home: what every report has, then that of each report."""
    yield _EVERY, Answer
    for command in COMMANDS:
        yield command.name, load(command).document


def _walk(document: type, path: tuple[str, ...], told: set[type]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the meaning of every key below; a class is told of once, and where it is declared."""
    common = names_of(Answer) if issubclass(document, Answer) and document is not Answer else ()
    for each in fields_of(document):
        if each.name in common:
            continue
        if each.column.inline:
            yield from _walk(each.type, path, told)
            continue
        yield (*path, each.name), each.column.meaning
        for inside in _inside(each.type):
            if inside not in told and (
                inside.__module__ == document.__module__ or inside.__module__.startswith(_SHARED)
            ):
                told.add(inside)
                yield from _walk(inside, (*path, each.name), told)


def _inside(kind: Any) -> Iterator[type]:
    """Yield the documents that a value of this type is, or has."""
    if is_document(kind):
        yield kind
    for part in typing.get_args(kind):
        yield from _inside(part)


def find_keys(name: str) -> list[Key]:
    """Return the JSON keys of that name, one for each meaning."""
    wanted = plain(name)
    return [key for key in keys() if wanted == plain(key.name)]


def nearest(name: str) -> str | None:
    """Return the known name that this one most likely means, or None.

    First a name that has it as whole words, then as the beginning of a word, then one spelt alike, then as any part.
    """
    wanted = plain(name)
    known = {plain(spelt): spelt for spelt in names() if plain(spelt)}  # a column that is a sign has no name
    if not wanted:
        return None
    words = [key for key in known if f" {wanted} " in f" {key} "]
    begun = [key for key in known if f" {wanted}" in f" {key}"]
    alike = difflib.get_close_matches(wanted, known, 1, cutoff=_ALIKE)
    parts = [key for key in known if len(wanted) >= _SHORTEST_PART and wanted in key]
    found = min(words or begun or alike or parts, key=len, default=None)
    return None if found is None else known[found]


_SHORTEST_PART = 3
_ALIKE = 0.75
"""How much of two names must agree: one slip of the pen in four letters."""


def names() -> list[str]:
    """Return every name that `find` or `find_keys` knows, as it is spelt, once."""
    spelt = [name for term in TERMS for name in (term.name, *term.aliases, *covered(term.covers))]
    spelt += [key.name for key in keys()]
    return sorted(set(spelt), key=lambda name: (name.lower(), name))
