"""The JSON Schema of every command: validate documents with it, and draft one for a new command.

``python tests/tools/schemas.py COMMAND`` runs the command on all recorded images and prints a schema that its
documents fit: save it as gdb_gospan/schema/COMMAND.json, correct the types that the images do not show (null,
for what can be unknown), and say for each TODO what the key means and in which unit it is.

Each file is whole by itself. What several of them need is written in one, envelope.json or that of a command, and
copied into the others: ``python tests/tools/schemas.py`` without a command brings the copies up to date.
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
import referencing

if __name__ == "__main__":  # run as a file: the package and the tools are beside it
    sys.path[:0] = [str(Path(__file__).resolve().parents[depth]) for depth in (2, 1)]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TODO = "TODO"
FOLDER = Path(__file__).resolve().parents[2] / "gdb_gospan" / "schema"
ENVELOPE, ALONE = "envelope.json", ("envelope.json", "explain.json")
"""What every document begins and ends with, and the files that do not begin with it."""
ALIASES = {"spanalloc.json": "fixalloc.json"}
"""Other names of commands, which print the same."""
WIDTH = 140
_WORDS = {
    dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null",
}  # fmt: skip


@functools.cache
def schemas() -> dict[str, dict[str, Any]]:
    """Return every schema of the package by file name."""
    folder = importlib.resources.files("gdb_gospan") / "schema"
    files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def completed() -> dict[str, dict[str, Any]]:
    """Return every schema as it is to be: with the envelope, and with a copy of each definition of another file.

    A copy has a ``$comment`` that names the file which it is from.
    """
    files = {name: schema for name, schema in schemas().items() if name not in ALIASES}
    originals = {
        name: (file, definition)
        for file, schema in files.items()
        for name, definition in schema.get("$defs", {}).items()
        if "$comment" not in definition
    }
    made = {file: _completed(file, schema, files[ENVELOPE], originals) for file, schema in files.items()}
    for alias, file in ALIASES.items():
        title = f"go-spans {alias.removesuffix('.json')} --json"
        made[alias] = {**made[file], "title": title}
    return made


def _completed(
    file: str,
    schema: Mapping[str, Any],
    envelope: Mapping[str, Any],
    originals: Mapping[str, tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    whole = {key: schema.get(key, "object") for key in ("$schema", "title", "description", "type")}
    whole |= {key: entry for key, entry in schema.items() if key != "$defs"}
    if file not in ALONE:
        own = {
            name: entry
            for name, entry in schema["properties"].items()
            if name == "command" or name not in envelope["properties"]
        }
        required = [name for name in schema["required"] if name in own]
        whole |= {
            "properties": {**envelope["properties"], **own},
            "required": list(dict.fromkeys([*envelope["required"], *required])),
            "additionalProperties": False,
        }
    definitions = {name: entry for name, (home, entry) in originals.items() if home == file}
    waiting = [whole, *definitions.values()]
    copied: dict[str, dict[str, Any]] = {}
    while waiting:
        for _, inside in nested(waiting.pop()):
            name = inside.get("$ref", "").rpartition("/")[2]
            if name and name not in definitions and name not in copied:
                home, entry = originals[name]
                copied[name] = {"$comment": f"as in {home}", **entry}
                waiting.append(entry)
    if definitions or copied:
        whole["$defs"] = {**definitions, **dict(sorted(copied.items()))}
    return whole


@functools.cache
def registry() -> referencing.Registry[Any]:
    """Return what resolves a file's references to the others."""
    resources = [(name, referencing.Resource.from_contents(schema)) for name, schema in schemas().items()]
    return referencing.Registry().with_resources(resources)


@functools.cache
def _validator(command: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({"$ref": f"{command}.json"}, registry=registry())


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


def draft(command: str, documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a schema that these documents of one command fit."""
    shared = schemas()["envelope.json"]["properties"]
    inner = _draft(
        [{key: entry for key, entry in document.items() if key not in shared} for document in documents]
    )
    schema = {
        "$schema": DIALECT,
        "title": f"go-spans {command} --json",
        "description": TODO,
        "properties": {"command": {"const": command}, **inner["properties"]},
        "required": inner["required"],
    }
    originals = {
        name: (file, definition)
        for file, whole in schemas().items()
        for name, definition in whole.get("$defs", {}).items()
        if "$comment" not in definition
    }
    return _completed(f"{command}.json", schema, schemas()[ENVELOPE], originals)


def _draft(values: Sequence[Any], key: str = "") -> dict[str, Any]:
    types = sorted({_WORDS[type(value)] for value in values})
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if types == ["integer", "number"]:
        schema["type"] = "number"
    if types == ["string"] and all(value.startswith("0x") for value in values):
        schema = {"$ref": "#/$defs/address"}
    if key:
        schema["description"] = _known().get(key, TODO)
    objects = [value for value in values if isinstance(value, dict)]
    if types == ["object"] and (defined := _defined().get(frozenset(objects[0]))):
        return {"$ref": defined, **({"description": schema["description"]} if key else {})}
    if objects:
        names = list(dict.fromkeys(name for value in objects for name in value))
        schema["properties"] = {
            name: _draft([value[name] for value in objects if name in value], name) for name in names
        }
        schema["required"] = [name for name in names if all(name in value for value in objects)]
        schema["additionalProperties"] = False
    entries = [entry for value in values if isinstance(value, list) for entry in value]
    if entries:
        schema["items"] = _draft(entries)
    return schema


@functools.cache
def _defined() -> Mapping[frozenset[str], str]:
    """Return where objects with these keys are described already."""
    return {
        frozenset(schema["properties"]): f"#/$defs/{name}"
        for whole in schemas().values()
        for name, schema in whole.get("$defs", {}).items()
        if "properties" in schema
    }


@functools.cache
def _known() -> Mapping[str, str]:
    """Return what the schemas of other commands say of keys by the same name, where they agree."""
    found: dict[str, set[str]] = {}
    for path, schema in nested(
        {name: schema for name, schema in schemas().items() if name != "envelope.json"}
    ):
        if len(path) > 1 and path[-2] == "properties" and "description" in schema:
            found.setdefault(path[-1], set()).add(schema["description"])
    return {name: texts.pop() for name, texts in found.items() if len(texts) == 1}


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


def main(name: str) -> None:
    """Print a draft for one command."""
    from tools import images

    sessions = [images.load(image).session() for image in images.names()]
    documents = [
        images.as_json(document)
        for session in sessions
        for command, document in images.documents(session)
        if command.name == name
    ]
    print(formatted(draft(name, documents)))


def complete() -> None:
    """Bring every file up to date."""
    for name, schema in completed().items():
        (FOLDER / name).write_text(formatted(schema) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1]) if sys.argv[1:] else complete()
