"""The JSON contract: a schema for every command, which says what each key means, and which every document fits."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
import referencing

from gdb_gospan.fields.answer import SCHEMA_VERSION
from gdb_gospan.render.schema import DIALECT
from gdb_gospan.reports.catalog import COMMANDS
from tools import answers, images, schemas
from tools.cache import CHECKOUT

FOLDER = CHECKOUT / "gdb_gospan" / "schema"
FILES = sorted(path.name for path in FOLDER.glob("*.json"))


def test_every_command_has_one_and_there_are_no_others() -> None:
    names = [name for command in COMMANDS for name in (command.name, *command.aliases)]
    assert sorted(f"{name}.json" for name in names) == FILES


@pytest.mark.parametrize("file", FILES)
def test_it_is_made_of_the_documents(file: str) -> None:
    """No reference leads out of it."""
    schema = schemas.schemas()[file]
    for _, inside in schemas.nested(schema):
        if "$ref" in inside:
            assert inside["$ref"].startswith("#/$defs/")
            assert referred(file, {"$ref": inside["$ref"]})
    assert schema == schemas.completed()[file], "run python tests/tools/schemas.py"


def test_a_document_fits_by_one_file_alone(documents: dict[str, dict[str, Any]]) -> None:
    """As with a validator that has no other file and no network."""
    for name, file in {**{name: name for name in documents}, "fixalloc": "spanalloc"}.items():
        text = (FOLDER / f"{file}.json").read_text(encoding="utf-8")
        alone = jsonschema.Draft202012Validator(json.loads(text), registry=referencing.Registry())
        alone.validate(documents[name])
        assert not alone.is_valid(documents[name] | {"schema_version": 2})
        assert not alone.is_valid(documents[name] | {"new": 1})


@pytest.mark.parametrize("file", FILES)
def test_it_is_a_schema(file: str) -> None:
    schema = schemas.schemas()[file]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert schema["title"]
    assert schema["title"] == f"go-spans {file.removesuffix('.json')} --json"
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize("file", FILES)
def test_it_is_laid_out_as_the_others(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert text == schemas.formatted(json.loads(text)) + "\n"


@pytest.mark.parametrize("file", FILES)
def test_every_key_is_described_and_no_other_is_taken(file: str) -> None:
    for path, schema in schemas.nested(schemas.schemas()[file]):
        if path and path[-1] == "properties":
            for name, entry in schema.items():
                assert entry.get("description") or entry.get("const") or referred(file, entry).get("description"), (
                    path, name,
                )  # fmt: skip
        if "properties" in schema and path[-1:] != ("properties",):
            closed = [schema.get("additionalProperties"), schema.get("unevaluatedProperties")]
            assert False in closed, path
            assert set(schema.get("required", [])) <= set(schema["properties"]), path


def referred(file: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference by hand."""
    name, _, inside = entry.get("$ref", "#").partition("#")
    value: Any = schemas.schemas()[name or file] if "$ref" in entry else {}
    for key in filter(None, inside.split("/")):
        value = value[key]
    found: dict[str, Any] = value
    return found


@pytest.mark.parametrize("name", images.names())
def test_documents_of_real_programs_fit(name: str) -> None:
    seen = set()
    for command, document in images.documents(images.load(name).session()):
        seen.add(command.name)
        assert schemas.errors(document) == []
    assert seen == {command.name for command in COMMANDS if command.needs_target and not command.contents}


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    found = images.documents(images.load("1.27-arenas").session())
    return {command.name: document for command, document in found} | {
        "explain": answers.of(None, "explain", "free")
    }


def test_every_term_fits(documents: dict[str, dict[str, Any]]) -> None:
    every = answers.of(None, "explain")
    assert schemas.errors(every) == []
    assert schemas.errors(documents["check"] | {"why": every["terms"]}) == []
    assert schemas.errors(documents["check"] | {"why": ["Sys"]})


@pytest.mark.parametrize("command", [command.name for command in COMMANDS if not command.contents])
def test_what_does_not_fit_is_said(documents: dict[str, dict[str, Any]], command: str) -> None:
    """A new key, a key that went, another type: at the top, in the envelope, in any row."""
    document = documents[command]
    assert schemas.errors(document) == []
    for path, inside in list(schemas.nested(document)):
        if path in (("symbols",), ("godebug",)) or (path and path[-1].isdigit() and path[-1] != "0"):
            continue  # names of variables and settings are free; one row of many is enough
        for change in ("more", "less"):
            other = copy.deepcopy(document)
            place: Any = other
            for key in path:
                place = place[int(key)] if isinstance(place, list) else place[key]
            if change == "more":
                place["no_such_key"] = 1
            elif inside:
                place.pop(next(iter(inside)))
            if other.get("command") == command:
                assert schemas.errors(other), (path, change)


def test_another_version_does_not_fit(documents: dict[str, dict[str, Any]]) -> None:
    assert schemas.errors(documents["check"] | {"schema_version": 2})
    assert schemas.errors(documents["check"] | {"target": None})
    assert schemas.errors(documents["fixalloc"] | {"mspancache": "5"})


def test_a_long_list_is_thinned_and_nothing_else(documents: dict[str, dict[str, Any]]) -> None:
    rows = [{"n": 1, "s": "a"}] * 500 + [{"n": None, "s": "a"}, {"n": 2, "s": "b"}, {"n": 3, "s": "a"}]
    thin = schemas.thinned({"rows": rows, "numbers": list(range(900))})
    assert thin == {"rows": [*rows[:200], rows[500], rows[501]], "numbers": list(range(900))}
