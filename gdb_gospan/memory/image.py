"""Recorded memory: exactly the bytes that were read, for reading them again elsewhere."""

import json
import lzma
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np

from gdb_gospan.errors import TargetError
from gdb_gospan.memory.appearing import written
from gdb_gospan.memory.archive import Archive
from gdb_gospan.memory.compressed_units import pack, units, unpack
from gdb_gospan.memory.model import Rows, Unreadable, out_of_range
from gdb_gospan.memory.segments import U64, Bytes, Segments

FORMAT: Final = 2
"""Of the file; a newer one is refused, an older one will always be read."""

_MAGIC: Final = b"PK\x03\x04"
"""What numpy's archives begin with, and neither executables nor cores, compressed or not."""
_NOT_RECORDED: Final = "not in this snapshot"

_ARRAYS: Final = {
    1: ("format", "meta", "start", "size", "data", "holes"),
    2: ("format", "meta", "start", "size", "packed", "length", "holes"),
}
"""Members of the file, by its format. In the first the bytes were one deflated member, the work of one processor."""

_GRAPH: Final = ("graph_packed", "graph_length")
"""Members that a file may have, too: the graph of objects, which ``graph`` of the meta describes (analysis/frozengraph.py).
Older releases do not read them, and need not."""

_FREE: Final = 64 << 20
_RATIO: Final = 40
"""Bytes that a snapshot may have besides, and for each packed one: a large heap's unpack tenfold."""

DAMAGED_GRAPH: Final = (
    "the graph of objects is damaged; all else can be read (try: go-spans snapshot --graph again)"
)

_DAMAGE: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What numpy, zipfile and json raise over a file that is not what it should be."""


class Image:
    """Sparse memory.

    It answers the recorded reads as the original memory did;
    anything else is unreadable.

    Parameters
    ----------
    segments
        The contents.
    holes
        The reads that failed, by address and size, with what they gave.

    Attributes
    ----------
    identity
        Of the file that it was loaded from; None if from none.
    """

    kind = "image"
    at_hand = True

    def __init__(self, segments: Segments, holes: Mapping[tuple[int, int], Unreadable] | None = None) -> None:
        self.segments = segments
        self.holes = dict(holes or {})
        self.identity: tuple[int, ...] | None = None
        self.reads = 0
        self.bytes_read = 0

    def read(self, address: int, size: int) -> bytes | Unreadable:
        """Return all `size` bytes at `address`, or the first that is missing."""
        if (answer := out_of_range(address, size)) is not None:
            return answer
        self.reads += 1
        data = self.segments.prefix(address, size)
        if len(data) < size:
            missing = Unreadable(address + len(data), size - len(data), _NOT_RECORDED)
            return self.holes.get((address, size), missing)
        self.bytes_read += size
        return data

    def read_many(self, addresses: U64, size: int) -> Rows:
        """Return `size` bytes at each of `addresses`: any order, duplicates allowed."""
        self.reads += 1
        if size == 0:
            return Rows(np.zeros((len(addresses), 0), np.uint8), np.ones(len(addresses), np.bool_))
        # Neighbours are one range here, so no record lies across two.
        offset, readable = self.segments.locate(addresses, size)
        self.bytes_read += int(readable.sum()) * size
        if readable.all():
            return Rows(self.segments.gather(offset, size), readable)
        data = np.zeros((len(addresses), size), np.uint8)
        data[readable] = self.segments.gather(offset[readable], size)
        return Rows(data, readable)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "tuple[Image, dict[str, Any]]":
        """Read a file that `write` wrote.

        Returns
        -------
        Image, dict
            The image and its meta.

        Raises
        ------
        TargetError
            The file cannot be read, is no image, is damaged or too new.
        """
        try:
            with open(path, "rb") as file, closing(Archive(file)) as archive:  # noqa: PTH123  # a name of any kind
                version = archive.number("format")
                if version > FORMAT:
                    raise TargetError(
                        f"{path}: written by a newer release of go-spans (try: update go-spans)"
                    )
                if version not in _ARRAYS:
                    raise ValueError("format")
                meta = archive.json("meta")
                if not isinstance(meta, dict):
                    raise TypeError(meta)
                holes = _holes(archive.json("holes"))
                image = cls(_segments(archive, version), holes)
                image.identity = _identity(os.fstat(file.fileno()))
        except OSError as error:
            raise TargetError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        except _DAMAGE as error:
            raise TargetError(f"{path}: not a go-spans snapshot, or damaged") from error
        return image, meta


def write(
    path: str | os.PathLike[str],
    meta: Mapping[str, Any],
    start: U64,
    size: U64,
    data: Sequence[Bytes],
    holes: Mapping[tuple[int, int], Unreadable],
    *,
    graph: Sequence[Bytes] | None = None,
    replace: bool = True,
) -> None:
    """Write an image to a file that only its owner can read, at once or not at all (`written`).

    Parameters
    ----------
    path
        By convention ``*.gospan``.
    meta
        What JSON can say about the image.
    start, size
        uint64 (n,): its ranges, ascending, no two of them adjacent.
    data
        The bytes of all ranges, in as many pieces as they come in.
    holes
        As in `Image`.
    graph
        Bytes of the graph of objects, in as many pieces as they come in; for `read_graph`.
    replace
        Whether it may take the place of another file.

    Raises
    ------
    TargetError
        The file cannot be written.
    """
    missing = [[hole.address, hole.size, hole.reason, *asked] for asked, hole in holes.items()]
    packed, length = _packed(data)
    members = {
        "format": np.array(FORMAT),
        "meta": _to_json(meta),
        "start": start,
        "size": size,
        "packed": packed,
        "length": length,
        "holes": _to_json(missing),
        **({} if graph is None else _members(graph)),
    }
    with (
        written(os.fspath(path), replace=replace) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name, array in members.items():
            entry = f"{name}.npy"
            # An entry that is made by hand is stored as it is.
            known = zipfile.ZipInfo(entry) if name in ("packed", _GRAPH[0]) else entry
            with archive.open(known, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _packed(data: Sequence[Bytes]) -> tuple[Bytes, U64]:
    """Return these bytes compressed, and the bytes of each unit."""
    packed = pack(data)
    return np.concatenate([np.empty(0, np.uint8), *packed]), np.array(
        [len(unit) for unit in packed], np.uint64
    )


def _members(graph: Sequence[Bytes]) -> dict[str, Any]:
    return dict(zip(_GRAPH, _packed(graph), strict=True))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Return what tells a file from another one of its name, and from itself after a change."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def read_graph(path: str | os.PathLike[str], image: Image, size: int, most: int) -> Bytes:
    """Return the bytes of the graph of objects in a file: uint8 (size,).

    Parameters
    ----------
    image
        That was loaded from it.
    most
        Bytes that they may have, and so many more for each packed one.

    Raises
    ------
    TargetError
        It cannot be read, is damaged, or is another file by now.
    """
    try:
        with open(path, "rb") as file, closing(Archive(file)) as archive:  # noqa: PTH123  # a name of any kind
            if _identity(os.fstat(file.fileno())) != image.identity:
                raise TargetError(f"{path}: the file has changed since it was opened (try: again)")
            stored = archive.packed_size(_GRAPH[0])
            if size > most + _RATIO * stored or not archive.stored(_GRAPH[0]):
                raise ValueError("sizes")
            packed = archive.bytes_of(_GRAPH[0], stored)
            return unpack(packed, archive.numbers(_GRAPH[1], units(size)), size)
    except OSError as error:
        raise TargetError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except _DAMAGE as error:
        raise TargetError(f"{path}: {DAMAGED_GRAPH}") from error


def graph_bytes(path: str | os.PathLike[str]) -> int:
    """Return how many bytes of a file that was just written the graph of objects takes."""
    with open(path, "rb") as file, closing(Archive(file)) as archive:  # noqa: PTH123  # a name of any kind
        return sum(archive.packed_size(name) for name in _GRAPH)


def begins_with(path: str, magic: bytes) -> bool:
    """Whether this is a file, and these are its first bytes."""
    try:
        if not Path(path).is_file():  # opening a pipe waits for who writes to it
            return False
        with open(path, "rb") as file:  # noqa: PTH123  # a name of any kind
            return file.read(len(magic)) == magic
    except (OSError, ValueError):
        return False


def begins_as_image(path: str) -> bool:
    """Whether the file begins like the output of `write`, which no core or executable does."""
    return begins_with(path, _MAGIC)


def is_image(path: str) -> bool:
    """Whether the archive's table of contents is that of a file from `write`."""
    if not begins_as_image(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            found = {*archive.namelist()} - {f"{name}.npy" for name in _GRAPH}
            return any(found == {f"{name}.npy" for name in arrays} for arrays in _ARRAYS.values())
    except (OSError, *_DAMAGE):
        return False


def _segments(archive: Archive, version: int) -> Segments:
    """Check the ranges of a file, for all reading relies on them being sorted, apart and in the data."""
    start = archive.ascending("start")
    size = archive.numbers("size", len(start))
    last = start + (size - np.uint64(1))
    apart = (start[1:] > last[:-1]) & (start[1:] - last[:-1] > 1)
    if (size == 0).any() or (last < start).any() or not apart.all():
        raise ValueError("ranges")
    member = "packed" if version > 1 else "data"
    total = int(size.sum())  # no two overlap, so there are no more than addresses
    stored = archive.packed_size(member)
    if total > _FREE + _RATIO * stored:
        raise ValueError("sizes")
    if version == 1:
        flat = archive.bytes_of(member, total)
    else:
        if not archive.stored(member):
            raise ValueError("packed twice")
        flat = unpack(archive.bytes_of(member, stored), archive.numbers("length", units(total)), total)
    if len(flat) != total:
        raise ValueError("data")
    return Segments(flat, start, size, np.cumsum(size, dtype=np.uint64) - size)


def _holes(rows: list[tuple[int, int, str, int, int]]) -> dict[tuple[int, int], Unreadable]:
    for first, rest, _, address, size in rows:
        if not all(0 <= number < 1 << 63 for number in (rest, size)) or not isinstance(address + first, int):
            raise ValueError("holes")
    return {
        (address, size): Unreadable(int(first), int(rest), str(reason))
        for first, rest, reason, address, size in rows
    }


def _to_json(value: Any) -> Bytes:
    return np.frombuffer(json.dumps(value, allow_nan=False).encode(), np.uint8)
