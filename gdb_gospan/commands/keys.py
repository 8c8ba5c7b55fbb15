"""Every key of the JSON documents, as the schemas in the package describe it: for `explain`, where no term has a word."""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

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
    """Return the schemas by command."""
    folder = importlib.resources.files("gdb_gospan") / "schema"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda f: f.name)
    return {file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8")) for file in files}


def _walk(
    command: str, schema: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the description of every key below; of what another file defines, that file tells."""
    home, schema = _followed(command, schema)
    if home != command:
        return
    for name, entry in schema.get("properties", {}).items():
        meaning = entry.get("description") or _followed(command, entry)[1].get("description")
        if meaning:
            yield (*path, name), meaning
        yield from _walk(command, entry, (*path, name))
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _walk(command, items, path)


def _followed(command: str, schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return what a reference leads to, and whose file it is in; what has keys of its own stays as it is."""
    reference: str = schema.get("$ref", "")
    if not reference or "properties" in schema:
        return command, schema
    file, _, inside = reference.partition("#")
    home = file.removesuffix(".json") or command
    target: Any = _schemas()[home]
    for step in filter(None, inside.split("/")):
        target = target[step]
    return home, target
