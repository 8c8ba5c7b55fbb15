"""Where the functions and constants are that the script for Delve shares with the package, and how a constant is written."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple


class Untranslatable(Exception):  # noqa: N818  # says what it is
    """Something that Starlark does not have."""


class Place(NamedTuple):
    """A name of a module."""

    module: str
    name: str


class Source:
    """A module of the package: what it defines, and where the names that it imports are from."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.path = Path(inspect.getsourcefile(module) or "")
        self.text = self.path.read_text(encoding="utf-8")
        self.defined: dict[str, ast.stmt] = {}
        self.imported: dict[str, Place | ModuleType] = {}
        tree = ast.parse(self.text)
        for statement in ast.walk(tree):
            if isinstance(statement, ast.ImportFrom):
                self._import(statement)
        for statement in tree.body:
            for name in _names_of(statement):
                self.defined[name] = statement

    def _import(self, statement: ast.ImportFrom) -> None:
        if not (statement.module or "").startswith("gdb_gospan"):
            return
        for each in statement.names:
            module = f"{statement.module}.{each.name}"
            name = each.asname or each.name
            try:
                self.imported[name] = importlib.import_module(module)
            except ModuleNotFoundError:
                self.imported[name] = Place(statement.module or "", each.name)

    def value(self, name: str) -> Any:
        """Return what the name stands for when the module is loaded."""
        return getattr(self.module, name, None)


@functools.cache
def source_of(module: str) -> Source:
    """Return a module of the package, by its name."""
    return Source(importlib.import_module(module))


def _names_of(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign)
        else []
    )
    for target in targets:
        for each in ast.walk(target):
            if isinstance(each, ast.Name):
                yield each.id


def home_of(place: Place) -> Place:
    """Return where a name is defined that a module may have from another."""
    found = source_of(place.module).imported.get(place.name)
    return home_of(found) if isinstance(found, Place) else place


def star_name(place: Place) -> str:
    """Return the script's name for it: of what is private to a module, with the module's before it."""
    module, name = place.module.split(".")[-1], place.name
    if name == "screen":
        return f"{module}_screen"
    if name.startswith("_"):
        return (module.upper() if name.isupper() else module) + name
    return name


def literal(value: Any) -> str:
    """Write a constant."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return literal(sorted(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    raise Untranslatable(f"a constant cannot be {value!r}")


def quoted(text: str) -> str:
    """Write a text; old Delves know no other escapes of controls than these."""
    return re.sub(r"\\u00([01][0-9a-f])", r"\\x\1", json.dumps(text, ensure_ascii=False))
