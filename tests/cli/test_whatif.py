"""What `whatif` says that a GC and debug.FreeOSMemory free, against what they then free, by the program's own MemStats."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import gdb_gospan
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.targets.core import open_session
from tools import answers, cores, fewest_spans, processes, programs

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
CACHED = 16 << 10
"""Bytes of the objects of which the last was allocated in a span that the collection has not seen."""
WORK = 128 << 10
"""Bytes of work buffers that a collection may take from free pages, and still has when these are returned."""


class Seen(NamedTuple):
    """The changes of the report by their codes, MemStats at that time, and what the program printed afterwards."""

    changes: dict[str, Any]
    before: Any
    after: dict[str, int]

    @property
    def objects(self) -> int:
        """Bytes of objects that were freed: whatever was allocated meanwhile is not in this difference."""
        return (self.after["TotalAlloc"] - self.after["HeapAlloc"]) - (
            self.before.TotalAlloc - self.before.HeapAlloc
        )

    @property
    def spans(self) -> int:
        return int(self.before.HeapInuse) - self.after["HeapInuse"]

    @property
    def released(self) -> int:
        return self.after["HeapReleased"] - int(self.before.HeapReleased)


@pytest.fixture(scope="module")
def frees(go_minor: str) -> Path:
    return programs.build("frees", go_minor)


def seen(program: Path, mode: str, do: str = "gc") -> Seen:
    with processes.start(program, "-mode", mode, "-do", do, stdin=subprocess.PIPE) as running:
        running.line()  # of before anything was allocated
        told = json.loads(running.line())
        heap = gdb_gospan.open(pid=running.pid)
        running.go_on()
        after = json.loads(running.line())
    before = heap.report("memstats").memstats
    assert {name: getattr(before, name) for name in told} == told
    assert after["NumGC"] == told["NumGC"] + 1
    return Seen({row.code: row for row in heap.report("whatif").changes}, before, after)


def test_a_gc_frees_some_of_what_was_allocated_since_the_last_one(frees: Path) -> None:
    """Of 19 MiB that are new the program keeps a part, whole spans and single objects."""
    found = seen(frees, "new")
    objects, spans = found.changes["gc_objects"], found.changes["gc_spans"]
    assert objects.at_least == spans.at_least == 0  # all is swept: nothing is known to be dead
    assert 14 * MIB < found.objects < objects.at_most < 20 * MIB
    assert 9 * MIB < found.spans < spans.at_most
    assert found.after["HeapAlloc"] >= objects.leaves


def test_a_gc_frees_what_the_last_one_has_found_dead(frees: Path) -> None:
    """Half of the objects wait to be swept: both bounds are known to the bytes that one P has cached."""
    found = seen(frees, "unswept")
    objects, spans = found.changes["gc_objects"], found.changes["gc_spans"]
    assert 11 * MIB < objects.at_least <= found.objects <= objects.at_most
    assert objects.at_most - objects.at_least <= 2 * CACHED
    assert 6 * MIB < spans.at_least <= found.spans <= spans.at_most
    assert spans.at_most - spans.at_least <= 2 * CACHED


def test_a_finalizer_revives(frees: Path) -> None:
    """What waits to be swept has finalizers, which wait behind the first: nothing is freed, and nothing promised."""
    found = seen(frees, "revived")
    objects, spans = found.changes["gc_objects"], found.changes["gc_spans"]
    assert objects.at_least <= found.objects < CACHED
    assert spans.at_least <= max(found.spans, 0) < CACHED
    assert objects.at_most > 4 * MIB


def test_what_survived_may_have_died_since(frees: Path) -> None:
    """The assumption of the upper bound: here the program has let go of the survivors, which no cycle has seen."""
    found = seen(frees, "stale")
    objects = found.changes["gc_objects"]
    assert "survivors_live" in objects.assumptions
    assert found.objects > objects.at_most


@pytest.mark.parametrize("mode", ["new", "unswept"])
def test_free_os_memory_returns_what_it_says(frees: Path, mode: str) -> None:
    found = seen(frees, mode, "free")
    alone, with_gc = found.changes["scavenge"], found.changes["gc_scavenge"]
    assert alone.at_least == alone.at_most <= with_gc.at_least
    assert with_gc.at_least - WORK <= found.released <= with_gc.at_most
    if mode == "unswept":
        assert with_gc.at_least > 7 * MIB
        assert with_gc.at_most - with_gc.at_least < MIB / 4
    else:
        assert found.released > 9 * MIB


def test_packing_a_real_heap(go_minor: str) -> None:
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000")
    session = open_session([str(core.executable), str(core.path)])

    def answer(name: str, *words: str) -> dict[str, Any]:
        command = find(name)
        assert command is not None
        return answers.document(session, command, parse(command, words))

    by_hand = fewest_spans.by_class(session, answer("list", "--limit", "0")["list"])
    document = answer("whatif")
    assert fewest_spans.told(document) == by_hand
    rows = {row["code"]: row for row in document["changes"]}
    assert rows["packing"]["at_least"] > MIB
    # A new process needs less than this one, and more than its survivors.
    assert rows["packing_survivors"]["leaves"] < rows["restart"]["leaves"] < rows["restart"]["now"]
