"""Open a heap from types and memory: find the version and the layout, and test both."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from gdb_gospan.errors import GoSpansError, MemoryReadError, TargetError
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.model import Layout, Platform, TypeSource
from gdb_gospan.layout.platform import SMALLEST
from gdb_gospan.layout.resolve import Symbols, find_symbols, resolve
from gdb_gospan.memory import Memory, Unreadable
from gdb_gospan.memory.mappings import Module
from gdb_gospan.runtime.heap import Heap
from gdb_gospan.runtime.several import Runtime, choose

if TYPE_CHECKING:  # only a program without debug information needs it
    from gdb_gospan.runtime.stripped import Sighting

_LONGEST_VERSION = 256


@attrs.frozen(eq=False, repr=False)
class Opened:
    """A heap and the module that it was found in.

    Attributes
    ----------
    runtimes
        Every Go runtime of the process, by the address of its mheap_; one of them is the heap's.
    module
        That the heap's runtime is part of; None when nothing tells.
    elsewhere
        The modules of the other runtimes.
    source
        That knows the runtime's symbols; None for one without symbols.
    """

    heap: Heap
    runtimes: tuple[Runtime, ...]
    module: Module | None
    elsewhere: tuple[Module, ...]
    source: TypeSource | None


def open_heap(
    memory: Memory,
    sources: Iterable[TypeSource],
    platform: Platform,
    *,
    program: str,
    modules: Callable[[], Iterable[Module]] = tuple,
    runtime: str | None = None,
) -> Opened | None:
    """Resolve everything that decoding needs: from debug information, symbols or, without these, memory alone.

    Each module has variables of its own, and all that belong to a runtime are of one module and of the symbols of one file.

    Parameters
    ----------
    sources
        What the files of the program tell, each of its own symbols.
    program
        Its name, for messages and for a runtime whose file is not known.
    modules
        Where the program's variables can be.
    runtime
        Which of several to look at, as `several.choose` has it.

    Returns
    -------
    Opened or None
        None when there is no Go runtime to be found.

    Raises
    ------
    UsageError
        There is no such runtime.
    TargetError
        Too old a Go, or the executable does not belong to this memory.
    LayoutError
        A requirement that every supported release has is missing, or no bundled layout fits.
    """
    found = _found(memory, sources, platform, program, modules)
    if not found:
        return None
    if len(found) > 1:
        found = [each for each in found if each.in_service()] or found[:1]
    found.sort(key=lambda each: each.mheap)
    known = [each.runtime(measured=len(found) > 1) for each in found]
    shown = known.index(choose(known, runtime))
    heap = found[shown].heap
    module = found[shown].module
    heap.image = module.image if module else ()
    _recognise(heap, found[shown].program)
    known[shown] = attrs.evolve(
        known[shown],
        version=heap.layout.go.raw,
        in_use=_in_use(memory, heap.layout, found[shown].mheap),
        shown=True,
    )
    if heap.evidence is not None:
        others = tuple(each.mheap for each in known if not each.shown)
        heap.evidence = attrs.evolve(heap.evidence, others=others)
    elsewhere = tuple(each.module for each in found if each is not found[shown] and each.module)
    return Opened(heap, tuple(known), module, elsewhere, found[shown].source)


def _found(
    memory: Memory,
    sources: Iterable[TypeSource],
    platform: Platform,
    program: str,
    modules: Callable[[], Iterable[Module]],
) -> list[_Named | _Sighted]:
    """Return every place that may be a runtime's mheap."""
    by_address: dict[int, TypeSource] = {}
    for source in sources:
        address = source.address("runtime.mheap_")
        if address is not None:
            by_address.setdefault(address, source)
    try:
        there = list(modules())
    except TargetError:
        if not by_address:
            raise
        there = []
    found: list[_Named | _Sighted] = []
    for address, source in by_address.items():
        own = next((module for module in there if module.holds(address)), None)
        found.append(_Named(memory, platform, program, source, address, own))
    large = [each for each in there if each.size >= SMALLEST[platform.pointer_size]]
    rest = [each for each in large if each.path and not any(each.holds(known) for known in by_address)]
    sightings = list(_sighted(memory, platform, program, rest))
    if found or any(each.fits for each in sightings):
        # What no layout fits is a runtime if it says so itself: words may look like pointers to themselves by chance.
        return [*found, *(each for each in sightings if each.fits or each.stated)]
    of_no_file = _sighted(memory, platform, program, [each for each in large if not each.path])
    fitting = next((each for each in of_no_file if each.fits), None)
    if fitting is None and not sightings:
        from gdb_gospan.runtime.stripped import refuse  # noqa: PLC0415  # as in _sighted

        refuse(memory, platform, there, program)
    return [fitting] if fitting else list(sightings[:1])


def _sighted(memory: Memory, platform: Platform, program: str, modules: list[Module]) -> Iterator[_Sighted]:
    """Yield the modules that have what looks like an mheap."""
    if modules:
        from gdb_gospan.runtime.stripped import sighted  # noqa: PLC0415  # most programs have all in their symbols

        for each in sighted(memory, platform, modules):
            yield _Sighted(memory, program, each)


class _Named:
    """A runtime whose symbols are known.

    Attributes
    ----------
    program
        Name of the file that it is part of.
    """

    def __init__(
        self,
        memory: Memory,
        platform: Platform,
        program: str,
        source: TypeSource,
        mheap: int,
        module: Module | None,
    ) -> None:
        self.source = source
        self.mheap = mheap
        self.module = module
        self.program = (module and module.name) or program
        self._memory = memory
        self._platform = platform

    @cached_property
    def heap(self) -> Heap:
        """The heap with its layout resolved; `GoSpansError` if that fails."""
        symbols = find_symbols(self.source)
        go = read_version(self._memory, symbols, self._platform, self.program)
        if self.source.struct("runtime.mheap") is None:
            from gdb_gospan.runtime.stripped import from_symbols  # noqa: PLC0415  # as in _sighted

            return from_symbols(self._memory, symbols, self._platform, go, self.program)
        return Heap(self._memory, resolve(self.source, go, self._platform, source="dwarf"), symbols)

    def in_service(self) -> bool:
        """Whether it has set up its heap; the copy of mheap_ in a plugin, say, is never used.

        Raises
        ------
        TargetError
            The file does not belong to this memory.
        """
        try:
            heap = self.heap
            if not _started(heap) or not len(heap.ps):
                return False
        except GoSpansError:  # raised again for who chooses it
            return True
        _recognise(heap, self.program)
        return True

    def runtime(self, *, measured: bool) -> Runtime:
        """Describe it; `measured`: with what takes its layout."""
        layout = None
        if measured:
            with contextlib.suppress(GoSpansError):
                layout = self.heap.layout
        return Runtime(
            name=self.program,
            path=(self.module and self.module.path) or None,
            mheap=self.mheap,
            version=layout.go.raw if layout else None,
            in_use=_in_use(self._memory, layout, self.mheap) if layout else None,
        )


class _Sighted:
    """A runtime without symbols, by what is in memory; attributes as of `_Named`."""

    source = None

    def __init__(self, memory: Memory, program: str, sighting: Sighting) -> None:
        self.fits = bool(sighting.fitting)
        self.stated = sighting.stated
        self.mheap = (sighting.fitting or sighting.signatures)[0].mheap
        self.module = sighting.module
        self.program = sighting.module.name or program
        self._memory = memory
        self._sighting = sighting

    @cached_property
    def heap(self) -> Heap:
        """The heap with its variables found; `GoSpansError` if that fails."""
        return self._sighting.open(self._memory, self.program)

    def in_service(self) -> bool:
        """Whether it has set up its heap: its mheap points to itself."""
        return True

    def runtime(self, *, measured: bool) -> Runtime:
        """Describe it."""
        fitting = self._sighting.fitting
        layout = fitting[0].table.layout if fitting and measured else None
        return Runtime(
            name=self.program,
            path=self.module.path or None,
            mheap=self.mheap,
            version=self.stated,
            in_use=_in_use(self._memory, layout, self.mheap) if layout else None,
        )


def _in_use(memory: Memory, layout: Layout, mheap: int) -> int | None:
    """Return the bytes of the spans in use; None when the memory is missing."""
    field = layout["mheap"]["pagesInUse"]
    pages = memory.read(mheap + field.offset, field.size)
    if isinstance(pages, Unreadable):
        return None
    return int.from_bytes(pages, layout.platform.byteorder) * layout.platform.page_size


def read_version(memory: Memory, symbols: Symbols, platform: Platform, program: str) -> GoVersion:
    """Read runtime.buildVersion (extern.go), a string in the read-only data of the executable."""
    width = platform.pointer_size
    header = memory.read(symbols["buildVersion"], 2 * width)
    text: bytes | Unreadable = b""
    if not isinstance(header, Unreadable):
        array = int.from_bytes(header[:width], platform.byteorder)
        length = int.from_bytes(header[width:], platform.byteorder)
        if 0 < length <= _LONGEST_VERSION:
            text = memory.read(array, length)
    if isinstance(header, Unreadable) or isinstance(text, Unreadable):
        raise MemoryReadError(
            f"cannot read runtime.buildVersion of {program} (try: a complete core, or the program's own executable)"
        )
    go = parse(text.decode("utf-8", "replace"))
    if go is None:
        raise TargetError(_mismatch(program, "runtime.buildVersion is not a Go version"))
    return go


def _started(heap: Heap) -> bool:
    """Whether the runtime has set up its heap (mheap.go, mheap.init)."""
    spanalloc = heap.reader.record("fixalloc", heap.mheap.address + heap.layout.fixallocs["spanalloc"])
    return bool(spanalloc["size"] != 0 or heap.mheap.slice("allspans").length != 0)


def _recognise(heap: Heap, program: str) -> None:
    """Refuse figures when mheap_ is not where, or not what, the executable says.

    mheap.init passes &mheap_ to spanalloc and &mheap_.lock to the page
    allocator (mheap.go, mpagealloc.go): pointers to themselves that no other
    layout or address has by chance.
    """
    mheap = heap.mheap
    if not _started(heap):
        raise TargetError(
            f"the Go runtime of {program} has not set up its heap yet (try: break main.main, then continue)"
        )
    if not len(heap.ps):
        raise TargetError(
            f"{program} has not started its scheduler yet (try: break main.main, then continue)"
        )
    fixalloc = heap.reader.record("fixalloc", mheap.address + heap.layout.fixallocs["spanalloc"])
    size = heap.layout["mspan"].size
    if (
        fixalloc["size"] != size
        or fixalloc["arg"] != mheap.address
        or mheap["pages.mheapLock"] != mheap.address_of("lock")
    ):
        raise TargetError(_mismatch(program, f"runtime.mheap_ at {mheap.address:#x} is not an mheap"))


def _mismatch(program: str, evidence: str) -> str:
    return f"{program} is not the executable of this core or process: {evidence} (try: the same build; in gdb: file PATH)"
