"""Compressed files as the usual programs make them, in memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _zstd(data: bytes) -> bytes:
    import zstandard  # a package that not every Python has

    # As a pipe into zstd does: the frame does not say how long it is.
    packer = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj()
    return packer.compress(data) + packer.flush()


def _lz4(data: bytes) -> bytes:
    import lz4.frame  # see above

    packed: bytes = lz4.frame.compress(data, store_size=False, content_checksum=True)
    return packed


#: Suffix to what compresses so; each may stand behind another of its kind in one file.
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
    "bz2": lambda data: bz2.compress(data, 1),
    "zst": _zstd,
    "lz4": _lz4,
}

#: The programs that do the same.
PROGRAMS = {"gz": "gzip", "xz": "xz", "bz2": "bzip2", "zst": "zstd", "lz4": "lz4"}
