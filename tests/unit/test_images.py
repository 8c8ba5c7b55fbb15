"""Real programs of every Go release, decoded from recorded images: no toolchain, no debugger."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.render.style import Style
from gdb_gospan.runtime import goroutines
from gdb_gospan.runtime.losses import Losses
from tools import images, toolchains
from tools.proofs import assert_adds_up, assert_classes_match_the_spans, memstats_of, not_exact, walk

if TYPE_CHECKING:
    from gdb_gospan.fields.command import Command
    from gdb_gospan.runtime.heap import Heap

STYLES = {
    "80": Style(width=80),
    "100": Style(width=100),
    "exact": Style(width=100, exact=True),
    "ascii": Style(width=80, unicode=False),
}
MIB = 1 << 20


@pytest.fixture(params=images.names(), scope="module")
def recorded(request: pytest.FixtureRequest) -> images.Recorded:
    return images.load(request.param)


@pytest.fixture(scope="module")
def documents(recorded: images.Recorded) -> list[tuple[Command, dict[str, Any]]]:
    return list(images.documents(recorded.session()))


@pytest.fixture(scope="module")
def answers(documents: list[tuple[Command, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    return {command.name: document for command, document in documents}


def sort_of(recorded: images.Recorded) -> str:
    return recorded.name.partition("-")[2]


def test_every_release_is_there() -> None:
    assert images.names() == sorted(images.WANTED)
    assert {name.partition("-")[0] for name in images.names()} == set(toolchains.TOOLCHAINS)


def test_all_is_read_and_every_identity_is_exact(answers: dict[str, dict[str, Any]]) -> None:
    assert not_exact(answers) == []
    assert len(answers["check"]["checks"]) >= 29
    for name, document in answers.items():
        # A snapshot asks of every span what show asks of one; of that a recorded image has some only.
        assert name == "snapshot" or document["unreadable"] == {"bytes": 0, "ranges": []}
        assert document["complete"] is True


def test_the_accounts_add_up(answers: dict[str, dict[str, Any]]) -> None:
    assert_adds_up(answers)
    assert_classes_match_the_spans(answers)
    assert answers["summary"]["bytes"]["remainder"] == 0


def test_the_figures_are_those_that_the_program_printed(
    recorded: images.Recorded, answers: dict[str, dict[str, Any]]
) -> None:
    printed, memstats = memstats_of(recorded.printed), answers["summary"]["memstats"]
    assert len(printed) == 32
    assert answers["summary"]["go"]["version"] == recorded.printed["Version"]
    match sort_of(recorded):
        case "cached":  # allocated from the spans of a P after the figures were printed
            more = {
                "HeapAlloc": recorded.printed["CachedBytes"],
                "HeapObjects": recorded.printed["CachedObjects"],
            }
            assert all(more.values())
            for name, value in more.items():
                assert memstats[name] == printed[name] + value
            same = ("NumGC", "NextGC", "StackInuse", "MCacheInuse", "PauseNs", "Frees", "BuckHashSys")
            assert {name: memstats[name] for name in same} == {name: printed[name] for name in same}
        case "386":  # there the program takes another stack span between its last words and its end
            stacks = {"HeapSys", "HeapIdle", "HeapReleased", "StackInuse", "StackSys"}
            assert {name for name in printed if printed[name] != memstats[name]} <= stacks
        case _:
            assert memstats == printed


# The figures of the others differ for the reasons above, or their spans have no one sweep generation.
@pytest.mark.parametrize(
    "recorded",
    [name for name in images.names() if name.partition("-")[2] in ("corners", "released", "frag", "arenas")],
    indirect=True,
)
def test_the_walk_is_what_the_program_printed(
    recorded: images.Recorded, answers: dict[str, dict[str, Any]]
) -> None:
    """Added up here from the rows, past all that the package counts itself."""
    walked = walk(answers)
    if (
        sort_of(recorded) == "arenas"
    ):  # chunks ready for reuse keep their descriptors, though no span is there
        walked.pop("MSpanInuse")
    assert walked == {name: recorded.printed[name] for name in walked}


def test_they_show_what_they_are_there_for(
    recorded: images.Recorded, answers: dict[str, dict[str, Any]]
) -> None:
    counts, money = answers["summary"]["spans"], answers["summary"]["bytes"]
    states = {span["state"] for span in answers["list"]["list"]}
    match sort_of(recorded):
        case "cached":
            assert counts["cached"] > 10
        case "unswept":
            assert counts["unswept"] > 100
            assert money["garbage_unswept"] > MIB
        case "arenas":
            assert {"user arena", "quarantined"} <= states
            assert answers["summary"]["go"]["experiments"] == ["arenas"]
        case "386":
            assert answers["summary"]["go"]["arch"] == "386"
        case "released":
            assert money["idle_released"] > 6 * MIB
        case "corners":
            assert money["stacks"] > 99 * 2048
            assert any(span["npages"] >= 8 for span in answers["list"]["list"] if span["state"] == "stack")


@pytest.mark.parametrize("how", STYLES)
def test_every_report_renders(documents: list[tuple[Command, dict[str, Any]]], how: str) -> None:
    style = STYLES[how]
    for command, document in documents:
        text = images.text(command, document, style)
        assert text.endswith("\n")
        assert "None" not in text
        assert style.unicode or text.isascii(), sorted(set(re.findall(r"[^\x00-\x7f]", text)))
        if command.name == "summary":
            assert max(map(len, text.splitlines())) <= style.width, max(text.splitlines(), key=len)


# What is in the files.


def test_they_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in images.FOLDER.iterdir()}
    assert all(name.endswith(".gospan") for name in sizes)
    assert {name: size for name, size in sizes.items() if size > images.MOST} == {}
    assert sum(sizes.values()) <= images.MOST_OF_ALL


def test_nothing_of_the_machine_is_in_them(recorded: images.Recorded) -> None:
    target = recorded.target
    assert (Path(str(target.executable)).name, target.core, target.pid) == (target.executable, "core", None)
    paths = re.findall(
        rb"/(?:root|home|tmp|work|usr|var|srv)/[\w./-]*", recorded.image.segments.flat.tobytes()
    )
    assert paths == []
    reasons = " ".join(hole.reason for hole in recorded.image.holes.values())
    said = f"{reasons} {target} {recorded.layout} {recorded.printed}"
    assert "/" not in said.replace("GC/", "").replace("internal/runtime/", "")  # words of the runtime's


def test_no_object_of_the_program_is_in_them(recorded: images.Recorded) -> None:
    """Of the heap itself only what the runtime keeps there: its Ps, gs and ms, and the headers of objects."""
    heap, segments = recorded.session().heap, recorded.image.segments
    spans, columns = heap.spans, heap.spans.records
    rows = np.flatnonzero(spans.in_use)
    begin = spans.start[rows]
    end = begin + (columns["nelems"] * columns["elemsize"])[rows].astype(np.uint64)
    word, own = heap.reader.word_type.itemsize, []
    for name in ("allp", "allgs"):
        array, length = heap.reader.words(heap.symbols[name], 2).tolist()
        own.append((array, length * word))
    threads, _ = goroutines.read_threads(heap.reader, heap.symbols["allm"])
    exited = exited_threads(heap)
    own += [(address, heap.layout["m"].size) for address in (*threads.tolist(), *exited)]
    assert heap.goroutines.exited is not None
    # What is read of a P ends before its registers; these images are older, and of programs that have no secrets.
    own += [(address, heap.layout["p"].size) for address in heap.ps.ps.addresses.tolist()]
    for records in (heap.goroutines.gs, heap.goroutines.system, heap.goroutines.exited):
        own += [(address, records.struct.size) for address in records.addresses.tolist()]
    owned = Losses()  # merges ranges
    for address, length in own:
        owned.add(np.array([address], np.uint64), length)
    merged = list(zip(*(ends.tolist() for ends in owned.ranges()), strict=True))
    with_header = (columns["spanclass"] & 1 == 0) & (columns["elemsize"] > word * word * 8)
    found = []
    for start, size in zip(segments.start.tolist(), segments.size.tolist(), strict=True):
        inside = (begin < start + size) & (end > start)
        for row in np.flatnonzero(inside).tolist():
            low, high = max(int(begin[row]), start), min(int(end[row]), start + size)
            # mbitmap.go, heapSetTypeSmallHeader: a pointer to the type comes before the object.
            slot = (low - int(begin[row])) % int(columns["elemsize"][rows[row]])
            low += word if with_header[rows[row]] and slot == 0 else 0
            if low < high and not any(first <= low and high <= last for first, last in merged):
                found.append((hex(low), high - low))
    assert found == []


def exited_threads(heap: Heap) -> list[int]:
    """Return the ms of sched.freem, whose threads have exited."""
    found, link = [], heap.layout["m"]["freelink"].offset
    thread = heap.reader.word(heap.symbols["sched"] + heap.layout["schedt"]["freem"].offset)
    while thread:
        found.append(thread)
        thread = heap.reader.word(thread + link)
    return found


def test_next_gc_and_the_goal_of_the_scavenger_are_what_explain_says(
    answers: dict[str, dict[str, Any]],
) -> None:
    """To the byte: the formulas of explain NextGC and explain scavenger, on what gc --json has."""
    found = answers["gc"]
    pacer, percent = found["pacer"], found["gc"]["gc_percent"]
    scanned = pacer["heap_marked"] + pacer["stack_scan_last"] + pacer["globals_scan"]
    assert pacer["heap_goal"] == max(pacer["heap_marked"] + scanned * percent // 100, pacer["heap_minimum"])
    goal = found["scavenger"]["gc_percent_goal"]
    if goal is not None:
        wanted = int(pacer["heap_in_use_last"] * (pacer["heap_goal"] / pacer["heap_goal_last"]))
        assert goal == -(-(wanted + wanted // 10) // 4096) * 4096
        assert found["scavenger"]["retained"] > goal
