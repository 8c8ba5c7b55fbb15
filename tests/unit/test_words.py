"""What the reports and `explain` say in words is so in the runtime, and is said where it is looked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gdb_gospan.analysis.location import locate
from gdb_gospan.errors import UsageError
from gdb_gospan.render.style import Style
from gdb_gospan.reports import run
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import find
from gdb_gospan.runtime.mgcpacer import heap_goal
from tools import answers, images

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session
    from tools.images import Recorded

#: What Prometheus' client for Go exports of runtime.MemStats.
GO_MEMSTATS = (
    "alloc_bytes", "alloc_bytes_total", "buck_hash_sys_bytes", "frees_total", "gc_cpu_fraction",
    "gc_sys_bytes", "heap_alloc_bytes", "heap_idle_bytes", "heap_inuse_bytes", "heap_objects",
    "heap_released_bytes", "heap_sys_bytes", "last_gc_time_seconds", "lookups_total", "mallocs_total",
    "mcache_inuse_bytes", "mcache_sys_bytes", "mspan_inuse_bytes", "mspan_sys_bytes", "next_gc_bytes",
    "other_sys_bytes", "stack_inuse_bytes", "stack_sys_bytes", "sys_bytes",
)  # fmt: skip
LOOKED_FOR = (
    "leak", "memory leak", "garbage", "pinned", "cgo", "mmap", "tiny", "Prometheus", "sbrk", "OOM",
    *(f"go_memstats_{name}" for name in GO_MEMSTATS),
)  # fmt: skip
NUMBER = re.compile(
    r"\b0x[0-9a-f]+\b|\bgo1\.\S+|[+≥~-]?\b\d[\d,.]*(?:e[-+]?\d+)?(?: (?:[KMGTPE]iB|B|%|ns|µs|ms|s)\b|%)?"
)
SHAPES = re.compile(r" · |  +|[█▓▒░▁-▇▏▎▍▌▋▊▉]+")
#: Values and names of others, in which there is nothing to explain.
NO_TERMS = {"yes", "true", "false", "all", "to", "UTC", "last : : UTC"}


def answer(session: Session, name: str, *words: str) -> dict[str, Any]:
    command = find(name)
    assert command is not None
    return answers.document(session, command, parse(command, words))


def text(session: Session, name: str, *words: str, width: int = 100) -> str:
    command = find(name)
    assert command is not None
    return run.run(session, command, parse(command, words), Style(width=width))


def terms(word: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answers.of(None, "explain", word)["terms"]
    return found


def changed(recorded: Recorded, struct: str, base: int, **values: int) -> list[tuple[int, bytes]]:
    fields = recorded.layout[struct]
    return [
        (
            base + fields[path].offset,
            (value % (1 << 8 * fields[path].size)).to_bytes(fields[path].size, "little"),
        )
        for path, value in values.items()
    ]


@pytest.mark.parametrize("word", LOOKED_FOR)
def test_it_is_explained(word: str) -> None:
    assert terms(word)


def phrases(shown: str) -> set[str]:
    """Return what stands between figures, signs and dots: words, with the numbers in them taken out."""
    found = set()
    for line in shown.splitlines()[1:]:
        if re.match(r"(More:|snapshot FILE|.*explain TERM|\s*0x[0-9a-f]+ +[SCX_.~?█▓▒░]+$)", line):
            continue  # names of commands, and lines of the picture
        for part in SHAPES.split(line):
            words = re.sub(r"\s+", " ", NUMBER.sub(" ", part)).strip(" ,:()/–≥=")
            if re.search("[A-Za-z]{2}", words):
                found.add(words)
    return found


@pytest.mark.parametrize("image", ["1.19-386", "1.24-arenas", "1.27-frag", "1.27-cached", "1.27-unswept"])
def test_every_phrase_of_a_report_leads_to_a_term(image: str) -> None:
    session = images.load(image).session()
    unknown = set()
    for command, document in images.documents(session):
        if command.name in ("snapshot", "layout"):  # names of files and of structs
            continue
        types = {row["large_type"] for row in document.get("list", ())}
        for phrase in phrases(images.text(command, document, Style(width=200))) - NO_TERMS - types:
            if not known(phrase):
                unknown.add((command.name, phrase))
    assert unknown == set()


def known(phrase: str) -> bool:
    try:
        return bool(terms(phrase))
    except UsageError:
        return False


def test_a_phrase_is_explained_by_the_longest_names_in_it() -> None:
    assert [term["name"] for term in terms("52 are flagged as needing zeroing")] == [
        "flagged as needing zeroing"
    ]
    assert terms("free slots in spans in use")[0]["name"] == "free slots in spans in use"
    with pytest.raises(UsageError):
        terms("nosuchword")
    with pytest.raises(UsageError):
        terms("no such wrd")


def test_sys_less_released_does_not_bound_what_is_resident() -> None:
    """MADV_FREE leaves returned pages resident, and so does a huge page that the kernel makes of them again."""
    for word in ("resident (RSS)", "out of memory"):
        said = " ".join(str(terms(word)[0][key]) for key in ("meaning", "formula", "unlike"))
        assert not re.search(r"upper bound|at most", said)
        assert re.search(r"below or above", said)


def test_a_goal_is_no_trigger() -> None:
    session = images.load("1.27-frag").session()
    assert re.search(
        r"next heap goal [\d.]+ MiB \(the cycle starts earlier\)", text(session, "gc", width=200)
    )
    assert re.search(r"next heap goal [\d.]+ MiB ·", text(session, "summary", "--all", width=200))
    for name, *words in (("gc",), ("summary", "--all")):
        assert "next cycle at" not in text(session, name, *words)
        assert "next at" not in text(session, name, *words)


def test_without_gogc_and_a_limit_there_is_no_goal() -> None:
    """Not a goal of 8 EiB."""
    recorded = images.load("1.27-frag")
    controller = recorded.session().heap.controller
    whole = (1 << 64) - 1
    changes = changed(
        recorded,
        "gcControllerState",
        controller.address,
        gcPercentHeapGoal=whole,
        gcPercent=-1,
        memoryLimit=whole >> 1,
    )
    session = recorded.session(*changes)
    assert heap_goal(session.heap.controller, 0) > 1 << 62
    assert "no heap goal (GOGC is off)" in text(session, "gc")
    assert "no heap goal (GOGC is off)" in text(session, "summary", "--all")
    assert "no heap goal: GOGC is off" in text(session, "memstats")
    assert "EiB" not in text(session, "gc") + text(session, "summary", "--all") + text(session, "memstats")


def test_the_collectors_share_is_of_its_last_cycle() -> None:
    shown = re.sub(r"\s+", " ", text(images.load("1.27-frag").session(), "gc"))
    assert re.search(r"GC used \d+\.\d % of the CPU time up to the end of the last cycle", shown)


def test_finalizers_revive() -> None:
    (term,) = terms("garbage not swept yet")
    assert "finalizer" in term["formula"] + term["unlike"]


@pytest.mark.parametrize("image", ["1.19-frag", "1.27-frag"])
def test_sbrk_is_said(image: str) -> None:
    recorded = images.load(image)
    assert "sbrk" not in text(recorded.session(), "summary")
    changes = changed(recorded, "debug", recorded.symbols["debug"], sbrk=1)
    assert "GODEBUG=sbrk=1: all objects are in the runtime metadata" in text(
        recorded.session(*changes), "summary"
    )


@pytest.mark.parametrize("image", ["1.19-cached", "1.27-cached"])
def test_what_the_metrics_lack_is_what_the_mcaches_hold(image: str) -> None:
    """The program itself counted what it allocated after it had read its figures."""
    recorded = images.load(image)
    session = recorded.session()
    held = answer(session, "memstats")["held_by_mcaches"]
    assert held["bytes"] == recorded.printed["CachedBytes"] > 0
    assert held["objects"] == recorded.printed["CachedObjects"] > 0
    assert held["mallocs"] >= held["objects"]
    shown = re.sub(r"\s+", " ", text(session, "memstats"))
    assert f"{held['objects']:,} of HeapObjects" in shown
    assert "go_memstats_*" in shown


@pytest.mark.parametrize("image", images.names())
def test_classes_and_list_begin_with_what_summary_names(image: str) -> None:
    session = images.load(image).session()
    summary = text(session, "summary")
    key = "object_bytes" if "Most object bytes" in summary else "free_bytes"
    table = answer(session, "classes", "--limit", "0")
    assert table["sort"] == key
    assert [row[key] for row in table["classes"]] == sorted(
        (row[key] for row in table["classes"]), reverse=True
    )
    listed = answer(session, "list", "--limit", "0")
    assert listed["sort"] == key
    assert [row[key] for row in listed["list"]] == sorted((row[key] for row in listed["list"]), reverse=True)
    first = answer(session, "classes", "--limit", "1")["classes"][0]
    assert first[key] == max(row[key] for row in table["classes"])


@pytest.mark.parametrize("image", ["1.27-cached", "1.27-unswept", "1.27-frag"])
def test_the_bytes_of_objects_stay_at_80_columns(image: str) -> None:
    session = images.load(image).session()
    assert "object bytes" in text(session, "classes", width=80)
    if answer(session, "list")["sort"] == "object_bytes":
        assert "object bytes" in text(session, "list", width=80)


def test_another_order_is_the_users() -> None:
    session = images.load("1.27-cached").session()
    assert answer(session, "classes", "--sort", "free_bytes")["sort"] == "free_bytes"
    assert answer(session, "list", "--sort", "free bytes")["sort"] == "free_bytes"


def test_the_free_slots_of_an_idle_heap_are_next_to_nothing() -> None:
    """A large share of the spans in use; the bytes and their share of Sys say what that comes to."""
    session = images.load("1.27-frag").session()
    document = answer(session, "summary")
    money = document["bytes"]
    (line,) = (line for line in text(session, "summary", "--all").splitlines() if line.startswith("In-span"))
    shares = [100 * money["free_slots"] / base for base in (document["memstats"]["HeapInuse"], money["sys"])]
    assert line.endswith(f" of free slots · {shares[0]:.1f} % of HeapInuse · {shares[1]:.1f} % of Sys")


@pytest.mark.parametrize("image", ["1.19-cached", "1.27-386"])
def test_an_address_inside_a_descriptor_names_it(image: str) -> None:
    session = images.load(image).session()
    spans, fields = session.heap.spans, session.heap.layout["mspan"]
    row = int(np.flatnonzero(spans.in_use)[0])
    start = int(spans.addresses[row])
    whole = answer(session, "show", hex(start))
    for path in ("nelems", "allocBits"):
        offset = fields[path].offset
        inside = answer(session, "show", hex(start + offset))
        assert inside["span"] == whole["span"]
        assert inside["descriptor_field"] == {"name": path, "offset": offset}
        assert f"{offset} bytes into a span descriptor: {path}" in text(session, "show", hex(start + offset))
    last = answer(session, "show", hex(start + fields.size - 1))
    assert last["span"] == whole["span"]
    assert whole["descriptor_field"] is None
    assert locate(session.heap, int(spans.addresses[-1]) + fields.size) is None


@pytest.mark.parametrize("image", ["1.19-corners", "1.27-corners"])
def test_a_stack_address_names_its_goroutine(image: str) -> None:
    session = images.load(image).session()
    heap = session.heap
    gs, status = heap.goroutines.gs, heap.goroutines.status
    named = {}
    for row in np.flatnonzero(gs["stack.lo"] != 0).tolist():
        place = locate(heap, int(gs["stack.lo"][row]) + 100)
        assert place is not None
        assert place.stack is not None
        assert place.stack.goroutine is not None
        number, state = place.stack.goroutine
        named[number] = state
        assert (state == "waiting") == (status[row] == 4)
        assert (place.stack.free, place.stack.address) == (False, int(gs["stack.lo"][row]))
    assert list(named.values()).count("waiting") > 100  # 99 that wait, and 9 on large stacks
    assert len(named) == np.count_nonzero(gs["stack.lo"])
    assert named[1] in ("running", "in a system call")
    shown = text(session, "show", hex(int(gs["stack.lo"][status == 4][0]) + 8))
    assert re.search(r"stack +[\d,]+ bytes from 0x[0-9a-f]+ · of goroutine \d+, waiting", shown)


@pytest.mark.parametrize("image", ["1.19-corners", "1.27-corners", "1.27-frag"])
def test_the_free_stacks_are_those_not_given_out(image: str) -> None:
    """Against the pool's own count: allocCount of its spans, and what the Ps have cached."""
    heap = images.load(image).session().heap
    spans, stacks = heap.spans, heap.stacks
    free = 0
    for row in np.flatnonzero(stacks.pool).tolist():
        size = int(spans.records["elemsize"][row])
        for index in range(int(stacks.capacity(np.array([row]))[0])):
            place = locate(heap, int(spans.start[row]) + index * size)
            assert place is not None
            assert place.stack is not None
            free += size if place.stack.free else 0
    small = np.flatnonzero(stacks.pool)
    given = (stacks.given_out(small) * spans.records["elemsize"][small]).sum()
    total = (stacks.capacity(small) * spans.records["elemsize"][small]).sum()
    assert free == total - given + stacks.cached_bytes.sum()
