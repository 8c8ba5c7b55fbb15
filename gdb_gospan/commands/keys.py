"""Every key of the JSON documents, as the schemas in the package describe it: for `explain`, where no term has a word."""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from gdb_gospan.commands.catalog import COMMANDS

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
