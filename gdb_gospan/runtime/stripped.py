"""Open a heap without debug information: choose the bundled layout that fits memory.

The version alone never decides which table fits: vendors, experiments and future releases may differ. The
signature of mheap decides, and the spans that it points to confirm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs
import numpy as np

from gdb_gospan.errors import LayoutError, MemoryReadError
from gdb_gospan.layout import anchors, bundled, choice, sizeclasses, variables
from gdb_gospan.layout.buildinfo import find_version
from gdb_gospan.layout.bundled import Bundled
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.model import Platform
from gdb_gospan.layout.resolve import Symbols
from gdb_gospan.layout.signature import Recognised, Signature, examine
from gdb_gospan.layout.word_image import Words
from gdb_gospan.memory import Memory
from gdb_gospan.memory.mappings import Module, around
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
    told = choice.tell_apart(memory, fitting, lambda _: symbols.addresses)
    if not told.fitting:
        raise LayoutError(_no_layout(program, version.raw, platform, told.refused))
    refused = [*told.refused, *(signature for signature in signatures if not signature.holds)]
    return _open(memory, told.fitting, refused, symbols, version.raw)


@attrs.frozen(eq=False)
class Sighting:
    """A module without symbols that has what looks like an mheap.

    Attributes
    ----------
    words
        The module's writable image.
    signatures
        Of every bundled layout at every such place; that of the stated release first.
    stated
        The Go version as the module has it; None when it was not found.
    """

    module: Module
    words: Words
    signatures: tuple[Signature, ...]
    stated: str | None

    @property
    def fitting(self) -> list[Signature]:
        """The signatures that hold."""
        return [signature for signature in self.signatures if signature.holds]

    def open(self, memory: Memory, program: str) -> Heap:
        """Find the other variables in the same module, and open the heap.

        Raises
        ------
        TargetError
            Too old a Go.
        LayoutError
            No bundled layout is that of this module.
        MemoryReadError
            So much is missing that the rest of the runtime cannot be found from mheap.
        """
        choice.refuse_old(parse(self.stated) if self.stated else None)
        platform = self.signatures[0].table.layout.platform
        if not self.fitting:
            raise LayoutError(_no_layout(program, self.stated, platform, self.signatures))
        mheap = self.fitting[0].mheap
        here = [signature for signature in self.signatures if signature.mheap == mheap]
        told = choice.tell_apart(
            memory,
            [signature for signature in here if signature.holds],
            lambda each: variables.find_variables(memory, self.words, each),
        )
        _complain(told.addresses, program)
        if not told.fitting:
            raise LayoutError(_no_layout(program, self.stated, platform, told.refused))
        refused = [*told.refused, *(signature for signature in here if not signature.holds)]
        return _open(memory, told.fitting, refused, Symbols(dict(told.addresses)), self.stated)


def sighted(memory: Memory, platform: Platform, modules: Iterable[Module]) -> Iterator[Sighting]:
    """Yield the modules that have what looks like an mheap by any of the bundled layouts."""
    tables: list[Bundled] = []
    for module in modules:
        if module.size < anchors.SMALLEST[platform.pointer_size]:
            continue
        tables = tables or choice.tables(None, platform, source="none")
        words = Words.read(memory, module.image, platform)
        signatures = anchors.find_mheaps(memory, words, tables)
        if signatures:
            stated = find_version(memory, words)
            yield Sighting(module, words, tuple(choice.likeliest(signatures, stated)), stated)


def refuse(memory: Memory, platform: Platform, modules: Iterable[Module], program: str) -> None:
    """Raise an error if these modules without an mheap are of a Go program; otherwise do nothing.

    Raises
    ------
    TargetError
        Too old a Go.
    LayoutError
        Its mheap was not found.
    """
    for module in modules:
        stated = find_version(memory, Words.read(memory, module.image, platform))
        if stated is not None:
            choice.refuse_old(parse(stated))
            raise LayoutError(_no_layout(program, stated, platform, ()))


def find_again(
    memory: Memory,
    heap: Heap,
    module: Module,
    near: Sequence[int],
    program: str,
    steady: Mapping[str, int] = MappingProxyType({}),
) -> Symbols:
    """Find the variables of a heap without symbols again: they are recognised by contents, which may have changed.

    Parameters
    ----------
    near
        Addresses to search near; without any, the whole module is searched.
    steady
        Variables that never move, with their addresses: these are not searched for.

    Raises
    ------
    GoSpansError
        The mheap that was recognised is none any more, or something else that is needed was not found.
    """
    if heap.evidence is None:
        return heap.symbols
    signature = examine(memory, heap.symbols["mheap_"], heap.evidence.signature.table)
    if not signature.holds:
        raise LayoutError(f"runtime.mheap_ of {program} is no longer at {signature.mheap:#x} (try: again)")
    ranges = around(module.image, near) if near else module.image
    words = Words.read(memory, ranges, heap.layout.platform)
    found = variables.find_variables(memory, words, signature, steady)
    _complain(found, program)
    return Symbols(found)


def _complain(found: Mapping[str, int], program: str) -> None:
    """Refuse figures without the variables that everything needs: they are recognised by the memory that they point to."""
    lacking = [name for name in _NEEDED if name not in found]
    if lacking:
        raise MemoryReadError(
            f"runtime.{' and runtime.'.join(lacking)} of {program} cannot be found without symbols: memory is "
            "missing, or the runtime is modified (try: a complete core, or the same build, not stripped)"
        )


def _open(
    memory: Memory,
    fitting: Sequence[Signature],
    refused: Sequence[Signature],
    symbols: Symbols,
    stated: str | None,
) -> Heap:
    """Make the heap of the first signature that fits, and put it to the test."""
    recognised = Recognised(
        signature=fitting[0],
        also=tuple(signature.table.release for signature in fitting[1:]),
        refused=tuple(refused),
        stated=stated,
    )
    layout = choice.labelled(fitting, stated)
    heap = Heap(memory, layout, symbols, recognised)
    _confirm(heap)
    return heap


def _confirm(heap: Heap) -> None:
    """Refuse figures if mheap does not lead to plausible spans: mspan's fields are not part of the signature."""
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
            f"{' and '.join(failed)} are implausible (a Go experiment or a modified "
            "runtime? try: the executable with its debug information)"
        )


def _release(heap: Heap) -> bundled.Release:
    return heap.evidence.signature.table.release if heap.evidence else heap.layout.go.release


def _no_layout(program: str, stated: str | None, platform: Platform, signatures: Sequence[Signature]) -> str:
    """Say that it is Go, and why it cannot be read."""
    of = f"{program} is a Go program ({stated or 'version unknown'}, {platform.arch}) without debug information"
    advice = "(try: the executable of the same build, not stripped)"
    if platform.arch not in bundled.ARCHES:
        return f"{of}, and layouts are bundled only for {' '.join(bundled.ARCHES)} {advice}"
    if not signatures:
        return (
            f"{of}, and its runtime.mheap_ was not found: incomplete memory, or a modified runtime {advice}"
        )
    best = max(signatures, key=lambda signature: len(signature.evidence) - len(signature.failed))
    what = ", ".join(piece.what for piece in best.failed[:3])
    release = ".".join(map(str, best.table.release))
    return (
        f"{of}, and no bundled layout fits its runtime: in the closest, of Go {release}, "
        f"{best.score()} layout checks passed; failed: {what} {advice}"
    )
