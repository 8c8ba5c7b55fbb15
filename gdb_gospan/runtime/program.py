"""From types and memory to a heap that can be trusted: the version, the layout, and a first test of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gdb_gospan.errors import MemoryReadError, TargetError
from gdb_gospan.layout.goversion import GoVersion, parse
from gdb_gospan.layout.model import Platform, TypeSource
from gdb_gospan.layout.resolve import Symbols, find_symbols, resolve
from gdb_gospan.memory import Memory, Unreadable
from gdb_gospan.memory.places import Range
from gdb_gospan.runtime import stripped
from gdb_gospan.runtime.heap import Heap

_LONGEST_VERSION = 256


def open_heap(
    memory: Memory,
    types: TypeSource | None,
    platform: Platform,
    *,
    program: str,
    places: Callable[[], Iterable[Sequence[Range]]] = tuple,
) -> Heap | None:
    """Resolve everything that decoding needs: from debug information, else from symbols, else from memory alone.

    Parameters
    ----------
    types
        What the executable tells; None when there is none.
    places
        Where the program's variables can be (`places`); asked only when there are no symbols.

    Returns
    -------
    Heap or None
        None when there is no Go runtime to be found.

    Raises
    ------
    TargetError
        Too old a Go, or the executable does not belong to this memory.
    LayoutError
        A requirement that every supported release has is missing, or no bundled layout fits.
    """
    if types is None or types.address("runtime.mheap_") is None:
        heap = stripped.from_memory(memory, platform, places(), program=program)
    else:
        symbols = find_symbols(types)
        go = read_version(memory, symbols, platform, program)
        if types.struct("runtime.mheap") is None:
            heap = stripped.from_symbols(memory, symbols, platform, go, program)
        else:
            heap = Heap(memory, resolve(types, go, platform, source="dwarf"), symbols)
    if heap is not None:
        _recognise(heap, program)
    return heap


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
        raise TargetError(_mismatch(program, "runtime.buildVersion holds no Go version"))
    return go


def _recognise(heap: Heap, program: str) -> None:
    """Refuse figures when mheap_ is not where, or not what, the executable says.

    mheap.init passes &mheap_ to spanalloc and &mheap_.lock to the page
    allocator (mheap.go, mpagealloc.go): pointers to themselves that no other
    layout or address has by chance.
    """
    mheap = heap.mheap
    spanalloc = mheap.address + heap.layout.fixallocs["spanalloc"]
    fixalloc = heap.reader.record("fixalloc", spanalloc)
    if fixalloc["size"] == 0 and mheap.slice("allspans").length == 0:
        raise TargetError(
            f"the Go runtime of {program} has not set up its heap yet (try: break main.main, then continue)"
        )
    if not len(heap.ps):
        raise TargetError(
            f"{program} has not started its scheduler yet (try: break main.main, then continue)"
        )
    size = heap.layout["mspan"].size
    if (
        fixalloc["size"] != size
        or fixalloc["arg"] != mheap.address
        or mheap["pages.mheapLock"] != mheap.address_of("lock")
    ):
        raise TargetError(_mismatch(program, f"runtime.mheap_ at {mheap.address:#x} is not an mheap"))


def _mismatch(program: str, evidence: str) -> str:
    return f"{program} is not the executable of this core or process: {evidence} (try: the very same build; in gdb: file PATH)"
