"""One field of a real program is set to a number that no program has: no report dies of it, or prints what cannot be.

Each counter and each field of a descriptor gets one of six values in each of two heaps, and all of them with --soak; every
report is made in every format.
"""

from __future__ import annotations

import itertools
import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.analysis.accounting import accounts
from gdb_gospan.analysis.occupancy import classes
from gdb_gospan.analysis.verification import verify
from gdb_gospan.errors import GoSpansError
from gdb_gospan.render.csv import csv_pieces
from gdb_gospan.render.json import json_pieces
from gdb_gospan.render.style import Style
from gdb_gospan.reports import run
from gdb_gospan.reports.catalog import find, load
from tools import answers, images, schemas, soak
from tools.tiny_heap import parked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gdb_gospan.analysis.session import Session
    from gdb_gospan.fields.command import Command
    from gdb_gospan.runtime.heap import Heap

    Places = Iterator[tuple[str, int, int]]

VALUES = (0, 1, -1, 1 << 31, 1 << 63, (1 << 64) - 1)
SIGNED = {"remainder", "memory_headroom", "expected", "observed"}
"""Keys of numbers that may be below 0: the first three are differences, and the evidence of a broken check is what it is."""
NOT_HERE = {"snapshot", "layout"}
"""Commands that show no figure of the heap."""
NEGATIVE = re.compile(r"(?<![\w.–-])-\d[\d,.]* (?:B|[KMGTPE]iB|%)")


def of_span(sort: str) -> Any:
    def places(heap: Heap) -> Places:
        spans = heap.spans
        large = spans.records["spanclass"] <= 1
        mask = {"large": spans.in_use & large, "small": spans.in_use & ~large, "stack": spans.stack}[sort]
        base = int(spans.addresses[np.flatnonzero(mask)[0]])
        yield from fields(heap, "mspan", base)

    return places


def fields(heap: Heap, struct: str, base: int) -> Places:
    for path, field in heap.layout[struct].fields.items():
        if field.size <= 8 and "[]" not in path:
            yield f"{struct}.{path}", base + field.offset, field.size


def fixallocs(heap: Heap) -> Places:
    for name in ("spanalloc", "cachealloc"):
        yield from fields(heap, "fixalloc", heap.mheap.address + heap.layout.fixallocs[name])


GROUPS = {
    "large": of_span("large"),
    "small": of_span("small"),
    "stack": of_span("stack"),
    "controller": lambda heap: fields(heap, "gcControllerState", heap.controller.address),
    "memstats": lambda heap: fields(heap, "mstats", heap.memstats.address),
    "heapstats": lambda heap: fields(heap, "heapStatsDelta", heap.memstats.address_of("heapStats.stats")),
    "mheap": lambda heap: fields(heap, "mheap", heap.mheap.address),
    "fixallocs": fixallocs,
}


def changes(heap: Heap, group: str, half: int) -> Iterator[tuple[str, tuple[int, bytes]]]:
    """Yield each field with values that its width has: with one of the first three or the last three in a run, in turn,
    and with all of them in a soak run.
    """
    for number, (name, address, size) in enumerate(GROUPS[group](heap)):
        old = heap.memory.read(address, size)
        values = dict.fromkeys((value % (1 << 8 * size)).to_bytes(size, "little") for value in VALUES)
        every = [*values]
        for value in every if soak.count else [every[(number + half * len(every) // 2) % len(every)]]:
            if value != old:
                yield f"{name} = {int.from_bytes(value, 'little'):#x}", (address, value)


def negative(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in SIGNED:
                yield from negative(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from negative(inner, path)
    elif not isinstance(value, bool) and isinstance(value, int | float) and value < 0:
        yield f"{path} is {value}"


def printed(session: Session) -> Iterator[tuple[Command, dict[str, Any], str]]:
    """Yield every report as JSON and as text, and make its CSV."""
    for command, answer in images.answers_of(session, without=NOT_HERE):
        whole = json.loads("".join(json_pieces(answer)), parse_constant=int)  # neither NaN nor infinity
        "".join(csv_pieces(load(command), answer))
        yield command, whole, answers.text(answer, Style(width=80, exact=command.name == "list"))


def wrong_with(session: Session) -> Iterator[str]:
    try:
        for command, document, text in printed(session):
            yield from (f"{command.name}{found}" for found in negative(document))
            body = text if command.name != "check" else ""
            cut = re.sub(r"(?m)^ +(broken|in flight).*(\n {4}.*)*", "", body)
            yield from (f"{command.name} prints {found}" for found in NEGATIVE.findall(cut))
            if command.name == "summary":
                yield from accounts_of(document)
    except GoSpansError:
        return  # one line says that it is damaged


def accounts_of(document: dict[str, Any]) -> Iterator[str]:
    money = document["bytes"]
    every = [value for key, value in money.items() if key != "sys"]
    if money["sys"] is not None:
        if sum(value or 0 for value in every) != money["sys"]:
            yield f"the accounts do not add up to Sys: {money}"
        yield from (
            f"bytes.{key} is {value} of {money['sys']}"
            for key, value in money.items()
            if key != "remainder" and value is not None and value > money["sys"]
        )


@pytest.mark.fuzz
@pytest.mark.parametrize(("image", "half"), [("1.19-cached", 0), ("1.27-cached", 1)])
@pytest.mark.parametrize("group", GROUPS)
def test_nothing_absurd_is_printed(image: str, half: int, group: str) -> None:
    recorded = images.load(image)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy warns of an overflow
        for name, change in changes(recorded.session().heap, group, half):
            found += [f"{name}: {wrong}" for wrong in set(wrong_with(recorded.session(change)))]
    assert found == []


def damaged(image: str, group: str, field: str, value: int) -> Session:
    recorded = images.load(image)
    _, address, size = next(place for place in GROUPS[group](recorded.session().heap) if place[0] == field)
    return recorded.session((address, (value % (1 << 8 * size)).to_bytes(size, "little")))


def not_exact(session: Session) -> set[str]:
    return {check.code for check in verify(session.heap) if check.status != "exact"}


@pytest.mark.parametrize("image", images.names())
def test_large_spans_are_what_the_release_makes_them(image: str) -> None:
    """User arena chunks too, whose slot ends before their bitmap since Go 1.22."""
    heap = images.load(image).session().heap
    (check,) = (check for check in verify(heap) if check.code == "large-spans")
    assert (check.status, check.observed) == (
        "exact",
        int(np.count_nonzero(heap.spans.in_use & (heap.spans.records["spanclass"] <= 1))),
    )


def test_images_with_large_spans_and_with_user_arenas_are_here() -> None:
    counts = [
        (int(np.count_nonzero(spans.in_use & (spans.sizeclass == 0))), int(spans.user_arena.sum()))
        for spans in (images.load(image).session().heap.spans for image in images.names())
    ]
    assert sum(large > arenas for large, arenas in counts) > 8
    assert sum(arenas > 0 for _, arenas in counts) > 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mspan.nelems", 2), ("mspan.nelems", 0), ("mspan.elemsize", 8192), ("mspan.npages", 1), ("mspan.limit", 0),
        ("mspan.limit", 1 << 63), ("mspan.allocCount", 2), ("mspan.allocCount", 65535),
    ],
)  # fmt: skip
@pytest.mark.parametrize("image", ["1.19-cached", "1.24-arenas", "1.27-cached", "1.27-arenas"])
def test_a_damaged_large_span_is_noticed(image: str, field: str, value: int) -> None:
    assert "large-spans" in not_exact(damaged(image, "large", field, value))


def test_efence_keeps_large_objects_that_were_freed() -> None:
    recorded = images.load("1.27-cached")
    change = {
        name: (address, bytes(size)) for name, address, size in GROUPS["large"](recorded.session().heap)
    }
    session = recorded.session(change["mspan.limit"], change["mspan.allocCount"])
    assert "large-spans" not in not_exact(session)


def test_two_slots_in_a_large_span() -> None:
    """What was printed: as much free memory as the object has, and a tail of less than nothing."""
    whole = accounts(images.load("1.27-cached").session().heap)
    session = damaged("1.27-cached", "large", "mspan.nelems", 2)
    money, table = accounts(session.heap), classes(session.heap)
    (large,) = np.flatnonzero(table.spanclass <= 1)
    span = int(table.span_bytes[large])
    assert (table.contradictory[large], table.contradictory_bytes[large]) == (1, span)
    assert (table.free_bytes[large], table.tail_bytes[large], table.object_bytes[large]) == (0, 0, 0)
    assert (money.free_slots, money.tail, money.contradictory) == (whole.free_slots, whole.tail, span)
    assert (money.objects, money.remainder) == (whole.objects - span, 0)
    text = ask(session, "summary")
    assert re.search(r"spans with a wrong descriptor +(≥ )?[\d.]+ [KM]iB", text)
    assert "see check large-spans" in text
    assert re.search(r"objects +≥ ", text)
    row = next(row for row in rows(session, "list") if row["spanclass"] <= 1)
    assert (row["nelems"], row["objects"]) == (2, 1)
    assert [row[key] for key in ("free_bytes", "tail_bytes", "span_bytes", "occupied")] == [None] * 4
    assert re.search(r"1/2 +unknown +unknown", ask(session, "list", "--limit", "1", "--sort", "spanclass"))


def test_what_is_not_known_of_a_span_comes_last() -> None:
    session = damaged("1.27-cached", "small", "mspan.nelems", 65535)
    listed = [row["free_bytes"] for row in rows(session, "list", "--sort", "free_bytes")]
    assert listed[-1] is None
    assert None not in listed[:-1]
    assert [*listed[:-1]] == sorted(listed[:-1], reverse=True)


def ask(session: Session, name: str, *words: str) -> str:
    command, arguments = arguments_of(name, *words)
    return run.run(session, command, arguments, Style(width=150))


def rows(session: Session, name: str, *words: str) -> list[dict[str, Any]]:
    command, arguments = arguments_of(name, "--limit", "0", *words)
    return list(answers.document(session, command, arguments)[command.rows])


def arguments_of(name: str, *words: str) -> tuple[Command, dict[str, Any]]:
    from gdb_gospan.reports.arguments import parse

    command = find(name)
    assert command is not None
    return command, parse(command, words)


@pytest.mark.parametrize("name", ["largeAllocCount", "largeFreeCount"])
def test_counters_wrap_as_those_of_the_runtime_do(name: str) -> None:
    """`check` died of a number that is none of 64 bits with a sign."""
    session = damaged("1.27-cached", "heapstats", f"heapStatsDelta.{name}", 1 << 63)
    assert {"class-objects", "heap-objects"} <= not_exact(session)
    assert "class-objects" in ask(session, "check")


def test_more_accounts_than_sys_are_no_negative_figure() -> None:
    recorded = images.load("1.27-cached")
    place = {name: (address, size) for name, address, size in GROUPS["controller"](recorded.session().heap)}
    address, size = place["gcControllerState.heapFree"]
    session = recorded.session((address, bytes(size)))
    unknown = ask(session, "summary")  # an image has no stacks
    assert re.search(r"not known \(more than Sys\) +\d", unknown)
    session = recorded.session((address, bytes(size)))
    session.frames = parked
    text = ask(session, "summary")
    assert accounts(session.heap).remainder < 0
    assert re.search(r"does not add up +\d", text)
    assert "(more than Sys) · see check heap-free" in text
    assert " -" not in text[: text.index("Most ")]


@pytest.mark.parametrize("value", [1 << 63, (1 << 64) - 1])
def test_a_memory_limit_below_zero_is_none(value: int) -> None:
    session = damaged("1.27-cached", "controller", "gcControllerState.memoryLimit", value)
    command, arguments = arguments_of("gc")
    document = answers.document(session, command, arguments)
    assert (document["gc"]["memory_limit"], document["gc"]["memory_limit_known"]) == (None, False)
    assert "memory limit unknown" in images.text(command, document, Style(width=100))
    assert "memory limit unknown" in ask(session, "summary")


def test_every_document_of_damage_fits_its_schema() -> None:
    """What is not known is null where the schema says so."""
    for group, field, value in (
        ("large", "mspan.nelems", 2),
        ("small", "mspan.npages", 1 << 62),
        ("controller", "gcControllerState.heapInUse", 1 << 63),
        ("controller", "gcControllerState.heapMarked", 1 << 63),
        ("heapstats", "heapStatsDelta.largeFree", 1 << 40),
        ("heapstats", "heapStatsDelta.smallFreeCount", 1 << 63),
        ("memstats", "mstats.gc_cpu_fraction", -1),
        ("memstats", "mstats.other_sys", 1 << 63),
    ):
        session = damaged("1.27-cached", group, field, value)
        for command, document, _ in itertools.chain(printed(session)):
            assert schemas.errors(document) == [], (command.name, field)
