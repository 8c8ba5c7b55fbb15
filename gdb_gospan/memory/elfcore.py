"""An ELF core as memory: the file is mapped, and only what is read is copied."""

import mmap
import os
import stat
import threading
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import elfheader
from gdb_gospan.memory.cost import on_disk
from gdb_gospan.memory.mappings import Mapping
from gdb_gospan.memory.model import NOT_IN_CORE, Memory, Rows, Tell, Unreadable, out_of_range
from gdb_gospan.memory.segments import I64, U64, Segments, disjoint, overlaps
from gdb_gospan.memory.wellformed import refuse_ill_formed

_RESIDENT = 16 << 20
"""Bytes of the file that stay mapped into our memory, about."""
_PAGE_SHIFT = 12
_SMALLEST_HEADER = 32
"""Bytes of a program header where words have 32 bits."""


@attrs.frozen(eq=False, repr=False)
class _Loads:
    """The memory that the process had, sorted by address, whether or not the core has it.

    Attributes
    ----------
    start, size
        uint64: the mapping.
    filesz
        uint64: how much of it the core had when it was complete.
    writable, executable
        bool: the process could write there, or have its code there.
    """

    start: U64
    size: U64
    filesz: U64
    writable: npt.NDArray[np.bool_]
    executable: npt.NDArray[np.bool_]


@attrs.frozen(eq=False, repr=False)
class Load:
    """A segment: its address, its size, and how many of its bytes a complete core has."""

    start: int
    size: int
    filesz: int


class CoreFile:
    """The memory of a process at the time of its death.

    Bytes that the core does not have are asked of `fallback`: a core leaves out
    program text, which a debugger has from the executable. Never asked for is
    memory that the process could write, or could not read: the executable has
    only its initial values, and gdb (13.1 and 18.1 alike) answers with zeros of
    its own for a segment without contents. Such memory is unknown.

    The file is measured once, when it is opened, and nothing behind its end is
    touched; a file that is cut shorter or rewritten later kills the reader (SIGBUS).

    Parameters
    ----------
    path
        An ELF core of either class and byte order, compressed or not.
    fallback
        Memory of the same process.
    tell
        Is told how far the unpacking of a compressed one is.

    Attributes
    ----------
    segments
        Ranges of address space that the core has the contents of.
    headers
        What the file says about its contents.
    truncated
        Bytes that are missing at the end of the file; 0 if it is complete.
    bits, byteorder, machine
        As in `elfheader.ProgramHeaders`.

    Raises
    ------
    TargetError
        The file cannot be opened or unpacked, is no ELF core, or one whose segments cannot be those of a process.
    """

    kind = "core"
    at_hand = True

    def __init__(
        self, path: str | os.PathLike[str], fallback: Memory | None = None, tell: Tell | None = None
    ) -> None:
        self.path, name = path, os.fspath(path)
        self.fallback = fallback
        self.reads = 0
        self.bytes_read = 0
        self._file, stored = _map(name, tell)
        self._resident = 0
        flat = np.empty(0, np.uint8) if self._file is None else np.frombuffer(self._file, np.uint8)
        most = max(elfheader.MOST_HEADERS, stored // _SMALLEST_HEADER)
        self.headers = headers = elfheader.decode(flat, name, most)
        refuse_ill_formed(headers, name)
        self.bits = headers.bits
        self.byteorder = headers.byteorder
        self.machine = headers.machine
        self.file_size = len(flat)

        there = (headers.type == elfheader.PT_LOAD) | (headers.type == elfheader.PT_NOTE)
        ends = headers.offset[there] + headers.filesz[there]
        self.truncated = max(int(ends.max(initial=0)) - self.file_size, 0)

        load = headers.type == elfheader.PT_LOAD
        address, filesz, offset = headers.address[load], headers.filesz[load], headers.offset[load]
        present = np.minimum(filesz, self.file_size - np.minimum(offset, self.file_size))
        self.segments = Segments(flat, *disjoint(address, present, offset))
        memsz = np.maximum(headers.memsz[load], filesz)
        order = np.argsort(address, kind="stable")
        writable = (headers.flags[load] & elfheader.PF_W) != 0
        executable = (headers.flags[load] & elfheader.PF_X) != 0
        self._loads = _Loads(address[order], memsz[order], filesz[order], writable[order], executable[order])
        variable = (headers.flags[load] & (elfheader.PF_R | elfheader.PF_W)) != elfheader.PF_R
        start, size, _ = disjoint(address[variable], memsz[variable], address[variable])
        self._unknown = start, size

    def writable(self) -> Iterator[Load]:
        """Yield each writable segment."""
        loads = self._loads
        for row in np.flatnonzero(loads.writable).tolist():
            yield Load(int(loads.start[row]), int(loads.size[row]), int(loads.filesz[row]))

    def code(self, files: Sequence[tuple[int, int, str, int]]) -> list[Mapping]:
        """Return the mappings of files that have code, whole, whether or not the core has their contents.

        Parameters
        ----------
        files
            As for `mappings`.
        """
        loads = self._loads
        starts = {*loads.start[loads.executable].tolist()}
        return [
            Mapping(start, end - start, writable=False, path=path, executable=True, offset=offset)
            for start, end, path, offset in files
            if start in starts and start < end
        ]

    def mappings(self, files: Sequence[tuple[int, int, str, int]]) -> list[Mapping]:
        """Return the mappings that the core has contents of.

        Parameters
        ----------
        files
            Start, end, path and offset of each mapping of a file, as the notes have them.
        """
        paths = {start: path for start, _end, path, _offset in files}
        loads = self._loads
        rows = zip(loads.start.tolist(), loads.filesz.tolist(), loads.writable.tolist(), strict=True)
        return [Mapping(start, size, writable, paths.get(start, "")) for start, size, writable in rows]

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        if (answer := out_of_range(address, size)) is not None:
            return answer
        self.reads += 1
        data = self.segments.prefix(address, size)
        self.bytes_read += len(data)
        self._resident += len(data)
        if len(data) == size:
            return data
        pieces, at, end = [data], address + len(data), address + size
        while at < end:
            data = self.segments.prefix(at, end - at)
            self.bytes_read += len(data)
            if not data:
                below = self._below(at, end)
                if isinstance(below, Unreadable):
                    return below
                data = below
            pieces.append(data)
            at += len(data)
        return b"".join(pieces)

    def _forget(self, offset: I64, size: int) -> None:
        """Unmap what was read now and then: it stays in the system's page cache, and is not counted as our memory.

        A record touches a page of its own, unless the one before it is on that page.
        """
        pages = np.count_nonzero(np.diff(offset >> _PAGE_SHIFT)) + 1
        self._resident += max(int(pages) << _PAGE_SHIFT, len(offset) * size)
        if self._file is not None and self._resident > _RESIDENT:
            self._resident = 0
            self._file.madvise(mmap.MADV_DONTNEED)

    @property
    def _fallback_here(self) -> Memory | None:
        """What lies below, if it may be asked here: a debugger's memory only by the thread that the debugger runs in."""
        below = self.fallback
        alone = below is None or below.at_hand or threading.current_thread() is threading.main_thread()
        return below if alone else None

    def _below(self, at: int, end: int) -> bytes | Unreadable:
        """Ask the fallback for the bytes from `at` to `end`, or to the next that are not its business."""
        stops = [end]
        for start, size in ((self.segments.start, self.segments.size), self._unknown):
            i = int(np.searchsorted(start, np.uint64(at), side="right"))
            if i and at - int(start[i - 1]) < int(size[i - 1]):
                return Unreadable(at, end - at, self._reason(at))  # variable: see the class
            stops.extend(start[i : i + 1].tolist())
        below = self._fallback_here
        if below is None:
            return Unreadable(at, end - at, self._reason(at))
        data = below.read(at, min(stops) - at)
        if isinstance(data, Unreadable):
            return Unreadable(data.address, end - data.address, self._reason(data.address))
        return data

    def _reason(self, address: int) -> str:
        """Return why the core has nothing at `address`."""
        i = int(np.searchsorted(self._loads.start, np.uint64(address), side="right")) - 1
        into = address - int(self._loads.start[i]) if i >= 0 else 0
        if i < 0 or into >= int(self._loads.size[i]):
            return NOT_IN_CORE
        if into < int(self._loads.filesz[i]):
            whole = self.file_size + self.truncated
            return f"not in the core, which is cut off at byte {self.file_size:,} of {whole:,}"
        return "the core has no contents for this page"

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        self.reads += 1
        if size == 0:
            return Rows(np.zeros((len(addresses), 0), np.uint8), np.ones(len(addresses), np.bool_))
        offset, readable = self.segments.locate(addresses, size)
        self.bytes_read += int(readable.sum()) * size
        if readable.all():
            data = self.segments.gather(offset, size)
            self._forget(offset, size)
            return Rows(data, readable)
        data = np.zeros((len(addresses), size), np.uint8)
        data[readable] = self.segments.gather(offset[readable], size)
        self._forget(offset[readable], size)
        rest = np.flatnonzero(~readable)
        mixed = overlaps(self.segments.start, self.segments.size, addresses[rest], size)
        below = self._fallback_here
        if below is not None:
            asked = rest[~mixed & ~overlaps(*self._unknown, addresses[rest], size)]
            found = below.read_many(addresses[asked], size)
            data[asked], readable[asked] = found.data, found.readable
        # What is left lies across the edge of a range: few distinct addresses.
        distinct, which = np.unique(addresses[rest[mixed]], return_inverse=True)
        for i, address in enumerate(distinct.tolist()):
            got = self.read(address, size)
            if not isinstance(got, Unreadable):
                same = rest[mixed][which == i]
                data[same], readable[same] = np.frombuffer(got, np.uint8), True
        return Rows(data, readable)


def _map(path: str, tell: Tell | None) -> tuple[mmap.mmap | None, int]:
    """Map a regular file, read-only, or what it has compressed; None if it is empty. Return its bytes on disk as well."""
    try:
        # Without O_NONBLOCK the opening of a named pipe would wait for a writer.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise TargetError(f"{path}: {_why(error)}") from error
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise TargetError(f"{path}: not a core: not a regular file")
        if status.st_size == 0:
            return None, 0
        if elfheader.packer(os.pread(file, 16, 0)):
            from pathlib import Path  # noqa: PLC0415  # few cores are

            from gdb_gospan.memory.compressed_core import unpacked  # noqa: PLC0415

            with open(file, "rb", closefd=False) as source, unpacked(source, Path(path), tell) as contents:
                return mmap.mmap(contents.fileno(), 0, access=mmap.ACCESS_READ), on_disk(contents.fileno())
        return mmap.mmap(file, status.st_size, access=mmap.ACCESS_READ), on_disk(file)
    except OSError as error:
        raise TargetError(f"{path}: cannot map it into memory: {_why(error)}") from error
    finally:
        os.close(file)


def _why(error: OSError) -> str:
    hint = (
        " (a core belongs to the user of its process; try: sudo)"
        if isinstance(error, PermissionError)
        else ""
    )
    return f"{(error.strerror or str(error)).lower()}{hint}"
