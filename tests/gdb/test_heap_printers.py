"""Printers of the heap as a whole, its large parts, Ps and specials: beside what the reports say of the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tools import cores, programs
from tools.gdbs import run_gdb

if TYPE_CHECKING:
    from pathlib import Path

    from tools.cores import Core
    from tools.gdbs import Gdb

pytestmark = pytest.mark.ends

#: A pointer to any address, whatever gdb's language is.
AT = "python print(gdb.Value({}).cast(gdb.lookup_type('runtime.{}').pointer()){}.format_string())"


@pytest.fixture(scope="session")
def core(go_minor: str) -> Core:
    """Objects with finalizers, and stacks."""
    return cores.kernel_core(
        programs.build("corners", go_minor), "-tiny", "2000", "-finalizers", "99", "-stacks", "9"
    )


def printed(text: str) -> str:
    """Leave out the number that gdb gives to what it prints, and the fields."""
    return re.sub(r"^\$\d+ = ", "", text).partition(" = {")[0].rstrip("\n")


def test_pointers_to_what_is_too_large(gdb: Gdb, core: Core) -> None:
    """A line, of the fields alone that it needs; gdb itself refuses the struct."""
    commands = [
        "print $go_heap()",
        "print &'runtime.mheap_'.pages",
        "go-spans summary --json",
        "print *$go_heap()",
        AT.format(0, "mheap", ""),
        AT.format(16, "mheap", ""),
        "set max-value-size unlimited",
        "print *$go_heap()",
        "print $go_heap().pages",
    ]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    summary = json.loads(result.stdout[2])
    spans, pages, runtime = summary["spans"], summary["pages"], summary["runtimes"][0]
    heap, allocator, *_ = map(printed, result.stdout)
    found = re.fullmatch(
        r"(0x\w+): (mheap (\S+) span descriptors · (\S+) pages in use · (\d+) arenas? · sweepgen \d+)", heap
    )
    assert found
    assert found[1] == runtime["mheap"]
    assert [found[3], found[4]] == [f"{spans['descriptors']:,}", f"{pages['in_use']:,}"]
    assert re.fullmatch(r"0x\w+: pageAlloc \S+ pages in \d+ ranges? · none free below 0x\w+", allocator)
    assert "more than max-value-size" in result.stderr[3]
    assert result.stdout[4] == "0x0\n"
    assert printed(result.stdout[5]).startswith(
        "0x10: mheap <unreadable> span descriptors · <unreadable> pages"
    )
    assert printed(result.stdout[7]) == found[2]
    assert f"pages = {allocator.partition(': ')[2]} = {{" in result.stdout[7]
    assert printed(result.stdout[8]) == allocator.partition(": ")[2]


def test_arenas_and_the_page_allocator(gdb: Gdb, core: Core) -> None:
    """All spans in use begin in one of the arenas; the pages are those of the allocator's ranges."""
    commands = [
        "python level = gdb.parse_and_eval('$go_heap()')['arenas'][0].dereference()",
        "python arenas = [level[index] for index in range(level.type.range()[1] + 1)]",
        "python print('\\n'.join(arena.format_string() for arena in arenas if int(arena)))",
        "go-spans list --limit 0 --json",
        "print &'runtime.mheap_'.pages",
        "print 'runtime.mheap_'.pages.inUse.totalBytes",
        "print 'runtime.mheap_'.pages.searchAddr",
    ]
    result = run_gdb(gdb, commands, exe=core.executable, core=core.path)
    line = r"0x\w+: heapArena (\S+) spans? in use, (\S+) with specials · (\S+) of (\S+) pages used before"
    rows = [re.fullmatch(line, text) for text in result.stdout[2].splitlines()]
    in_use, special, used, pages = (
        [int(row[group].replace(",", "")) for row in rows] for group in (1, 2, 3, 4)
    )
    spans = json.loads(result.stdout[3])["list"]
    assert sum(in_use) == len(spans)
    assert sum(special) == sum(span["has_specials"] for span in spans) > 0
    assert all(count <= most for count, most in zip(used, pages, strict=True))
    assert sum(used) >= sum(span["npages"] for span in spans)
    size = int(result.stdout[5].split(" = ")[1])
    search = int(re.search(r"a = (\d+)", result.stdout[6])[1])
    assert f"pageAlloc {size // 8192:,} pages in " in result.stdout[4]
    assert f" · none free below {search:#x}\n" in result.stdout[4]


def test_ps(gdb: Gdb, core: Core) -> None:
    (said,) = run_gdb(gdb, ["go-spans cache --json"], exe=core.executable, core=core.path).stdout
    caches = json.loads(said)["caches"]
    asked = [f"print *'runtime.allp'.array[{row['p']}]" for row in caches]
    asked += [f"print ('runtime.allp'.array[{row['p']}]).pcache" for row in caches]
    asked += [
        f"python p = gdb.parse_and_eval(\"'runtime.allp'\")['array'][{row['p']}]; "
        "print(int(p['runqtail']) - int(p['runqhead']) + (int(p['runnext']) != 0))"
        for row in caches
    ]
    lines = run_gdb(gdb, asked, exe=core.executable, core=core.path).stdout
    count = len(caches)
    for row, line, cache, queued in zip(caches, lines, lines[count:], lines[2 * count :], strict=False):
        free = re.search(r" · (\d+) free", cache)
        goroutines, stock, pages = int(queued), row["descriptors"], int(free[1]) if free else 0
        assert printed(line) == (
            f"p {row['p']} {row['status']} · {goroutines} goroutine{'s' * (goroutines != 1)} queued · "
            f"{stock} free span descriptor{'s' * (stock != 1)} in its cache · {pages} page{'s' * (pages != 1)} in its cache"
        )
        assert f"{{id = {row['p']}, status = " in line


def test_specials(gdb: Gdb, core: Core) -> None:
    """By the kinds that show names, whatever their numbers are in this release."""
    commands = ["go-spans list --limit 0 --json"]
    (said,) = run_gdb(gdb, commands, exe=core.executable, core=core.path).stdout
    spans = [span["descriptor"] for span in json.loads(said)["list"] if span["has_specials"]]
    asked = [f"go-spans show {span} --json" for span in spans]
    shown = [json.loads(text) for text in run_gdb(gdb, asked, exe=core.executable, core=core.path).stdout]
    specials = [special for place in shown for special in place["specials"]]
    prints = [AT.format(special["address"], "special", ".dereference()") for special in specials]
    lines = run_gdb(gdb, prints, exe=core.executable, core=core.path).stdout
    assert {special["kind"] for special in specials} >= {"finalizer"}
    for special, line in zip(specials, lines, strict=True):
        assert printed(line) == f"special {special['kind']} · at byte {special['offset']:,} of its span"
        assert "next = 0x" in line


def test_front_ends_open_what_print_does_not(gdb: Gdb, core: Core) -> None:
    """Children of a variable object: those of a pointer too, one level at a time."""
    mi = [
        "-enable-pretty-printing",
        "-var-create heap * $go_heap()",
        "-var-list-children --all-values heap",
        "-var-list-children --all-values heap.pages",
        "-var-create all * 'runtime.mheap_'",
        "-var-list-children all",
        "-data-evaluate-expression $go_heap()",
    ]
    commands = ["set language c", *(f'interpreter-exec mi "{command}"' for command in mi)]
    said = run_gdb(gdb, commands, exe=core.executable, core=core.path).stdout[1:]
    assert 'type="runtime.mheap *"' in said[1] or 'type="struct runtime.mheap *"' in said[1]
    assert 'has_more="1"' in said[1]
    opened, pages, struct = (re.findall(r'exp="(\w+)"', said[at]) for at in (2, 3, 5))
    assert {"pages", "sweepgen", "allspans", "central", "spanalloc"} <= set(opened)
    assert opened == struct
    assert pages[:2] == ["summary", "chunks"]
    assert 'value="0x' in said[6]
    assert ": mheap " in said[6]
    assert "spanalloc" not in said[6]


@pytest.mark.live
def test_a_backtrace_has_bare_pointers(gdb: Gdb, frag: Path) -> None:
    if not _tells_options(gdb):
        pytest.skip("gdb 12 does not say what it prints for")
    commands = ["break runtime.(*mheap).alloc", "run -objects 100 -end exit >/dev/null", "bt 1", "info args"]
    result: Any = run_gdb(gdb, commands, exe=frag)
    assert re.search(r"\(h=0x[0-9a-f]+ <runtime.mheap_>, npages=", result.stdout[2])
    assert re.search(r"^h = 0x[0-9a-f]+: mheap ", result.stdout[3], re.MULTILINE)


def _tells_options(gdb: Gdb) -> bool:
    return int(gdb.label.split(".")[0]) >= 13
