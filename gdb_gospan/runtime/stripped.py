"""A heap without debug information: the layout from the bundled tables, told apart by what is in memory.

Which table fits is never taken from the version alone: vendors, experiments and releases to come may differ. It is the
signature of mheap that decides, and the spans that hang from it that confirm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from gdb_gospan.errors import LayoutError, MemoryReadError
from gdb_gospan.layout import anchors, bundled, choice, sizeclasses, variables
from gdb_gospan.layout.buildinfo import find_version
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.model import Platform
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.layout.signature import Recognised, Signature, examine
from gdb_gospan.layout.words import Words
from gdb_gospan.memory import Memory
from gdb_gospan.memory.places import Range
from gdb_gospan.runtime.heap import Heap

_NEEDED: Final = ("allp", "gcController")

_ENOUGH: Final = 0.98
"""Of the spans must look like spans; in a live stop a few may just be changing."""


def from_symbols(
    memory: Memory, symbols: Symbols, platform: Platform, version: GoVersion, program: str
) -> Heap:
    """Open the heap of a program with a symbol table but without debug information (-ldflags=-w).

    Raises
    ------
    LayoutError
        No bundled layout is that of this program.
    """
    tables = choice.tables(version, platform, source="symbols")
    signatures = [examine(memory, symbols["mheap_"], table) for table in tables]
    fitting = [signature for signature in signatures if signature.holds]
    if not fitting:
        raise LayoutError(_no_layout(program, version.raw, platform, signatures))
    return _open(memory, fitting, signatures, symbols, version.raw)


def from_memory(
    memory: Memory, platform: Platform, groups: Iterable[Sequence[Range]], *, program: str
) -> Heap | None:
    """Open the heap of a program without symbols; None when there is no Go runtime.

    Parameters
    ----------
    groups
        Where to look: see `places`.

    Raises
    ------
    TargetError
        Too old a Go.
    LayoutError
        It is Go, but no bundled layout is that of this program.
    MemoryReadError
        So much is missing that the rest of the runtime cannot be found from mheap.
    """
    stated, failed = None, []
    for ranges in groups:
        words = Words.read(memory, ranges, platform)
        here = find_version(memory, words)
        stated = stated or here
        version = parse(here) if here else None
        signatures = anchors.find_mheaps(memory, words, choice.tables(version, platform, source="none"))
        fitting = [signature for signature in signatures if signature.holds]
        if fitting:
            found = variables.find_variables(memory, words, fitting[0])
            _complain(found, program)
            return _open(memory, fitting, signatures, Symbols(found), here)
        failed += signatures
    if stated is None and not failed:
        return None
    raise LayoutError(_no_layout(program, stated, platform, failed))


def _complain(found: Mapping[str, int], program: str) -> None:
    """Refuse figures without the variables that everything needs: they are told by what memory they lead to."""
    lacking = [name for name in _NEEDED if name not in found]
    if lacking:
        raise MemoryReadError(
            f"runtime.{' and runtime.'.join(lacking)} of {program} cannot be found without symbols: memory that leads "
            "there is missing, or it is a changed runtime (try: a complete core, or the same build, not stripped)"
        )


def _open(
    memory: Memory,
    fitting: Sequence[Signature],
    all_: Sequence[Signature],
    symbols: Symbols,
    stated: str | None,
) -> Heap:
    """Make the heap of the first signature that fits, and put it to the test."""
    chosen = fitting[0]
    here = [signature for signature in fitting if signature.mheap == chosen.mheap]
    recognised = Recognised(
        signature=chosen,
        also=tuple(signature.table.release for signature in here[1:]),
        refused=tuple(
            signature for signature in all_ if signature.mheap == chosen.mheap and not signature.holds
        ),
        others=tuple(dict.fromkeys(s.mheap for s in fitting if s.mheap != chosen.mheap)),
        stated=stated,
    )
    layout = choice.labelled(here, stated)
    heap = Heap(memory, layout, symbols, recognised)
    _confirm(heap)
    return heap


def _confirm(heap: Heap) -> None:
    """Refuse figures when what hangs from mheap does not look like spans: the fields of mspan are not in the signature."""
    spans = heap.spans
    live = spans.records.readable & (spans.in_use | spans.manual)
    if not live.any():
        return  # nothing to be wrong about; the identities say what is missing
    start, size = spans.start[live], np.uint64(spans.page_size)
    small = live & spans.in_use & (spans.records["spanclass"] > 1)
    sizes = np.array(sizeclasses.SIZES, np.int64)
    classes = spans.records["spanclass"][small] // 2
    known = classes < len(sizes)
    tests = {
        "states of spans": (spans.state[spans.records.readable] <= 2),
        "first addresses of spans": start % size == 0,
        "sizes of objects": known
        & (sizes[np.minimum(classes, len(sizes) - 1)] == spans.records["elemsize"][small]),
        "counts of objects": spans.records["allocCount"][small] <= spans.records["nelems"][small],
    }
    failed = [name for name, holds in tests.items() if len(holds) and holds.mean() < _ENOUGH]
    if failed:
        raise LayoutError(
            f"the bundled layout of Go {'.'.join(map(str, _release(heap)))} does not fit this program: "
            f"{' and '.join(failed)} make no sense (an experiment or a changed runtime? try: the executable with "
            "its debug information)"
        )


def _release(heap: Heap) -> tuple[int, int]:
    return heap.evidence.signature.table.release if heap.evidence else heap.layout.go.release


def _no_layout(program: str, stated: str | None, platform: Platform, signatures: Sequence[Signature]) -> str:
    """Say that it is Go, and why it cannot be read."""
    of = f"{program} is a Go program ({stated or 'version unknown'}, {platform.arch}) without debug information"
    advice = "(try: the executable of the same build, not stripped)"
    if platform.arch not in bundled.ARCHES:
        return f"{of}, and layouts are bundled for {' '.join(bundled.ARCHES)} only {advice}"
    if not signatures:
        return f"{of}, and its runtime.mheap_ was not found: incomplete memory, or a changed runtime {advice}"
    best = max(signatures, key=lambda signature: len(signature.evidence) - len(signature.failed))
    what = ", ".join(piece.what for piece in best.failed[:3])
    release = ".".join(map(str, best.table.release))
    return (
        f"{of}, and no bundled layout fits its runtime.mheap_: the nearest, of Go {release}, has {best.told()} pieces of "
        f"evidence and fails {what} {advice}"
    )
