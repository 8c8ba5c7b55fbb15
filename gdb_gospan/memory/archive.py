"""Read a snapshot file, an archive of numpy arrays, without trusting the sizes that it claims.

A deflated member may unpack to a thousand times its bytes. What it may have is known before any of it is read: how many
elements from the other members, how much text from `_TEXT`; ranges are checked while they are unpacked.
"""

from __future__ import annotations

import os
import warnings
import zipfile
from contextlib import closing
from typing import IO, Any, Final

import numpy as np

from gdb_gospan.memory.cost import allowance
from gdb_gospan.memory.jsontext import parsed
from gdb_gospan.memory.segments import U64, Bytes

_FEW: Final = 64
"""Members that an archive may have; ours has seven."""
_DIRECTORY: Final = 1 << 16
"""Bytes of the list of them."""
_END: Final = b"PK\5\6"
_END64: Final = b"PK\6\7"
_END_SIZE, _LOCATOR_SIZE, _END64_SIZE = 22, 20, 56
"""Of the records at the end of an archive (APPNOTE.TXT, 4.3.14 to 4.3.16)."""
_TEXT: Final = 16 << 20
"""Bytes of JSON that a member may have, besides three times its packed ones: 10,000 threads with their stacks take half."""
_PIECE: Final = 1 << 20


class Archive:
    """An open file.

    Raises
    ------
    ValueError, zipfile.BadZipFile, zlib.error, EOFError
        The file was not written by `image.write`, or is damaged; raised by every method.
    """

    def __init__(self, file: IO[bytes]) -> None:
        if os.fstat(file.fileno()).st_size > allowance(file.fileno()):
            raise ValueError("holes")  # of a file system; what is packed has none
        _refuse_long_directory(file)
        self._zip = zipfile.ZipFile(file)

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def stored(self, name: str) -> bool:
        """Whether a member is stored uncompressed."""
        return self._zip.getinfo(f"{name}.npy").compress_type == zipfile.ZIP_STORED

    def packed_size(self, name: str) -> int:
        """Return how many bytes of the file a member takes."""
        return self._zip.getinfo(f"{name}.npy").compress_size

    def number(self, name: str) -> int:
        """Return a member that is one number."""
        with closing(_Member(self._zip, name)) as member:
            if member.shape != () or member.dtype.kind not in "iu":
                raise ValueError(name)
            return int(np.frombuffer(member.read(member.dtype.itemsize), member.dtype)[0])

    def bytes_of(self, name: str, most: int) -> Bytes:
        """Return a member that is a column of bytes, at most so many."""
        return self._column(name, np.dtype(np.uint8), most)

    def numbers(self, name: str, count: int) -> U64:
        """Return a member that is a column of uint64, exactly so many."""
        column: U64 = self._column(name, np.dtype(np.uint64), count)
        if len(column) != count:
            raise ValueError(name)
        return column

    def ascending(self, name: str) -> U64:
        """Return a member that is a column of uint64, each larger than the one before; refused at the first that is not.

        Such a column does not pack to less than a tenth: memory is taken for what is there.
        """
        with closing(_Member(self._zip, name)) as member:
            count = member.length(np.dtype(np.uint64))
            pieces, last, left = [np.empty(0, np.uint64)], -1, count
            while left:
                size = min(left, _PIECE // 8)
                piece = np.frombuffer(member.read(8 * size), np.uint64)
                if int(piece[0]) <= last or not (piece[1:] > piece[:-1]).all():
                    raise ValueError("ranges")
                pieces.append(piece)
                last, left = int(piece[-1]), left - size
        return np.concatenate(pieces)

    def json(self, name: str) -> Any:
        """Return a member that is JSON."""
        packed = self.packed_size(name)
        with closing(_Member(self._zip, name)) as member:
            size = member.length(np.dtype(np.uint8))
            if size > _TEXT + 3 * packed:
                raise ValueError(name)
            text = member.read(size)
        return parsed(text, packed)

    def _column(self, name: str, dtype: np.dtype[Any], most: int) -> np.ndarray[Any, Any]:
        with closing(_Member(self._zip, name)) as member:
            count = member.length(dtype)
            if count > most:
                raise ValueError(name)
            column = np.empty(count, dtype)
            member.fill(column.view(np.uint8))
            return column


class _Member:
    """An array in the archive: its header is read, its elements are as many as its size has room for.

    Attributes
    ----------
    shape, dtype
        As the header has them.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        info = archive.getinfo(f"{name}.npy")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("compression")
        self._name = name
        self._file = archive.open(info)
        # Of later versions the header may be as long as it likes.
        if np.lib.format.read_magic(self._file) != (1, 0):
            raise ValueError("header")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of what is damaged
            self.shape, _, self.dtype = np.lib.format.read_array_header_1_0(self._file)
        self._left = info.file_size - self._file.tell()

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def length(self, dtype: np.dtype[Any]) -> int:
        """Return how many elements of this type there are."""
        if self.dtype != dtype or len(self.shape) != 1 or self.shape[0] * dtype.itemsize != self._left:
            raise ValueError(self._name)
        return int(self.shape[0])

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        data = self._file.read(size)
        if len(data) != size:
            raise EOFError(self._name)
        return data

    def fill(self, column: Bytes) -> None:
        """Read the next bytes into a column."""
        for begin in range(0, len(column), _PIECE):
            piece = column[begin : begin + _PIECE]
            piece[:] = np.frombuffer(self.read(len(piece)), np.uint8)


def _refuse_long_directory(file: IO[bytes]) -> None:
    """Refuse an archive of many members: zipfile makes an object of each when it opens one."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _END_SIZE - _LOCATOR_SIZE - _END64_SIZE, 0))
    tail = file.read()
    end, locator = tail[-_END_SIZE:], tail[-_END_SIZE - _LOCATOR_SIZE : -_END_SIZE]
    members, directory = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if locator.startswith(_END64):
        record = tail[: -_END_SIZE - _LOCATOR_SIZE]
        members, directory = int.from_bytes(record[32:40], "little"), int.from_bytes(record[40:48], "little")
    if not end.startswith(_END) or end[20:] != bytes(2) or members > _FEW or directory > _DIRECTORY:
        raise zipfile.BadZipFile
    file.seek(0)
