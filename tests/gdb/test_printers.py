"""The pretty-printers, on values of real heaps and on values that no healthy heap has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from tools.cores import Core
    from tools.gdbs import Gdb

pytestmark = pytest.mark.in_turn("core", of=("cached", "unswept"))
HERE = Path(__file__).parent


@pytest.fixture(scope="session", params=["cached", "unswept"])
def core(request: pytest.FixtureRequest, go_minor: str) -> Core:
    """A heap at rest with spans in a cache, and one between a collection and its sweep."""
    if request.param == "cached":
        return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")
    return cores.kernel_core(programs.build("corners", go_minor), "-unswept", "-stacks", "20", "-tiny", "100")


@pytest.fixture(scope="session")
def raw(gdb: Gdb, core: Core, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Printed lines beside the bytes that they are about."""
    return run_script(gdb, "raw_values.py", tmp_path_factory, exe=core.executable, core=core.path)


def run_script(gdb: Gdb, name: str, folders: pytest.TempPathFactory, *before: str, **target: Any) -> Any:
    """Run a script of this folder in gdb and return its results."""
    path = folders.mktemp("printers") / "result.json"
    commands = [*before, f"python RESULT = {str(path)!r}", f"source {HERE / name}"]
    result = run_gdb(gdb, commands, **target)
    assert path.exists(), result.text
    return json.loads(path.read_text())


def span_class(number: int, sizes: list[int]) -> str:
    size = f"{sizes[number // 2]:,}" if number > 1 else "large"
    return f"{size} {'noscan' if number % 2 else 'scan'}"


def nouns(number: int, noun: str, plural: str = "") -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def test_mspan(raw: dict[str, Any]) -> None:
    for span in raw["mspan"]:
        where = f"mspan {span['startAddr']:#x} [{nouns(span['npages'], 'page')}]"
        delta = span["sweepgen"] - raw["sweepgen"]
        expected = "mspan dead · kept for reuse, its fields are stale"
        if span["state"] == 1:
            sweep = {-2: "unswept", -1: "being swept", 0: "swept", 1: "cached, unswept", 3: "cached"}[delta]
            holds = span_class(span["spanclass"], raw["sizes"])
            slots = f"{span['allocCount']:,} of {nouns(span['nelems'], 'slot')}"
            expected = f"{where} in use · {holds} · {slots} · {sweep}"
        elif span["state"] == 2:
            holds = f"stacks of {span['elemsize']:,}" if span["elemsize"] else "work buffer"
            expected = f"{where} manual · {holds}"
        assert span["printed"] == expected


def test_the_cores_have_what_is_compared(raw: dict[str, Any], core: Core) -> None:
    """The tests here would mean little if all values were alike."""
    states = {span["state"] for span in raw["mspan"]}
    deltas = {span["sweepgen"] - raw["sweepgen"] for span in raw["mspan"] if span["state"] == 1}
    unswept = sum("0 unswept" not in central["printed"] for central in raw["mcentral"])
    if core.executable.name == "frag":
        assert states == {0, 1, 2}
        assert deltas == {0, 3}
        assert any(each["cached"] for each in raw["mcache"])
    else:
        assert states >= {1, 2}
        assert deltas >= {-2, 0}
        assert unswept > 10


def test_gc_bits(raw: dict[str, Any]) -> None:
    shown = [span for span in raw["mspan"] if "bits" in span]
    assert any(len(set(span["bits"])) == 2 for span in shown)
    for span in shown:
        slots, _, legend = span["bits printed"].partition(" (")
        assert [int(bit) for bit in slots.replace(" ", "")] == span["bits"]
        assert legend == "first 64, slot 0 first)"


def test_span_class(raw: dict[str, Any]) -> None:
    """Against the program's own table of size classes."""
    expected = [f"{span_class(number, raw['sizes'])} (class {number})" for number in range(136)]
    expected += [f"no such class (class {number})" for number in range(136, 256)]
    assert raw["spanClass"] == expected


def test_span_state(raw: dict[str, Any]) -> None:
    unknown = [f"unknown state {number}" for number in range(3, 256)]
    assert raw["mSpanStateBox"] == ["dead", "in use", "manual", *unknown]


def test_mcentral(raw: dict[str, Any]) -> None:
    swept = raw["sweepgen"] // 2 % 2
    assert len(raw["mcentral"]) == 136
    for central in raw["mcentral"]:
        facts = [f"mcentral {span_class(central['spanclass'], raw['sizes'])} (class {central['spanclass']})"]
        for name in ("partial", "full"):
            entries = [tail - head for head, tail in (central[f"{name}0"], central[f"{name}1"])]
            facts.append(f"{name} {entries[swept]:,} swept, {entries[1 - swept]:,} unswept")
        assert central["printed"] == " · ".join(facts)


def test_span_set(raw: dict[str, Any]) -> None:
    assert len(raw["spanSet"]) == 4 * 136
    assert any(each["tail"] > each["head"] for each in raw["spanSet"])
    for each in raw["spanSet"]:
        entries = nouns(each["tail"] - each["head"], "entry", "entries")
        spine = f"spine {each['spineLen']:,} of {nouns(each['spineCap'], 'block')}"
        assert (
            each["printed"] == f"spanSet {entries} · head {each['head']:,}, tail {each['tail']:,} · {spine}"
        )


def test_mcache(raw: dict[str, Any]) -> None:
    for each in raw["mcache"]:
        tiny = f"tiny block {each['tiny']:#x}, {each['tinyoffset']} of 16 B used"
        stale = (
            ""
            if each["flushGen"] == raw["sweepgen"]
            else f", stale: the heap's sweepgen is {raw['sweepgen']}"
        )
        facts = [
            f"mcache {each['cached']} of 136 span classes cached",
            tiny if each["tiny"] else "no tiny block",
            f"flushGen {each['flushGen']}{stale}",
        ]
        assert each["printed"] == " · ".join(facts)


def test_span_list(raw: dict[str, Any]) -> None:
    """Against the number of spans that say that they are in the list."""
    assert any(each["spans"] for each in raw["mSpanList"])
    assert [each["printed"] for each in raw["mSpanList"]] == [
        nouns(each["spans"], "span") for each in raw["mSpanList"]
    ]


def test_fixalloc(raw: dict[str, Any]) -> None:
    assert len(raw["fixalloc"]) >= 6
    for each in raw["fixalloc"]:
        if each["name"] == "spanalloc":  # every descriptor is in use or free
            assert each["free"] == raw["allspans"] - each["inuse"] // each["size"]
        free = nouns(each["free"], "object") if each["free"] <= 1000 else "1,000 objects or more"
        in_use = f"fixalloc of {each['size']:,} B · {each['inuse'] // each['size']:,} in use"
        assert each["printed"] == f"{in_use} · free list of {free} · {each['nchunk']:,} B left in the chunk"


def test_page_cache(raw: dict[str, Any]) -> None:
    # All may be empty: of what a full one looks like there is a made-up one below.
    assert raw["pageCache"]
    for each in raw["pageCache"]:
        pages = [each["cache"] >> page & 1 for page in range(64)]
        scavenged = sum(each["scav"] >> page & 1 for page in range(64) if pages[page])
        free = f"{sum(pages)} free, {scavenged} of them scavenged"
        expected = f"pageCache {each['base']:#x} [64 pages] · {free}" if any(pages) else "pageCache empty"
        assert each["printed"] == expected


def test_palloc_data(raw: dict[str, Any]) -> None:
    def picture(bits: list[int]) -> str:
        eights = [sum(bits[first : first + 8]) for first in range(0, 512, 8)]
        return "|" + "".join(" ▁▂▃▄▅▆▇█"[count] for count in eights) + "|"

    assert len(raw["pallocData"]) > 1
    for chunk in raw["pallocData"]:
        alloc, scavenged = chunk["alloc"], chunk["scavenged"]
        pages = list(zip(alloc, scavenged, strict=True))
        facts = [
            f"pallocData {sum(alloc)} of 512 pages allocated",
            f"{alloc.count(0)} free, {pages.count((0, 1))} of them scavenged",
        ]
        if pages.count((1, 1)):
            facts.append(f"{pages.count((1, 1))} allocated and scavenged")
        assert chunk["printed"] == f"{' · '.join(facts)} {picture(alloc)}"
        assert chunk["alloc printed"] == f"{sum(alloc)} of 512 pages allocated {picture(alloc)}"
        assert chunk["scavenged printed"] == f"{sum(scavenged)} of 512 pages set {picture(scavenged)}"


SPAN = "mspan 0x123450000 [1 page]"
LARGE = f"{SPAN} in use · large noscan · 1 of 1 slot"

MADE_UP = {
    "sweepgen 6, heap 8": f"{LARGE} · unswept",
    "sweepgen 7, heap 8": f"{LARGE} · being swept",
    "sweepgen 8, heap 8": f"{LARGE} · swept",
    "sweepgen 9, heap 8": f"{LARGE} · cached, unswept",
    "sweepgen 11, heap 8": f"{LARGE} · cached",
    "sweepgen 10, heap 8": f"{LARGE} · sweepgen 10, the heap's is 8",
    "sweepgen -2, heap 0": f"{LARGE} · unswept",  # both wrap around at 32 bits
    "sweepgen 1, heap -2": f"{LARGE} · cached",
    "a span class that there is not": f"{SPAN} in use · no such class · 1 of 1 slot · cached",
    "user arena": f"{SPAN} in use · user arena · 1 of 1 slot · cached",
    "a state that there is not": f"{SPAN} unknown state 9",
    "stack": f"{SPAN} manual · stacks of 2,048",
    "work buffer": f"{SPAN} manual · work buffer",
    "dead": "mspan dead · kept for reuse, its fields are stale",
    "list of 1": "1 span",
    "list of 1000": "1,000 spans",
    "list of 1001": "1,000 spans or more",
    "loop": "3 spans, then a loop",
    "a link to nowhere": "3 spans, then <unreadable>",
    "a list that starts nowhere": "0 spans, then <unreadable>",
    "a list with another last": "3 spans, but last points to another span",
    "fixalloc before its time": "fixalloc not initialised",
    "fixalloc": "fixalloc of 160 B · 2 in use · free list of 2 objects · 12,345 B left in the chunk",
    "fixalloc, list to nowhere": "fixalloc of 160 B · 2 in use · free list of 0 objects, then <unreadable> · "
    "12,345 B left in the chunk",
    "mcache": "mcache 2 of 136 span classes cached · tiny block 0x123450010, 11 of 16 B used · "
    "flushGen 6, stale: the heap's sweepgen is 8",
    "mcache, flushed": "mcache 2 of 136 span classes cached · no tiny block · flushGen 8",
    "spanSet, partial 0": "spanSet 1 entry · head 0, tail 1 · spine 3 of 256 blocks",
    "spanSet, partial 1": "spanSet 1,003 entries · head 510, tail 1,513 · spine 1 of 256 blocks",
    "spanSet, full 0": "spanSet -1 entries · head 3, tail 2 · spine 3 of 256 blocks",
    "spanSet, full 1": "spanSet 0 entries · head 7, tail 7 · spine 1 of 256 blocks",
    "mcentral": "mcentral 4,096 noscan (class 89) · partial 1 swept, 1,003 unswept · full -1 swept, 0 unswept",
    "mcentral, a cycle later": "mcentral 4,096 noscan (class 89) · partial 1,003 swept, 1 unswept · "
    "full 0 swept, -1 unswept",
    "pallocData": "pallocData 14 of 512 pages allocated · 498 free, 1 of them scavenged · "
    f"1 allocated and scavenged |▄█▁{60 * ' '}▁|",
    "pallocBits": f"14 of 512 pages allocated |▄█▁{60 * ' '}▁|",
    "pageBits": f"2 of 512 pages set |▁ ▁{61 * ' '}|",
    "pallocData without padding": "pallocData 4 of 512 pages allocated · 508 free, 1 of them scavenged "
    f"|▄{63 * ' '}|",
    "gcBits": "11110000 " + 7 * "00000000 " + "(first 64, slot 0 first)",
    "gcBits in no memory": "10100000 (first 8, slot 0 first)",
    "gcBits before a hole": "<unreadable>",
    "pageCache": "pageCache 0x123450000 [64 pages] · 8 free, 2 of them scavenged",
    "pageCache, empty": "pageCache empty",
}


def test_what_no_healthy_heap_has(
    gdb: Gdb, frag: Path, go_minor: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Loops, links to nowhere, states that there are not: written into a program that has not begun."""
    lines = run_script(gdb, "made_up_values.py", tmp_path_factory, "starti", exe=frag)
    expected = dict(MADE_UP)
    if go_minor == "1.19":  # without user arenas
        del expected["user arena"]
    assert lines == expected
