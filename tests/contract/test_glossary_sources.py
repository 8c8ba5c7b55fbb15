"""Every Go file, field and function that explain names is in the source of each release where it is claimed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gdb_gospan.glossary.lookup import TERMS

if TYPE_CHECKING:
    from pathlib import Path

    from gdb_gospan.glossary.term import Source
    from tools.toolchains import Toolchain


def number(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))


def claimed(source: Source, minor: str) -> bool:
    since, until = source.since or "1.0", source.until or "1.99"
    return number(since) <= number(minor) <= number(until)


def has(text: str, name: str) -> bool:
    """Whether Go source defines a function, a field of a struct, or has a word."""
    if name.endswith("()"):
        return (
            re.search(rf"^func (\([^)]*\) )?{re.escape(name[:-2])}(\[.*?\])?\(", text, re.MULTILINE)
            is not None
        )
    struct, dot, field = name.partition(".")
    if not dot:
        return re.search(rf"\b{re.escape(name)}\b", text) is not None
    body = re.search(rf"^type {struct} struct {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    # One tab: a field of the struct itself, maybe one of several of a type.
    return body is not None and re.search(rf"^\t(\w+, )*{field}\b", body[1], re.MULTILINE) is not None


def test_what_is_named_is_there(toolchain: Toolchain) -> None:
    root: Path = toolchain.goroot / "src"
    missing = []
    for term in TERMS:
        for source in term.sources:
            if not claimed(source, toolchain.minor):
                continue
            path = root / source.file
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            missing += [
                f"{term.name}: {source.file} {name}" for name in source.names.split() if not has(text, name)
            ]
    assert missing == []


def test_what_came_later_was_not_there_before(toolchain: Toolchain) -> None:
    """A release from which something is claimed is the first that has it, as far as releases are here."""
    root: Path = toolchain.goroot / "src"
    early = []
    for term in TERMS:
        for source in term.sources:
            if claimed(source, toolchain.minor):
                continue
            path = root / source.file
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            if all(has(text, name) for name in source.names.split()):
                early.append(f"{term.name}: {source.file} {source.names}")
    assert early == []


def test_what_is_not_there_is_seen() -> None:
    text = "type a struct {\n\tb, c int\n\td struct {\n\t\te int\n\t}\n}\n\nfunc (f *a) free(p int) {\n}\n"
    assert [has(text, name) for name in ("a.b", "a.c", "a.d", "free()", "int")] == [True] * 5
    assert [has(text, name) for name in ("a.e", "x.b", "fre()", "a.f", "in")] == [False] * 5
