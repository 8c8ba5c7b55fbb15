"""pages and map against the bitmaps as gdb reads them, page by page in plain Python."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tools import cores, gdbs, programs, toolchains
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Say = Callable[..., list[str]]

pytestmark = [
    pytest.mark.parametrize("go_minor", [toolchains.OLDEST, toolchains.NEWEST], scope="session"),
    pytest.mark.parametrize("gdb_label", [gdbs.system_label()], scope="session"),
]

PAGE = 8192
SCRIPT = Path(__file__).with_name("bitmaps.py")


class Page(NamedTuple):
    address: int
    allocated: bool
    scavenged: bool


@pytest.fixture(scope="session")
def core(go_minor: str) -> cores.Core:
    return cores.kernel_core(programs.build("frag", go_minor), "-objects", "20000", "-cached")


@pytest.fixture(scope="session")
def dumped(gdb: gdbs.Gdb, core: cores.Core, tmp_path_factory: pytest.TempPathFactory) -> list[list[int]]:
    """Address, allocated, scavenged and the longest run of each chunk."""
    file = tmp_path_factory.mktemp("bitmaps") / "bitmaps.json"
    commands = [f"source {SCRIPT}", f'python dump_bitmaps("{file}")']
    assert run_gdb(gdb, commands, exe=core.executable, core=core.path, plugin=False).text == ""
    rows: list[list[int]] = json.loads(file.read_text())
    return rows


@pytest.fixture(scope="session")
def bitmap(dumped: list[list[int]]) -> list[Page]:
    """Every page of the heap, ascending."""
    return [
        Page(address + page * PAGE, bool(allocated >> page & 1), bool(scavenged >> page & 1))
        for address, allocated, scavenged, _ in dumped
        for page in range(512)
    ]


@pytest.fixture(scope="module")
def pages(say: Say) -> dict[str, Any]:
    return json.loads(say("pages --limit 0 --json")[0])


def runs_of(bitmap: list[Page]) -> list[list[Page]]:
    """Walk the pages one by one and collect those that are free and side by side."""
    runs: list[list[Page]] = []
    at = -1
    for page in bitmap:
        if page.allocated:
            at = -1
        elif page.address == at:
            runs[-1].append(page)
            at = page.address + PAGE
        else:
            runs.append([page])
            at = page.address + PAGE
    return runs


def returned(pages: list[Page]) -> int:
    return PAGE * sum(page.scavenged for page in pages)


def test_free_runs(pages: dict[str, Any], bitmap: list[Page]) -> None:
    runs = runs_of(bitmap)
    assert len(runs) > 100
    free = sum(map(len, runs))
    assert len(pages["free_runs"]) == max(map(len, runs)).bit_length()
    for order, row in enumerate(pages["free_runs"]):
        alike = [run for run in runs if 2**order <= len(run) < 2 ** (order + 1)]
        shorter = sum(len(run) for run in runs if len(run) < 2**order)
        assert row == {
            "order": order,
            "min_pages": 2**order,
            "runs": len(alike),
            "bytes": PAGE * sum(map(len, alike)),
            "released_bytes": sum(map(returned, alike)),
            "unusable": pytest.approx(shorter / free, abs=1e-6),
        }


def test_the_largest_run(pages: dict[str, Any], bitmap: list[Page]) -> None:
    run = max(runs_of(bitmap), key=len)  # the first of the longest ones
    assert pages["largest_run"] == {
        "address": f"{run[0].address:#x}",
        "pages": len(run),
        "bytes": PAGE * len(run),
        "released_bytes": returned(run),
    }
    assert pages["largest_allocation"] == {"bytes": PAGE * len(run), "doubts": []}


def test_states(pages: dict[str, Any], bitmap: list[Page]) -> None:
    count = {row["state"]: row["pages"] for row in pages["states"]}
    assert all(row["bytes"] == PAGE * row["pages"] for row in pages["states"])
    assert sum(count.values()) == len(bitmap)
    bits = Counter((page.allocated, page.scavenged) for page in bitmap)
    assert count["free"] == bits[False, False]
    assert count["released"] == bits[False, True]
    assert count["padding"] == bits[True, True]
    owned = count["in use"] + count["manual"]
    assert owned + count["cached"] + count["cached and released"] == bits[True, False]
    assert count["cached"] + count["cached and released"] > 0


def test_the_spans_in_use_have_their_pages(pages: dict[str, Any], spans: list[dict[str, Any]]) -> None:
    count = {row["state"]: row["pages"] for row in pages["states"]}
    for state, names in {"in use": {"in use"}, "manual": {"stack", "work buffer"}}.items():
        assert count[state] == sum(span["npages"] for span in spans if span["state"] in names) > 0


def test_huge_pages(pages: dict[str, Any], bitmap: list[Page]) -> None:
    huge = pages["huge_pages"]
    blocks: dict[int, list[Page]] = {}
    for page in bitmap:
        blocks.setdefault(page.address // (2 << 20), []).append(page)
    assert {len(block) for block in blocks.values()} == {256}
    bounds = [(row["taken_from"], row["taken_to"]) for row in huge["blocks"]]
    assert bounds == [(0, 0), (1, 1), (2, 4), (5, 16), (17, 255), (256, 256)]
    for row, (low, high) in zip(huge["blocks"], bounds, strict=True):
        alike = [b for b in blocks.values() if low <= sum(page.allocated for page in b) <= high]
        free = [[page for page in block if not page.allocated] for block in alike]
        assert row["blocks"] == len(alike)
        assert row["free_bytes"] == PAGE * sum(map(len, free))
        assert row["released_bytes"] == sum(map(returned, free))
    assert sum(row["blocks"] for row in huge["blocks"]) == len(blocks)
    assert huge["blocked_free_bytes"] == sum(row["free_bytes"] for row in huge["blocks"][1:3])
    untouched = [b for b in blocks.values() if not any(page.allocated or page.scavenged for page in b)]
    assert huge["wholly_retained"] == len(untouched)


def test_chunks(pages: dict[str, Any], bitmap: list[Page]) -> None:
    by_chunk = [bitmap[first : first + 512] for first in range(0, len(bitmap), 512)]
    assert pages["total_rows"] == len(by_chunk)
    for row, chunk in zip(pages["chunks"], by_chunk, strict=True):
        assert row["start"] == f"{chunk[0].address:#x}"
        assert row["free"] == sum(not page.allocated and not page.scavenged for page in chunk)
        assert row["released"] == sum(not page.allocated and page.scavenged for page in chunk)
        assert row["largest_run"] == max(map(len, runs_of(chunk)), default=0)
        names = ("in_use", "manual", "free", "released", "other")
        assert sum(row[name] for name in names) == 512


def test_longest_runs_are_those_of_the_runtime(pages: dict[str, Any], dumped: list[list[int]]) -> None:
    """Each chunk's is in the leaves of the tree of summaries that the page allocator searches."""
    longest = {f"{address:#x}": most for address, _, _, most in dumped}
    assert {row["start"]: row["largest_run"] for row in pages["chunks"]} == longest
    assert len(set(longest.values())) > 3


def test_text_says_what_the_json_says(say: Say, pages: dict[str, Any]) -> None:
    text, exact = say("pages --chunks", "pages --bytes")
    run = pages["largest_run"]
    assert f"Largest free run    {run['address']} · {run['pages']:,} pages" in text
    assert f"Fits without growth {run['bytes']:,} B in one allocation" in exact
    arena = pages["current_arena"]
    assert int(arena["end"], 16) - int(arena["base"], 16) == arena["bytes"]
    if arena["bytes"]:
        assert f" reserved, from {arena['base']}" in text
    else:
        assert "no reserved space is left" in text
    assert all(row["start"] in text for row in pages["chunks"][:20])
    assert "Chunks" not in exact
    assert max(map(len, text.splitlines())) <= 100


WINDOWS = ["", "--arena 0", "--lines 3", "--lines 300", "--zoom {middle:#x}"]


@pytest.mark.parametrize("words", WINDOWS)
def test_map_cells(say: Say, bitmap: list[Page], spans: list[dict[str, Any]], words: str) -> None:
    """Every page of the window is in one cell; each span's objects lie evenly on its pages."""
    (text,) = say(f"map --json {words.format(middle=bitmap[len(bitmap) // 2].address)}")
    document = json.loads(text)
    low, high = (int(document["window"][name], 16) for name in ("base", "end"))
    inside = {page.address: page for page in bitmap if low <= page.address < high}
    objects = dict.fromkeys(inside, 0.0)
    used = dict.fromkeys(inside, "")
    for address, span in span_pages(spans):
        if address in inside:
            used[address] = span["state"]
            objects[address] = (
                span["objects"] * span["elemsize"] / span["npages"] if span["state"] == "in use" else PAGE
            )
    covered = 0
    for cell in document["cells"]:
        start = int(cell["start"], 16)
        addresses = [start + PAGE * index for index in range(cell["pages"])]
        covered += len(addresses)
        assert cell["pages"] <= document["cell_pages"]
        assert cell["in_use"] == sum(used[address] == "in use" for address in addresses)
        free = [inside[address] for address in addresses if not inside[address].allocated]
        assert cell["free"] == sum(not page.scavenged for page in free)
        assert cell["released"] == sum(page.scavenged for page in free)
        amount = sum(objects[address] for address in addresses)
        assert cell["allocated_bytes"] == pytest.approx(amount, abs=1)
        assert (cell["state"] == "in use") == (cell["in_use"] > 0)
        assert (cell["state"] in ("free", "released")) == (len(free) == cell["pages"])
        if cell["level"] is not None:
            quarter = amount / (PAGE * len(addresses)) * 4
            assert cell["level"] - 0.001 <= quarter <= cell["level"] + 1.001
    assert covered == len(inside) > 0
    gaps = sum(gap["bytes"] for gap in document["gaps"])
    assert gaps + PAGE * covered == high - low


def span_pages(spans: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    for span in spans:
        if span["state"] != "dead":
            for index in range(span["npages"]):
                yield int(span["start"], 16) + PAGE * index, span


def test_map_text(say: Say) -> None:
    text, document = say("map", "map --json")
    cells, gaps = (json.loads(document)[name] for name in ("cells", "gaps"))
    picture = [line for line in text.splitlines() if line.startswith("0x")]
    signs = "".join(line.split("  ")[1] for line in picture if "---" not in line)
    shades = "░▒▓█"
    assert len(signs) == len(cells)
    for sign, cell in zip(signs, cells, strict=True):
        assert (sign in shades) == (cell["state"] == "in use")
        if sign in shades:
            assert shades.index(sign) == cell["level"]
    for line in text.splitlines():
        if line.endswith("objects") and "█" in line:
            assert int(line.split()[1].replace(",", "")) == signs.count("█")
    assert 10 <= len(picture) <= 22
    if gaps:  # no arena happens to end with the heap
        assert gaps[-1]["reserved"]
        assert picture[-1].startswith(f"{int(gaps[-1]['start'], 16):#014x}  --- ")
        assert "reserved for the heap to grow into" in picture[-1]


def test_the_same_json_twice(gdb: gdbs.Gdb, core: cores.Core) -> None:
    commands = ["go-spans pages --json", "go-spans map --json"]
    first, second = (run_gdb(gdb, commands, exe=core.executable, core=core.path).stdout for _ in range(2))
    assert first == second
    (narrow,) = run_gdb(gdb, ["set width 50", commands[1]], exe=core.executable, core=core.path).stdout[1:]
    assert narrow == first[1]  # a picture follows the screen, data do not
