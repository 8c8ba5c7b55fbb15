"""The JSON Schema of every report, as files of the package, and to validate documents with.

``python tests/tools/schemas.py`` writes them anew from what the documents' fields say.
"""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]

if __name__ == "__main__":  # run as a file: the package is beside it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gdb_gospan.render.schema import schema_of
from gdb_gospan.reports.catalog import COMMANDS, load

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "gdb_gospan" / "schema"
WIDTH = 140


@functools.cache
def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema of the package by file name."""
    folder = importlib.resources.files("gdb_gospan") / "schema"
    files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def completed() -> dict[str, dict[str, Any]]:
    """Return every schema as it is to be, by file name."""
    return {
        f"{name}.json": schema_of(load(command), name)
        for command in COMMANDS
        for name in (command.name, *command.aliases)
    }


@functools.cache
def _validator(command: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas()[f"{command}.json"])


def errors(document: dict[str, Any]) -> list[str]:
    """Return what is wrong with a document by the schema of its command: one line each, at most ten."""
    found = itertools.islice(_validator(document["command"]).iter_errors(thinned(document)), 10)
    return [f"{document['command']}{error.json_path[1:]}: {error.message[:300]}" for error in found]


def thinned(value: Any, most: int = 200) -> Any:
    """Leave out of a long list of rows what has the same keys and types as others: validation is slow.

    What is left shows each combination of types and each string at least once.
    """
    if isinstance(value, dict):
        return {key: thinned(entry, most) for key, entry in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= most or not all(isinstance(row, dict) for row in value):
        return [thinned(entry, most) for entry in value]
    kept = value[:most]
    shown = {_shape(row) for row in kept}
    for row in value[most:]:
        shape = _shape(row)
        if shape not in shown:
            shown.add(shape)
            kept.append(row)
    return [thinned(row, most) for row in kept]


def _shape(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        (key, entry if isinstance(entry, str) and not entry.startswith("0x") else type(entry))
        for key, entry in row.items()
    )


def nested(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every object inside, with its path."""
    if isinstance(value, dict):
        yield path, value
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        yield from nested(entry, (*path, str(key)))


def formatted(value: Any, indent: int = 0) -> str:
    """Lay a schema out as it stands in the package: what fits one line is one line."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner, end = " " * (indent + 2), " " * indent
    if isinstance(value, list) and not any(isinstance(entry, dict | list) for entry in value):
        filled = textwrap.fill(line[1:-1], WIDTH, initial_indent=inner, subsequent_indent=inner)
        return f"[\n{filled}\n{end}]"
    if isinstance(value, dict):
        rows = [f"{inner}{json.dumps(key)}: {formatted(entry, indent + 2)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{end}}}"
    return "[\n" + ",\n".join(inner + formatted(entry, indent + 2) for entry in value) + f"\n{end}]"


def complete() -> None:
    """Bring every file up to date."""
    made = completed()
    for path in FOLDER.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, schema in made.items():
        (FOLDER / name).write_text(formatted(schema) + "\n", encoding="utf-8")


if __name__ == "__main__":
    complete()
