"""The rules of evidence against the runtime's source: whoever moves what an identity counts is of its family, in every release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.analysis import rules
from gdb_gospan.analysis.rules import Family
from tools import toolchains

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A line that moves something, and the families of what it moves.
MOVES: tuple[tuple[str, tuple[Family, ...]], ...] = (
    (r"gcController\.heapInUse\.add|pagesInUse\.Add|Xadd\w*\(&mheap_\.pagesInUse", ("in use", "pages")),
    (r"Xaddint64\(&stats\.inHeap", ("in use", "pages")),
    (r"gcController\.(heapFree|heapReleased)\.add", ("pages",)),
    (r"Xaddint64\(&stats\.(inStacks|inWorkBufs|inPtrScalarBits|committed|released)", ("pages",)),
    (r"mappedReady\.Add|heapReleased\.add|\w*[sS]tat\.add\(|_sys\.add\(|sysStat\.add", ("mapped",)),
    (r"state\.set\(mSpan(InUse|Dead)\)", ("in use",)),
    (r"h\.pages\.(alloc|free|grow)\(|pages\.inUse\.add", ("pages",)),
    (r"\.totalBytes (\+|-)= ", ("ranges",)),
    (r"Xadd\w*\(&stats\.(small|large|tiny)\w+", ("objects",)),
    (r"\.allocCount(\+\+|--| = | \+= )", ("slots",)),
    (r"\bs\.(freeindex|allocBits|gcmarkBits) = |span\.freeindex = ", ("slots",)),
    (r"pageInUse\[|\.setSpans?\(", ("map",)),
    (r"h\.allspans = |\.mspancache\.(len--|len\+\+|len = )|spanalloc\.(alloc|free)\(", ("descriptors",)),
    (r"cachealloc\.(alloc|free)\(", ("mcaches",)),
    (r"(partialSwept|partialUnswept|fullSwept|fullUnswept)\(.*\)\.(push|pop)", ("lists",)),
    (r"\bsweepgen \+= |numgc(\+\+|\.Add)", ("cycle",)),
    (r"\.manualFreeList = ", ("manual lists",)),
    (r"\bs\.(nelems|elemsize|limit|spanclass) = ", ("elements",)),
    (r"sched\.(mnext|nmfreed)\+\+|sched\.freem = |\*pprev = |atomicstorep\(unsafe\.Pointer\(&allm\)", ("scheduler",)),
    (r"\.procid = |\.gsignal = |mp\.g0 = |\ballgs = append|\bgoid = |\bstack(alloc|free)\(", ("scheduler",)),
    (r"\b\w+\.stack = |\.stack\.(lo|hi) = ", ("scheduler",)),
)  # fmt: skip

#: Spans that no identity of the family is about: stacks are manual, and what is swept or large has its own.
OTHERS = {
    "slots": ("stackpoolalloc", "stackpoolfree"),
    "in use": ("(*mspan).init",),  # of a descriptor that nothing names yet
    "elements": ("stackpoolalloc", "stackalloc", "(*mcache).allocLarge", "(*sweepLocked).sweep"),
    # Copies of a stack's bounds; and stacks that are the operating system's.
    "scheduler": (
        "scanstack",
        "mProfStackInit",
        "traceAdvance",
        "mstart0",
        "callbackUpdateSystemStack",
        "cgocallbackg",
    ),
}

#: Files of other systems, and of tests.
ELSEWHERE = re.compile(
    r"_(test|windows|darwin|plan9|aix|solaris|wasm|wasip1|js|freebsd|netbsd|openbsd|dragonfly|bsd|sbrk)\b"
)


def lines(source: Path) -> Iterator[tuple[str, str]]:
    """Each line of code in a function, with the function's name as a debugger has it."""
    name = ""
    for line in source.read_text(encoding="utf-8").splitlines():
        head = re.match(r"func (?:\((?:\w+ )?(\*?)(\w+)\) )?(\w+)", line)
        if head:
            star, receiver, function = head.groups()
            owner = f"(*{receiver})." if star else f"{receiver}." if receiver else ""
            name = f"runtime.{owner}{function}"
        elif line.startswith("}"):
            name = ""
        elif name:
            yield name, line.partition("//")[0]


def movers(goroot: Path) -> Iterator[tuple[Family, str]]:
    for source in sorted((goroot / "src" / "runtime").glob("*.go")):
        if not ELSEWHERE.search(source.stem):
            for name, code in lines(source):
                for pattern, families in MOVES:
                    if re.search(pattern, code):
                        yield from ((family, name) for family in families)


@pytest.fixture(scope="module")
def found(go_minor: str) -> set[tuple[Family, str]]:
    return set(movers(toolchains.ensure(go_minor).goroot))


def test_the_source_is_understood(found: set[tuple[Family, str]]) -> None:
    assert {family for family, _ in found} == {family for _, families in MOVES for family in families}
    assert {("pages", "runtime.(*mheap).freeSpanLocked"), ("slots", "runtime.nextFreeFast")} <= found
    assert ("objects", "runtime.(*sweepLocked).sweep") in found


def test_whoever_moves_it_is_of_the_family(found: set[tuple[Family, str]]) -> None:
    strangers = [
        (family, name)
        for family, name in sorted(found)
        if not rules.matches(name, (*rules.FAMILIES[family], *OTHERS.get(family, ())))
    ]
    assert strangers == []


@pytest.mark.since("1.20")
def test_user_arenas_move_objects(found: set[tuple[Family, str]]) -> None:
    movers = {name for family, name in found if family == "objects"}
    assert {"runtime.(*mspan).setUserArenaChunkToFault", "runtime.(*mheap).allocUserArenaChunk"} & movers
