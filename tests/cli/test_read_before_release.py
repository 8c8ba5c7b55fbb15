"""Whatever a report shows of a process was read before the process was let go, however large its heap is."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.analysis import verification
from gdb_gospan.runtime import record
from gdb_gospan.targets import process
from tools import crowds, processes, programs, shell, toolchains
from tools.questions import addresses, dealt, differences, questions

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

pytestmark = [pytest.mark.live, pytest.mark.toolchain]

#: Of which one is asked of the small heaps.
SHARES = 6


@pytest.mark.in_turn("descriptors")
@pytest.mark.parametrize("descriptors", crowds.SPANS)
def test_every_command_says_what_the_snapshot_says(go_minor: str, descriptors: int, tmp_path: Path) -> None:
    share = [*crowds.SPANS].index(descriptors) + [*toolchains.TOOLCHAINS].index(go_minor)
    with crowds.standing_still(go_minor, descriptors) as running:
        copy = crowds.recorded(running, tmp_path / "heap.gospan")
        assert len(copy.heap.spans) >= descriptors
        asked = dealt(questions(addresses(copy)), share, len(crowds.SPANS))
        assert list(differences(lambda: process.open_session(running.pid), copy, asked)) == []


#: Heaps of other sorts: garbage that waits for its sweep, spans in the caches of the Ps, chunks of user arenas.
SORTS = {
    "unswept": ({}, ("-unswept", "-tiny", "2000", "-finalizers", "99")),
    "cached": ({}, ("-cached", "-tiny", "2000", "-goroutines", "99", "-stacks", "9", "-huge", "1")),
    "arenas": (
        {"experiments": "arenas"},
        ("-arenas", "5", "-ready", "4", "-quarantined", "2", "-finalizers", "99"),
    ),
}


@pytest.mark.parametrize(
    ("minor", "sort"),
    [*((toolchains.NEWEST, sort) for sort in SORTS), (toolchains.OLDEST, "cached"), ("1.20", "arenas")],
)
def test_every_sort_of_heap(minor: str, sort: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small heap is read as a large one, a column at a time, when blocks are small."""
    monkeypatch.setattr(record, "_BLOCK", 1 << 14)
    monkeypatch.setattr(record, "_MANY", 0)
    options, words = SORTS[sort]
    with processes.start(programs.build("corners", minor, **options), "-end", "sleep", *words) as running:
        running.line()
        with processes.stopped(running.pid):
            copy = crowds.recorded(running, tmp_path / "heap.gospan")
            asked = dealt(questions(addresses(copy)), 0, SHARES)
            assert list(differences(lambda: process.open_session(running.pid), copy, asked)) == []


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_what_spans_hold_is_counted(minor: str) -> None:
    """Finalizers and types of large objects, of which the first block of descriptors has none."""
    with crowds.standing_still(minor, min(crowds.SPANS)) as running:
        answer = shell.inside("list", "--json", "--limit", "0", "--pid", running.pid)
    spans = json.loads(answer.stdout)["list"]
    assert sum(span["has_specials"] for span in spans) >= crowds.FINALIZERS // crowds.IN_A_SPAN
    types = [span["large_type"] for span in spans if span["spanclass"] == 0]
    assert types.count("main.table") == (crowds.LARGE if minor == toolchains.NEWEST else 0)


@pytest.mark.parametrize("minor", [toolchains.OLDEST, toolchains.NEWEST])
def test_what_an_identity_may_need_is_read(minor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the rare branches too, such as a goroutine's stack that no stack span has: they are not left to luck."""
    monkeypatch.setattr(record, "_BLOCK", 0)
    parts, texts = named_by(verification)
    assert {"godebug", "ms", "central"} <= parts
    with processes.start(programs.build("corners", minor), "-end", "sleep") as running:
        running.line()
        session = process.open_session(running.pid)
        with session.capture():
            session.finish_reading("goroutines")
            heap = session.heap
            for part in sorted(parts & {name for name in dir(type(heap)) if name != "read"}):
                getattr(heap, part)
            for records in (heap.spans.records, heap.goroutines.gs, heap.goroutines.system):
                for path in sorted(texts & records.struct.fields.keys()):
                    assert len(records[path]) == len(records)


def is_note(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note"


def named_by(module: ModuleType) -> tuple[set[str], set[str]]:
    """Return what this module, and what it uses of its package, ask a heap for, and their texts, field names among them."""
    parts, texts, seen, left = set(), set(), set(), [module]
    while left:
        each = left.pop()
        if each.__name__ in seen:
            continue
        seen.add(each.__name__)
        nodes = list(ast.walk(ast.parse(inspect.getsource(each))))
        only_whether = [node.left for node in nodes if isinstance(node, ast.Compare)]
        # What a note is about is no field of a struct.
        only_whether += [
            word for node in nodes if is_note(node) for word in ast.walk(node) if isinstance(word, ast.expr)
        ]
        for node in nodes:
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "heap"
            ):
                parts.add(node.attr)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in only_whether:
                texts.add(node.value)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gdb_gospan.analysis"):
                left += imported(node)
    return parts, texts


def imported(node: ast.ImportFrom) -> list[ModuleType]:
    """Return the modules that are imported, or that names are imported of; those within a function as well."""
    found = []
    for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
        with suppress(ImportError):
            found.append(importlib.import_module(str(name)))
    return found
