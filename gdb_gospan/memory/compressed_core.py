"""Unpack compressed cores, such as systemd-coredump keeps, to an unnamed file that can be mapped."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import elfheader
from gdb_gospan.memory.model import Tell
from gdb_gospan.memory.segments import Bytes

_BLOCK: Final = 1 << 20
_PAGE: Final = 4096
"""A page of zeros becomes a hole; the block size of file systems."""
_SPARE: Final = 64 << 20
"""Bytes kept free on the disk to which a core is unpacked."""
_BEHIND: Final = 64 << 20
"""Bytes unpacked beyond the last segment, for section headers; a core has nothing after them."""
_PACKAGES: Final = {"zstd": "zstandard", "lz4": "lz4"}
"""Packages on PyPI, for formats that Python's own library lacks."""

_Read = Callable[[int], bytes]
"""Unpacks some bytes, at most so many; none are left when it returns none. What it could unpack before the file
is cut off it returns, so not `read` of Python's own classes, which wants to return all that it is asked for."""


def unpacked(file: IO[bytes], path: Path, tell: Tell | None = None) -> IO[bytes]:
    """Return the unpacked contents of a compressed core.

    The file has no name, so it is gone when it is closed, however this process ends.
    Pages of zeros are holes. A core whose compressed file is cut off is cut off itself.

    Parameters
    ----------
    file
        Compressed with gzip, xz, bzip2, zstd or lz4.
    path
        Its name, for the user; the suffix means nothing.
    tell
        Is called for each MiB.

    Raises
    ------
    TargetError
        It is damaged, no core is inside, the package for zstd or lz4 is not
        installed, or there is no room to unpack it: in the folder that TMPDIR
        names, or else in the usual ones and beside the core.
    """
    file.seek(0)
    tool = elfheader.packer(file.read(16)) or "gzip"
    file.seek(0)
    blocks = _blocks(path, tool, _reader(path, tool, file))
    first = next(blocks, b"")
    if not first.startswith(b"\x7fELF"):
        raise TargetError(f"{path}: compressed with {tool}, but not an ELF core inside")
    wanted = _size(np.frombuffer(first, np.uint8))
    target = _Target(path, _folder(path, os.fstat(file.fileno()).st_size, wanted), wanted)
    try:
        target.add(first)
        for block in blocks:
            if tell is not None:
                tell(target.size, wanted)
            if wanted and target.size > wanted + _BEHIND:
                break
            target.add(block)
        return target.finished()
    except BaseException:  # Ctrl-C too
        target.file.close()
        raise


def _reader(path: Path, tool: str, file: IO[bytes]) -> _Read:
    """Return a reader that unpacks `file`; each library is imported only when it is needed."""
    read: _Read
    try:
        if tool == "gzip":
            import gzip  # noqa: PLC0415

            read = gzip.GzipFile(fileobj=file).read1
        elif tool == "xz":
            import lzma  # noqa: PLC0415

            read = lzma.LZMAFile(file).read1  # noqa: SIM115  # the caller closes what is to be closed
        elif tool == "bzip2":
            import bz2  # noqa: PLC0415

            read = bz2.BZ2File(file).read1
        elif tool == "zstd":
            import zstandard  # noqa: PLC0415

            # Allows `zstd --long=31`; a file may have several frames.
            unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 31)
            read = unpacker.stream_reader(file, read_across_frames=True).read
        else:
            import lz4.frame  # noqa: PLC0415

            read = lz4.frame.LZ4FrameFile(file).read1
    except ImportError:
        package = _PACKAGES.get(tool)
        install = f"; or install {package} for {sys.executable}" if package else ""
        command = elfheader.unpacking(str(path), tool)
        raise TargetError(f"{path}: the core is compressed (unpack it first: {command}{install})") from None
    return read


def _blocks(path: Path, tool: str, read: _Read) -> Iterator[bytes]:
    """Yield the contents in blocks of one size, but for the last."""
    block = bytearray()
    while True:
        try:
            piece = read(_BLOCK - len(block))
        except EOFError:  # cut off; zstandard does not even say so
            piece = b""
        except MemoryError:
            raise
        except Exception as error:  # each library has errors of its own
            raise TargetError(
                f"{path}: cannot unpack it: the {tool} data is damaged: {error or type(error).__name__}"
            ) from error
        block += piece
        if len(block) == _BLOCK or (block and not piece):
            yield bytes(block)
            block.clear()
        if not piece:
            return


def _size(start: Bytes) -> int:
    """Return how large the core is, as its program headers say; 0 if they are not at its start."""
    headers = elfheader.segments(start)[2]
    ends = [int(row["offset"]) + int(row["filesz"]) for row in headers]
    return max(ends, default=0)


def _folder(path: Path, packed: int, wanted: int) -> Path:
    """Return the first folder with room for the whole core, else the one with most.

    How much a core takes without its zeros is known only afterwards: at least about
    what it has compressed.
    """
    own = os.environ.get("TMPDIR")
    folders = [Path(own)] if own else [Path("/var/tmp"), Path(tempfile.gettempdir()), path.absolute().parent]  # noqa: S108
    usable = [folder for folder in folders if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)]
    if not usable:
        raise TargetError(f"{path}: cannot unpack it: no writable folder (try: TMPDIR=/a/folder)")
    best = next((folder for folder in usable if _free(folder) >= wanted + _SPARE), max(usable, key=_free))
    if _free(best) < packed + _SPARE:
        raise _no_room(path, best, wanted or packed)
    return best


def _free(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize


def _no_room(path: Path, folder: Path, wanted: int) -> TargetError:
    return TargetError(
        f"{path}: no room to unpack it: needs up to {wanted:,} bytes, {_free(folder):,} are free in {folder} "
        "(try: TMPDIR=/a/larger/folder)"
    )


class _Target:
    """The file without a name that a core is unpacked to."""

    def __init__(self, path: Path, folder: Path, wanted: int) -> None:
        self._path, self._folder, self._wanted = path, folder, wanted
        self._written = self._checked = self.size = 0
        try:
            self.file: IO[bytes] = tempfile.TemporaryFile(prefix="go-spans-", dir=folder)  # noqa: SIM115
        except OSError as error:
            raise TargetError(f"{path}: cannot unpack it to {folder}: {error.strerror}") from error

    def add(self, block: bytes) -> None:
        """Append a block, leaving out its pages of zeros."""
        whole = len(block) // _PAGE * _PAGE
        used = np.frombuffer(block[:whole], np.uint64).reshape(-1, _PAGE // 8).any(axis=1)
        edges = np.flatnonzero(np.diff(used, prepend=False, append=False)).tolist()
        ranges = [(_PAGE * begin, _PAGE * end) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
        try:
            for begin, end in [*ranges, (whole, len(block))]:
                self._write(block[begin:end], self.size + begin)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room(self._path, self._folder, self._wanted or self.size) from error
            raise TargetError(
                f"{self._path}: cannot unpack it to {self._folder}: {error.strerror}"
            ) from error
        self.size += len(block)

    def _write(self, data: bytes, offset: int) -> None:
        if self._written >= self._checked:
            self._checked = self._written + _SPARE // 4
            if _free(self._folder) < _SPARE // 2:  # others fill it too
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        while data:
            count = os.pwrite(self.file.fileno(), data, offset)
            data, offset = data[count:], offset + count
            self._written += count

    def finished(self) -> IO[bytes]:
        """Return the file, as long as the core is."""
        os.ftruncate(self.file.fileno(), self.size)
        return self.file
