"""Every key of the JSON documents, as the schemas in the package describe it: for `explain`, where no term has a word."""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from gdb_gospan.glossary.lookup import TERMS, covered, plain
from gdb_gospan.reports.catalog import COMMANDS

_ENVELOPE = "envelope"
_EVERY = "every report"


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
    for command, schema in _schemas().items():
        report = _EVERY if command == _ENVELOPE else command
        for path, meaning in _walk(command, schema, ()):
            found.setdefault((path[-1], meaning), {})[f"{report}/{'.'.join(path)}"] = None
    return tuple(Key(name, meaning, tuple(places)) for (name, meaning), places in found.items())


@functools.cache
def _schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas by command, and the one that all have in them."""
    folder = importlib.resources.files("gdb_gospan") / "schema"
    names = sorted([_ENVELOPE, *(command.name for command in COMMANDS)])
    return {name: json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names}


def _walk(
    command: str, schema: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the description of every key below; of what is a copy from another file, that file tells."""
    schema = _followed(command, schema)
    if "$comment" in schema:
        return
    shared = {} if path or command == _ENVELOPE else _schemas()[_ENVELOPE]["properties"]
    for name, entry in schema.get("properties", {}).items():
        if shared.get(name) == entry:
            continue
        meaning = entry.get("description") or _followed(command, entry).get("description")
        if meaning:
            yield (*path, name), meaning
        yield from _walk(command, entry, (*path, name))
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _walk(command, items, path)


def _followed(command: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to, in the same file; anything else as it is."""
    target: Any = _schemas()[command]
    reference: str = schema.get("$ref", "")
    if not reference:
        return schema
    for step in reference.removeprefix("#/").split("/"):
        target = target[step]
    found: dict[str, Any] = target
    return found


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
